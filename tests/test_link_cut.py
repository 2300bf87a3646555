"""One connection of a client that waits: a connection that ends is another thing than a broker that says no."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge.errors import BrokerError
from edge.link import Link, open_link
from edge.sections import Broker
from edge.wire import Outgoing

CONNACK = b"\x20\x03\x00\x00\x00"
FORBIDDEN = b"\x40\x03\x00\x01\x87"  # PUBACK of packet 1
MESSAGE = Outgoing(topic="a", payload=b"x")


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of a broker that welcomes one client, answers its next packet with these bytes and hangs up."""

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(10)
            sock.recv(4096)
            sock.sendall(CONNACK)
            sock.recv(4096)
            sock.sendall(answer)
            sock.shutdown(socket.SHUT_WR)
            while answer and sock.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            thread.join(15)


@contextmanager
def linked(port: int) -> Iterator[Link]:
    with open_link(Broker(host="127.0.0.1", port=port)) as link:
        yield link


def test_a_connection_that_is_cut_over_a_request_is_no_refusal() -> None:
    with answering(b"") as port, linked(port) as link, pytest.raises(BrokerError, match="ended") as raised:
        link.publish(MESSAGE)
    assert raised.value.code != "refused"


def test_a_request_that_is_not_allowed_is_refused() -> None:
    with answering(FORBIDDEN) as port, linked(port) as link, pytest.raises(BrokerError, match="refuses") as raised:
        link.publish(MESSAGE)
    assert raised.value.code == "refused"
