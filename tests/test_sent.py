"""What a client has sent and not seen the end of, in a real file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge import sent as module
from edge.errors import ResourceError
from edge.sent import Sent, SentRequest, again
from edge.wire import FINAL_STATES
from tests.queues import ask


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sent]:
    with closing(Sent(tmp_path / "sent.sqlite")) as sent:
        yield sent


def one(job_id: str = "a", state: str = "", **fields: object) -> SentRequest:
    return SentRequest(
        request=ask(job_id, **fields), topic=f"t/{job_id}", state={"id": job_id, "state": state} if state else {}
    )


def ids(sent: Sent) -> list[str]:
    return [found.request.id for found in sent.open()]


def test_a_request_survives_the_one_who_sent_it_with_every_field(tmp_path: Path) -> None:
    kept = one(
        "a", "accepted", seed=7, mode="lite", ttl=60, deadline=1e9, deliver="inline", attempt=3, seconds=2,
        path=[[0.1, 0.8], [0.9, 0.2]], reply="all",
    )  # fmt: skip
    with closing(Sent(tmp_path / "s.sqlite")) as sent:
        sent.keep(kept)
    with closing(Sent(tmp_path / "s.sqlite")) as sent:
        assert sent.open() == [kept]


@pytest.mark.parametrize("state", FINAL_STATES)
def test_what_has_ended_is_open_no_more(sent: Sent, state: str) -> None:
    sent.keep(one())
    sent.keep(one(state=state))
    assert one(state=state).ended
    assert sent.open() == []


@pytest.mark.parametrize("state", ["", "accepted", "running", "handed_back", "superseded"])
def test_what_has_not_ended_stays_open(sent: Sent, state: str) -> None:
    sent.keep(one(state=state))
    assert not one(state=state).ended
    assert ids(sent) == ["a"]


def test_the_oldest_comes_first_however_often_it_is_kept(sent: Sent) -> None:
    for job_id in ("b", "a", "c"):
        sent.keep(one(job_id))
    sent.keep(again(one("b")))
    assert ids(sent) == ["b", "a", "c"]
    assert sent.open()[0].request.attempt == 2


def test_a_forgotten_request_is_gone_and_the_others_are_not(sent: Sent) -> None:
    for job_id in ("a", "b"):
        sent.keep(one(job_id))
    sent.forget("a")
    sent.forget("unknown")
    assert ids(sent) == ["b"]


def test_again_is_the_same_request_with_the_next_attempt() -> None:
    first = one(seed=7)
    assert again(first) == replace(first, request=replace(first.request, attempt=2))


def test_of_what_has_ended_the_oldest_are_dropped_and_nothing_that_is_open(
    tmp_path: Path, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ENDED", 3)
    sent.keep(one("open"))
    for number in range(6):
        sent.keep(one(f"j{number}", "done"))
    with closing(sqlite3.connect(tmp_path / "sent.sqlite")) as db:
        rows = db.execute("SELECT id FROM sent ORDER BY seq").fetchall()
    assert [row[0] for row in rows] == ["open", "j3", "j4", "j5"]


@pytest.mark.parametrize("prompt", ["/think /no_think a fish", "\x00/think a fish", "红色气球 🎈"])
def test_no_prompt_makes_the_file_unreadable(sent: Sent, prompt: str) -> None:
    kept = one(prompt=prompt)
    sent.keep(kept)
    assert sent.open() == [kept]


def test_two_clients_share_the_file(tmp_path: Path, sent: Sent) -> None:
    with closing(Sent(tmp_path / "sent.sqlite")) as other:
        sent.keep(one("a"))
        other.keep(one("b"))
        assert ids(sent) == ids(other) == ["a", "b"]


def test_a_file_that_cannot_be_opened_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be taken for one by its size" * 20)
    for path in (tmp_path / "text", tmp_path / "text" / "below"):
        with pytest.raises(ResourceError) as refused:
            Sent(path)
        assert refused.value.hint
