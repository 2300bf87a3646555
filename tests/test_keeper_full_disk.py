"""The keeper of the clips on a board whose disk is full or whose clock was set."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.jobqueue import JobQueue
from edge.keeper import Keeper
from edge.request import make_request
from edge.wire import Origin
from tests.boards import tiny_settings

DAY_S = 24 * 3600.0


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b1"))) as queue:
        yield queue


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tiny_settings(tmp_path).paths.clips
    folder.mkdir()
    return folder


@pytest.mark.parametrize("set_s", [DAY_S, -DAY_S], ids=["on", "back"])
def test_what_grows_here_stays_whichever_way_the_clock_was_set(
    set_s: float, tmp_path: Path, clips: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    before, after = clips / ".before.mp4.part", clips / ".after.mp4.part"
    before.write_bytes(b"x")  # written before the clock was set, and after
    after.write_bytes(b"x")
    os.utime(after, (real() + set_s,) * 2)
    monkeypatch.setattr(time, "time", lambda: real() + set_s)
    Keeper(tiny_settings(tmp_path), queue).look()
    assert sorted(clips.iterdir()) == sorted([before, after])


def test_what_was_left_here_by_a_dead_process_goes(tmp_path: Path, clips: Path, queue: JobQueue) -> None:
    part = clips / ".dead.mp4.part"
    part.write_bytes(b"x")
    os.utime(part, (time.time() - 4000,) * 2)
    Keeper(tiny_settings(tmp_path), queue).look()
    assert list(clips.iterdir()) == []


def test_without_room_it_looks_again_within_seconds(
    tmp_path: Path, clips: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [100.0]
    monkeypatch.setattr("edge.keeper.free_mib", lambda _: free[0])
    monkeypatch.setattr("edge.keeper.HURRY_S", 0.0)
    keeper = Keeper(tiny_settings(tmp_path), queue)
    keeper.look()
    delivered = clips / "old.mp4"  # of a job that nobody waits for
    delivered.write_bytes(b"x")
    keeper.look()
    assert delivered.exists()
    free[0] = 10.0
    keeper.look()
    assert not delivered.exists()


def test_a_queue_that_cannot_be_tidied_up_is_no_reason_to_die(
    tmp_path: Path, queue: JobQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue.upkeep, "forget", _full)
    Keeper(tiny_settings(tmp_path), queue).look()
    assert "Free some disk space" in caplog.text
    queue.put(make_request("a fish", id="a"), now=queue.now())
    assert queue.depth() == 1


def _full(**_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")
