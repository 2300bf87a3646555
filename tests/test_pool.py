"""The pools of a board at a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.gate import Gate
from edge.link import open_link
from edge.pool import Pool
from edge.sections import Broker, Fleet
from edge.wire import Incoming, Outgoing
from tests.mosquitto import Mosquitto, free_port
from tests.test_broker import until

REQ = "edgereel/v1/pool/kitchen/req"
OPEN = Gate(is_open=True, reason="")
SHUT = Gate(reason="enough to do")


class Member:
    """A board's pool session, and what came of it."""

    def __init__(self, server: Mosquitto | None, node: str, *pools: str) -> None:
        self.got: list[Incoming] = []
        port = server.port if server else free_port()
        self.pool = Pool(
            Broker(host="127.0.0.1", port=port, keepalive_s=5), Fleet(pools=pools), node=node, handle=self.got.append
        )

    def follow(self, gate: Gate) -> None:
        """As the daemon does at every tick, until it is done."""
        until(lambda: self.pool.session.connected)
        self.pool.follow(gate)


@contextmanager
def member(server: Mosquitto | None, node: str = "n1", *pools: str, joins: bool = True) -> Iterator[Member]:
    one = Member(server, node, *(pools or ("kitchen",)))
    one.pool.start()
    try:
        if joins:
            one.follow(OPEN)
        yield one
    finally:
        one.pool.close()


def taken(server: Mosquitto, payload: bytes = b"work", topic: str = REQ) -> bool:
    """Publish a request; whether anybody takes it."""
    with open_link(Broker(host="127.0.0.1", port=server.port)) as link:
        return link.publish(Outgoing(topic=topic, payload=payload))


def test_a_member_gets_the_requests_of_each_of_its_pools_and_of_no_other(server: Mosquitto) -> None:
    with member(server, "n1", "kitchen", "pi4-2g") as one:
        until(lambda: taken(server, b"first"))
        assert taken(server, b"second", "edgereel/v1/pool/pi4-2g/req")
        assert not taken(server, b"third", "edgereel/v1/pool/attic/req")
        until(lambda: len(one.got) == 2)
        assert one.pool.joined
    assert {message.topic for message in one.got} == {REQ, "edgereel/v1/pool/pi4-2g/req"}


def test_a_request_goes_to_one_of_its_members(server: Mosquitto) -> None:
    with member(server, "n1") as one, member(server, "n2") as two:
        until(lambda: taken(server, b"warm"))
        for number in range(8):
            taken(server, b"%d" % number)
        until(lambda: len(one.got) + len(two.got) >= 9)
        payloads = [message.payload for message in one.got + two.got]
    assert sorted(payloads) == sorted({*payloads})
    assert one.got and two.got


def test_before_the_gate_is_open_nothing_comes(server: Mosquitto) -> None:
    with member(server, joins=False) as one:
        one.follow(SHUT)
        assert not one.pool.joined
        assert not taken(server)


def test_who_has_left_is_passed_over_and_who_comes_back_is_not(server: Mosquitto) -> None:
    with member(server) as one:
        until(lambda: taken(server))
        one.follow(SHUT)
        until(lambda: not taken(server))
        assert not one.pool.joined
        before = len(one.got)
        one.follow(OPEN)
        until(lambda: taken(server, b"again"))
        until(lambda: len(one.got) > before)


def test_a_stopping_board_leaves(server: Mosquitto) -> None:
    with member(server):
        until(lambda: taken(server))
    assert not taken(server)


def test_a_planted_request_does_not_come_at_every_join(server: Mosquitto) -> None:
    server.publish(REQ, "planted", "-r")
    with member(server) as one:
        until(lambda: taken(server, b"work"))
        one.follow(SHUT)
        one.follow(OPEN)
        until(lambda: taken(server, b"more"))
        until(lambda: any(message.payload == b"more" for message in one.got))
    assert b"planted" not in [message.payload for message in one.got]


def test_a_member_joins_again_after_the_broker_lost_its_memory(server: Mosquitto) -> None:
    with member(server) as one:
        until(lambda: taken(server))
        server.kill()
        (server.folder / "mosquitto.db").unlink(missing_ok=True)
        until(lambda: not one.pool.joined)
        server.start()
        one.follow(OPEN)
        until(lambda: taken(server))


def test_a_gate_that_shut_while_the_broker_was_away_stays_shut_though_the_session_was_kept(server: Mosquitto) -> None:
    with member(server) as one:
        until(lambda: taken(server))
        server.stop()
        until(lambda: one.pool.session.connected is None)
        one.pool.follow(SHUT)
        server.start()
        one.follow(SHUT)
        until(lambda: not taken(server))


def test_a_board_without_pools_has_no_session_and_is_well(server: Mosquitto) -> None:
    one = Member(server, "n1")
    one.pool.start()
    one.pool.follow(OPEN)
    assert one.pool.alive and not one.pool.joined
    one.pool.close()


def test_without_a_broker_it_keeps_trying(server: Mosquitto) -> None:
    with member(None, joins=False) as one:
        one.pool.follow(OPEN)
        assert one.pool.alive and not one.pool.joined
