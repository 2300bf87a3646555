"""How a client takes up what an earlier one left, and waits for an answer that has the clip in it."""

from __future__ import annotations

import base64
import time
from contextlib import closing
from pathlib import Path

import pytest

from edge import requester as module
from edge.requester import Requester
from edge.sections import Broker
from edge.sent import Sent, SentRequest
from edge.submit import resume
from tests.mosquitto import Mosquitto
from tests.puppet import puppet
from tests.queues import ask
from tests.test_requester import POOL, attempts, client

CLIP = base64.b64encode(b"a clip").decode()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SETTLE_S", 0.5), ("NOBODY_S", 0.6), ("ANSWER_S", 0.6)):
        monkeypatch.setattr(module, name, seconds)


def leave(folder: Path, *ids: str) -> None:
    with closing(Sent(folder / "sent.sqlite")) as sent:
        for job_id in ids:
            sent.keep(SentRequest(request=ask(job_id), topic=POOL))


def at(server: Mosquitto) -> Broker:
    return Broker(host="127.0.0.1", port=server.port)


def test_what_has_ended_meanwhile_is_learnt_without_sending_it_again(server: Mosquitto, tmp_path: Path) -> None:
    leave(tmp_path, "a", "b")
    with puppet(server, "n1", POOL) as board:
        board.say("a", "done")
        board.say("b", "failed")
        states = resume(broker=at(server), file=tmp_path / "sent.sqlite", timeout_s=20)
        assert [body["state"] for body in states] == ["done", "failed"]
        assert board.none_comes(0.2)
    assert resume(broker=at(server), file=tmp_path / "sent.sqlite", timeout_s=1) == []


def test_what_nobody_knows_of_is_sent_as_a_further_attempt(server: Mosquitto, tmp_path: Path) -> None:
    leave(tmp_path, "a")
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, add=False, retry_s=20) as one:
        assert attempts(board, 1) == [2]
        board.say("a", "done")
        assert one.end()["state"] == "done"


def test_a_board_that_still_has_the_job_is_asked_by_name(server: Mosquitto, tmp_path: Path) -> None:
    leave(tmp_path, "a")
    with puppet(server, "n1", POOL) as board:
        board.say("a", "running", 3)
        with client(server, tmp_path, add=False) as one:
            assert board.next()[1].topic == "edgereel/v1/node/n1/req"
            board.say("a", "done", 4)
            one.end()


def test_what_does_not_end_in_time_is_kept_for_the_next_call(server: Mosquitto, tmp_path: Path) -> None:
    leave(tmp_path, "a", "b")
    with puppet(server, "n1", POOL) as board:
        board.say("a", "accepted")
        states = resume(broker=at(server), file=tmp_path / "sent.sqlite", timeout_s=0.4)
        assert [body["state"] for body in states] == ["accepted", "sent"]
        board.say("a", "done", 2)
        board.say("b", "done")
        states = resume(broker=at(server), file=tmp_path / "sent.sqlite", timeout_s=10)
        assert [body["state"] for body in states] == ["done", "done"]


def test_an_end_with_the_clip_in_it_is_waited_for(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20, deliver="inline") as one:
        _, message = board.next()
        board.say("a", "done", 3, result={"bytes": 6})
        time.sleep(0.1)
        board.say("a", "done", 3, to=message, result={"bytes": 6, "inline": CLIP})
        assert one.end()["result"]["inline"] == CLIP
    assert [body["state"] for body in one.told] == ["done"]


def test_an_answer_without_the_clip_is_an_end_too_and_so_is_none_at_all(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board:
        with client(server, tmp_path / "1", retry_s=20, deliver="inline") as one:
            _, message = board.next()
            board.say("a", "done", 3, to=message, result={"bytes": 6})
            assert one.end()["state"] == "done"
        board.say("a", "accepted", 4)
        with client(server, tmp_path / "2", retry_s=20, deliver="inline") as one:
            board.next()
            began = time.monotonic()
            board.say("a", "done", 5, result={"bytes": 6})  # too large for a message, or the answer was lost
            assert one.end()["state"] == "done"
            assert 0.3 < time.monotonic() - began < 10
            assert board.none_comes(0.3)


def test_who_did_not_ask_for_the_clip_does_not_wait_for_it(server: Mosquitto, tmp_path: Path) -> None:
    with puppet(server, "n1", POOL) as board, client(server, tmp_path, retry_s=20) as one:
        board.next()
        began = time.monotonic()
        board.say("a", "done", 3)
        one.end()
    assert time.monotonic() - began < 0.5


def test_states_of_what_was_never_heard_are_empty(server: Mosquitto, tmp_path: Path) -> None:
    with closing(Sent(tmp_path / "sent.sqlite")) as sent:
        requester = Requester(at(server), sent)
        requester.add(SentRequest(request=ask("a"), topic=POOL))
        assert requester.states() == {"a": {}}
        assert not requester.ended("a")
