"""One connection of a client, against a real broker: what is answered, what is refused, and what is not known."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from edge.errors import BrokerError
from edge.link import Link, open_link
from edge.sections import Broker
from edge.wire import Outgoing
from tests.mosquitto import Mosquitto
from tests.puppet import puppet


def at(server: Mosquitto) -> Broker:
    return Broker(host="127.0.0.1", port=server.port)


def message(topic: str = "t/x") -> Outgoing:
    return Outgoing(topic=topic, payload=b"hello", response_topic="r/x", correlation=b"k")


def test_it_says_whether_somebody_listens(server: Mosquitto) -> None:
    with open_link(at(server)) as link, open_link(at(server)) as other:
        assert not link.publish(message())
        other.subscribe("t/#")
        assert link.publish(message())
        got = other.next_message(until=time.monotonic() + 5)
        assert got and (got.payload, got.response_topic, got.correlation) == (b"hello", "r/x", b"k")
        assert other.next_message(until=time.monotonic() + 0.05) is None


def test_more_topics_than_fit_one_packet_are_all_subscribed(server: Mosquitto) -> None:
    with open_link(at(server)) as link:
        link.subscribe(*(f"t/{number}" for number in range(250)))
        assert all(link.publish(message(f"t/{number}")) for number in (0, 99, 100, 249))
        assert not link.publish(message("t/250"))


def test_what_the_broker_forbids_is_a_refusal(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read t/#\n")
    server = Mosquitto(tmp_path / "strict", "allow_anonymous true", f"acl_file {acl}")
    server.start()
    try:
        with open_link(at(server)) as link, pytest.raises(BrokerError) as refused:
            link.publish(message())
        assert refused.value.code == "refused"
    finally:
        server.stop()


def cut(server: Mosquitto, link: Link) -> None:
    server.kill()
    with pytest.raises(BrokerError, match="ended"):
        link.next_message(until=time.monotonic() + 10)


@pytest.mark.parametrize("how", ["publish", "subscribe"])
def test_a_connection_that_breaks_is_no_refusal_and_no_answer(server: Mosquitto, how: str) -> None:
    with open_link(at(server)) as link:
        cut(server, link)
        with pytest.raises(BrokerError, match="ended") as broken:
            link.publish(message()) if how == "publish" else link.subscribe("t/x")
        assert broken.value.code != "refused"


def test_a_broker_that_stops_in_good_order_is_no_refusal_either(server: Mosquitto) -> None:
    with open_link(at(server)) as link:
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with pytest.raises(BrokerError) as broken:
            while True:
                link.publish(message())
        stopping.join(10)
        assert broken.value.code != "refused"


def test_the_board_that_is_online_is_found_and_one_that_went_is_not(server: Mosquitto) -> None:
    with puppet(server, "n1") as one, puppet(server, "n2") as two:
        one.status("offline")
        with open_link(at(server)) as link:
            assert link.find_node() == "n2"
        two.status("offline")
        with open_link(at(server)) as link, pytest.raises(BrokerError, match="No board is online"):
            link.find_node()
