"""The client's half of the promise, at a real broker with boards whose every word is chosen."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge import requester as module
from edge.errors import BrokerError
from edge.requester import Requester, State
from edge.sections import Broker
from edge.sent import Sent, SentRequest
from tests.mosquitto import Mosquitto
from tests.puppet import Puppet, puppet
from tests.queues import ask

POOL = "edgereel/v1/pool/p/req"
NODE = "edgereel/v1/node/n1/req"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SETTLE_S", 0.3), ("NOBODY_S", 0.4), ("ANSWER_S", 0.4), ("RECONNECT_S", 0.1)):
        monkeypatch.setattr(module, name, seconds)


class Client:
    """A requester that follows its request in a thread of its own."""

    def __init__(self, server: Mosquitto, folder: Path, *, topic: str = POOL, add: bool = True, **fields: Any) -> None:
        self.told: list[State] = []
        self.error: BrokerError | None = None
        self.in_time: bool | None = None
        options = {name: fields.pop(name) for name in ("patient", "retry_s", "offline_s") if name in fields}
        self._make = lambda sent: Requester(
            Broker(host="127.0.0.1", port=server.port), sent, on_state=self.told.append,
            **({"retry_s": 0.4, "offline_s": 0.4} | options),
        )  # fmt: skip
        self._folder, self._topic, self._add, self._fields = folder, topic, add, fields
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with closing(Sent(self._folder / "sent.sqlite")) as sent:
            requester = self._make(sent)
            if self._add:
                requester.add(SentRequest(request=ask("a", **self._fields), topic=self._topic))
            else:
                requester.take_up()
            try:
                self.in_time = requester.follow(
                    until=lambda: requester.ended("a") or self._stop.is_set(), deadline=time.monotonic() + 30
                )
            except BrokerError as exc:
                self.error = exc
            self.last = requester.states()["a"]

    def stop(self) -> None:
        self._stop.set()
        self.thread.join(30)

    def end(self) -> State:
        """The end of the job."""
        self.thread.join(30)
        assert not self.thread.is_alive()
        assert self.error is None, self.error
        return self.last


@contextmanager
def client(server: Mosquitto, folder: Path, **options: Any) -> Iterator[Client]:
    one = Client(server, folder, **options)
    one.thread.start()
    try:
        yield one
    finally:
        one.stop()


def until(condition: Callable[[], object], timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def attempts(board: Puppet, count: int) -> list[int]:
    return [board.next()[0]["attempt"] for _ in range(count)]


def test_a_request_is_followed_to_its_end_and_every_state_is_told_once(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20) as one:
        body, message = board.next()
        assert (body["id"], body["attempt"], message.correlation) == ("a", 1, b"a")
        for rev, state in enumerate(("accepted", "running", "done"), 1):
            board.say("a", state, rev)
        assert one.end()["state"] == "done"
    assert [body["state"] for body in one.told] == ["accepted", "running", "done"]
    with closing(Sent(tmp_path / "sent.sqlite")) as sent:
        assert sent.open() == []


def test_what_nobody_answers_is_sent_again_as_the_next_attempt(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=0.1) as one:
        assert attempts(board, 3) == [1, 2, 3]
        board.say("a", "done")
        one.end()


def test_the_waits_grow(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=0.1):
        times = []
        for _ in range(5):
            board.next()
            times.append(time.monotonic())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[3] > 2.5 * gaps[0]


def test_a_full_pool_is_asked_again_soon_though_somebody_watches_every_topic(
    server: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POOL_LONGEST_S", 0.2)
    with puppet(server, "watcher", "#") as watcher, client(server, tmp_path, retry_s=0.1):
        sent_at: list[float] = []
        while len(sent_at) < 8:  # without that limit the eighth comes after 12.7 s
            if watcher.next()[1].topic == POOL:
                sent_at.append(time.monotonic())
    assert sent_at[-1] - sent_at[0] < 6


def test_until_somebody_listens_the_attempt_stays_the_first(server: Mosquitto, tmp_path: Path) -> None:
    with client(server, tmp_path) as one:
        time.sleep(0.6)
        with puppet(server, "n1", POOL) as board:
            assert attempts(board, 1) == [1]
            board.say("a", "done")
            one.end()


def test_an_impatient_client_is_told_that_nobody_listens_and_forgets_the_request(
    server: Mosquitto, tmp_path: Path
) -> None:
    with client(server, tmp_path, patient=False) as one:
        one.thread.join(20)
    assert one.error and "Nobody listens" in str(one.error) and one.error.hint
    with closing(Sent(tmp_path / "sent.sqlite")) as sent:
        assert sent.open() == []


def test_once_accepted_it_is_asked_for_at_that_board_and_not_at_the_pool(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path) as one:
        board.next()
        board.say("a", "accepted")
        body, message = board.next()
        assert (message.topic, body["attempt"]) == (NODE, 2)
        board.say("a", "done", 2)
        one.end()


def test_an_older_state_of_the_same_board_is_a_replay(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20) as one:
        board.next()
        for state, rev in (("accepted", 1), ("running", 4), ("accepted", 1), ("handed_back", 3), ("done", 5)):
            board.say("a", state, rev)
        one.end()
    assert [body["state"] for body in one.told] == ["accepted", "running", "done"]


def test_what_was_handed_back_is_sent_to_the_pool_again(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path) as one:
        board.next()
        board.say("a", "accepted")
        board.say("a", "handed_back", 2)
        body, message = board.next()
        assert (message.topic, body["attempt"]) == (POOL, 2)
        board.say("a", "done", 3)
        one.end()


def test_a_copy_that_another_board_hands_back_does_not_hide_who_has_the_job(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, puppet(server, "n2") as other, client(server, tmp_path) as one:
        board.next()
        board.say("a", "running")
        other.say("a", "handed_back", 9)
        assert board.next()[1].topic == NODE
        board.say("a", "done", 2)
        assert one.end()["node"] == "n1"


@pytest.mark.parametrize("code", ["overloaded", "disk_full"])
def test_a_patient_client_comes_back_to_boards_that_are_full(server: Mosquitto, tmp_path: Path, code: str) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20) as one:
        _, message = board.next()
        asked = time.monotonic()
        board.say("a", "rejected", 0, to=message, error={"code": code, "retry_after_s": 0.5})
        assert attempts(board, 1) == [2]
        assert time.monotonic() - asked > 0.45
        board.say("a", "done")
        one.end()
    assert "rejected" not in [body["state"] for body in one.told]


def test_an_impatient_client_takes_it_as_the_end(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, patient=False) as one:
        _, message = board.next()
        board.say("a", "rejected", 0, to=message, error={"code": "overloaded", "retry_after_s": 60})
        assert one.end()["state"] == "rejected"


def test_a_request_that_is_wrong_is_not_sent_again_by_anybody(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path) as one:
        _, message = board.next()
        board.say("a", "rejected", 0, to=message, error={"code": "bad_request", "message": "No."})
        assert one.end()["error"]["code"] == "bad_request"
        assert board.none_comes(0.6)


def test_a_refusal_of_anothers_request_with_the_same_id_ends_nothing(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path) as one:
        board.next()
        board.say("a", "accepted")
        board.say("a", "rejected", 0, error={"code": "id_conflict"})
        assert attempts(board, 1) == [2]  # the client asks how its own stands
        board.say("a", "done", 2)
        assert one.end()["state"] == "done"


def test_a_board_that_refuses_every_repeat_is_not_asked_as_fast_as_it_answers(
    server: Mosquitto, tmp_path: Path
) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path) as one:
        board.next()
        board.say("a", "accepted")
        began, asked = time.monotonic(), 0
        while one.thread.is_alive():
            _, message = board.next()
            asked += 1
            board.say("a", "rejected", 0, to=message, error={"code": "bad_request"})
            one.thread.join(0.1)
        assert one.end()["state"] == "rejected"  # in the end it is believed
        assert asked <= 5 and time.monotonic() - began > 0.3 * asked


def test_a_board_that_accepted_and_went_offline_has_lost_the_job_to_the_others(
    server: Mosquitto, tmp_path: Path
) -> None:
    with (
        puppet(server, "n1", POOL) as board,
        puppet(server, "n2", "edgereel/v1/other") as other,
        client(server, tmp_path, retry_s=20) as one,
    ):
        board.next()
        board.say("a", "running")
        board.status("offline")
        body, message = board.next()
        assert (message.topic, body["attempt"]) == (POOL, 2)
        other.say("a", "done")
        assert one.end()["node"] == "n2"


def test_a_board_that_comes_back_in_time_keeps_the_job(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20, offline_s=1.0) as one:
        board.next()
        board.say("a", "running")
        board.status("offline")
        time.sleep(0.3)
        board.status("online")
        assert board.none_comes(1.2)
        board.say("a", "done", 2)
        one.end()


def test_a_board_that_accepted_and_never_answers_is_given_up(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=0.3) as one:
        board.next()
        board.say("a", "accepted")  # and its status says online for ever, as after a power cut of the broker too
        assert [board.next()[1].topic for _ in range(3)] == [NODE, POOL, POOL]
        board.say("a", "done", 2)
        one.end()
