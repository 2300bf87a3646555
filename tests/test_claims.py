"""Whether the word of a board stands, at a real broker."""

from __future__ import annotations

import time

import pytest

from edge import claims
from edge.claims import Claims
from edge.look import Verdict
from edge.sections import Broker
from tests.mosquitto import Mosquitto, free_port
from tests.test_look import says


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "CONFIRM_S", 0.5)
    monkeypatch.setattr(claims, "TURN_S", 0.0)


def spoke(server: Mosquitto, *, node: str = "n1") -> Claims:
    """A board that has spoken for the job `a`."""
    found = Claims(Broker(host="127.0.0.1", port=server.port), node="n1")
    found.add("a")
    says(server, node, "accepted")
    return found


def test_a_word_that_stands_for_long_enough_lets_the_job_begin(server: Mosquitto) -> None:
    found = spoke(server)
    assert found.look(["a"]) == {}
    time.sleep(0.6)
    assert found.look(["a"]) == {"a": Verdict.START}


def test_a_board_that_was_cut_off_sees_its_word_stand_anew(server: Mosquitto) -> None:
    found = spoke(server)
    found.look(["a"])
    time.sleep(0.6)
    found.reset()
    assert found.look(["a"]) == {}


@pytest.mark.parametrize(("state", "verdict"), [("running", Verdict.HOLD), ("done", Verdict.SUPERSEDED)])
def test_a_later_word_of_another_board_counts(server: Mosquitto, state: str, verdict: Verdict) -> None:
    found = spoke(server)
    found.look(["a"])
    says(server, "n2", state)
    assert found.look(["a"]) == {"a": verdict}


def test_an_old_word_that_ours_will_replace_settles_nothing(server: Mosquitto) -> None:
    found = spoke(server, node="n2")
    says(server, "n2", "handed_back")
    time.sleep(0.6)
    assert found.look(["a"]) == {}


def test_what_waits_no_more_is_no_claim(server: Mosquitto) -> None:
    found = spoke(server)
    assert "a" in found
    assert found.look([]) == {}
    assert "a" not in found


def test_a_broker_that_tells_nothing_holds_no_job_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Claims(Broker(host="127.0.0.1", port=free_port()), node="n1")
    found.add("a")
    assert found.look(["a"]) == {}
    monkeypatch.setattr(claims, "GIVE_UP_S", 0.0)
    assert found.look(["a"]) == {"a": Verdict.START}
