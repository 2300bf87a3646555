"""A paho-mqtt client for MQTT v5, set up the same way for the daemon and for `edgereel submit`.

paho traps that this file closes for both: a session is kept only with clean_start False, QoS 2 is never used
(it loses messages on a kill), the broker's Maximum Packet Size is not looked at by paho, a packet of any size is taken
into memory, why a broker refuses a certificate is passed over by it, and it ends the connection over a reason that MQTT
does not have in a PUBACK, which mosquitto gives for what is above its message_size_limit.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import Any, Literal

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.errors import BrokerError
from edge.sections import Broker
from edge.tls import Context, client_context, refusal
from edge.wire import Incoming, Outgoing

CONNECT_TIMEOUT_S = 5.0
RECEIVE_MAXIMUM = 4
MAXIMUM_PACKET_BYTES = 1024 * 1024  # the broker drops what is larger: three times the largest request, or inline clip
HEADER_BYTES = 64  # what a PUBLISH adds to topic, payload and correlation data, rounded up
NO_RETAINED = 2  # Retain Handling: what was retained before we subscribed is not sent
BAD_CREDENTIALS = (0x86, 0x87)
UNSPECIFIED = 0x80
PACKET_TOO_LARGE = 0x95
TOO_LARGE = 0x99  # what a PUBACK with PACKET_TOO_LARGE is read as: "payload format invalid", which we never declare


class TolerantClient(Client):
    """Reads a PUBACK that says that the packet was too large."""

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd == "PUBACK" and len(packet) > 2 and packet[2] == PACKET_TOO_LARGE:
            packet[2] = TOO_LARGE
        return super()._handle_pubackcomp(cmd)


def new_client(broker: Broker, *, client_id: str, manual_ack: bool = False) -> Client:
    """A client that is not connected yet and never reconnects by itself.

    Raises SettingsError when the password, a certificate or a key cannot be read, or they do not fit together.
    """
    context = client_context(broker)
    client = TolerantClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTv5,
        manual_ack=manual_ack,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    if broker.username:
        client.username_pw_set(broker.username, broker.password())
    if context:
        client.tls_set_context(context)
        client.user_data_set(context)
    return client


def connect(client: Client, broker: Broker, *, session_expiry_s: int) -> None:
    """Open the TCP (and TLS) connection and send CONNECT; the CONNACK comes later, to `on_connect`.

    With `session_expiry_s` 0 the client begins and ends without a session, else it takes up the one it has.
    With TLS the CONNACK is waited for, so `on_connect` is called from here: only then is our certificate accepted.

    Raises BrokerError when the broker cannot be reached or the TLS handshake fails.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    properties.SessionExpiryInterval = session_expiry_s
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
    try:
        client.connect(
            broker.host, broker.port, broker.keepalive_s, clean_start=session_expiry_s == 0, properties=properties
        )
    except ssl.SSLError as exc:
        raise refusal(broker, exc) from exc
    except (OSError, ValueError) as exc:
        raise BrokerError(
            f"The broker {broker.host}:{broker.port} cannot be reached: {_why(exc)}.", hint=_reach_hint(exc)
        ) from exc
    if broker.tls:
        _await_connack(client, broker)


def refused(broker: Broker, reason: ReasonCode) -> BrokerError:
    """The error for a CONNACK that says no, or for a connection that ended in its place."""
    hint = "See the broker's log for why."
    if reason.value in BAD_CREDENTIALS:
        hint = "Check broker.username and broker.password_file, and what the broker allows this client."
    elif reason.value == UNSPECIFIED and not broker.tls:
        hint = "Does it want TLS on this port? Then set broker.tls. Else see the broker's log for why."
    return BrokerError(f"The broker {broker.host}:{broker.port} refuses the connection: {reason}.", hint=hint)


def subscription(*, retained: bool) -> SubscribeOptions:
    """QoS 1. Without `retained`, nothing that was kept by the broker comes, and a message published with retain says so."""
    if retained:
        return SubscribeOptions(qos=1)
    return SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=NO_RETAINED)


def publish_properties(message: Outgoing) -> Properties:
    """Message expiry, correlation data and response topic, as far as they are set."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # as above
    if message.expiry_s:
        properties.MessageExpiryInterval = message.expiry_s
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.response_topic:
        properties.ResponseTopic = message.response_topic
    return properties


def packet_bytes(message: Outgoing) -> int:
    """An upper bound for the size of the PUBLISH packet."""
    reply = (message.correlation or b"", (message.response_topic or "").encode())
    return HEADER_BYTES + len(message.topic.encode()) + len(message.payload) + sum(map(len, reply))


def incoming(message: MQTTMessage) -> Incoming:
    """What was received, with the v5 properties that we use; a client that sets none is as good."""
    properties: Any = message.properties
    return Incoming(
        topic=message.topic,
        payload=bytes(message.payload),
        retain=message.retain,
        response_topic=getattr(properties, "ResponseTopic", None),
        correlation=getattr(properties, "CorrelationData", None),
        expiry_s=getattr(properties, "MessageExpiryInterval", None),
    )


def _await_connack(client: Client, broker: Broker) -> None:
    context: Context = client.user_data_get()
    until = time.monotonic() + CONNECT_TIMEOUT_S
    while not client.is_connected() and (sock := client.socket()) and (left_s := until - time.monotonic()) > 0:
        readable, writable, _ = select.select([sock], [sock] if client.want_write() else [], [], left_s)
        if writable:
            client.loop_write()
        if readable:
            client.loop_read()
    if context.alert:
        raise refusal(broker, context.alert) from context.alert


def _why(exc: Exception) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or type(exc).__name__


def _reach_hint(exc: Exception) -> str:
    match exc:
        case ConnectionRefusedError():
            return "Start the broker (`systemctl start mosquitto`), or correct broker.host and broker.port."
        case socket.gaierror():
            return "Correct broker.host, or use the broker's address."
    return "Check the network, broker.host and broker.port."
