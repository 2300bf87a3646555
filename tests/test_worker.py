"""The worker thread with a real queue and a real engine process; only the pipeline in it is small."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge import attempt as attempt_module
from edge import worker as worker_module
from edge.governor import Verdict, choose
from edge.job import Job, JobState
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.pipe import Step
from edge.request import make_request
from edge.result import ModeChoice
from edge.wire import Origin, decode
from edge.worker import Worker
from tests.boards import FAKE_ENGINE, tiny_settings


class Board:
    """A queue and a worker, and a governor that says what the test sets."""

    def __init__(self, folder: Path) -> None:
        settings = tiny_settings(folder)
        settings.paths.clips.mkdir()
        self.clips = settings.paths.clips
        self.verdict = Verdict()
        self.steps: list[tuple[str, Step]] = []
        self.queue = JobQueue(folder / "q.sqlite", origin=Origin(node="n1", boot="b1"))
        self.worker = Worker(
            self.queue,
            settings,
            choose=self.choose,
            allowed=lambda: self.verdict.mode,
            progress=lambda job, step: self.steps.append((job.id, step)),
            command=FAKE_ENGINE,
        )
        self.worker.start()

    def choose(self, job: Job) -> ModeChoice | None:
        asked = Mode.DIRECT if job.request.mode == "auto" else Mode(job.request.mode)
        return choose(job, asked=asked, reason="", caps=[(self.verdict.mode, self.verdict.reason)])

    def put(self, job_id: str, prompt: str, **fields: object) -> None:
        self.queue.put(make_request(prompt, id=job_id, **fields), now=time.time())

    def wait(self, job_id: str, *states: JobState, timeout_s: float = 30) -> Job:
        return self.until(lambda: self.job(job_id) if self.job(job_id).state in states else None, timeout_s)

    def until(self, condition: Callable[[], Job | None], timeout_s: float = 30) -> Job:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError([(job.id, job.state, job.outcome) for job in self.queue.jobs()])

    def job(self, job_id: str) -> Job:
        job = self.queue.get(job_id)
        assert job
        return job

    def states(self, job_id: str) -> list[str]:
        rows = self.queue.outbox.due(now=0, limit=1000)
        return [decode(row.message.payload)["state"] for row in rows if row.message.topic.endswith(f"/{job_id}/state")]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path)
    with closing(board.queue):
        yield board
        board.worker.stop(timeout_s=10)


def test_a_job_is_done_and_its_clip_is_named_after_it(board: Board) -> None:
    board.put("a", "a fish")
    job = board.wait("a", JobState.DONE)
    assert job.outcome
    assert Path(job.outcome["clip"]["path"]) == board.clips / "a.mp4"
    assert (board.clips / "a.mp4").read_text() == "a fish"
    assert board.states("a") == ["accepted", "running", "done"]


def test_jobs_run_one_after_the_other_in_one_engine(board: Board) -> None:
    for number in range(3):
        board.put(f"j{number}", "a fish")
    pids = set()
    for number in range(3):
        board.wait(f"j{number}", JobState.DONE)
        pids.add(board.worker.engine_pid)
    assert len(pids) == 1
    ended = [board.job(f"j{number}").updated_at for number in range(3)]
    assert ended == sorted(ended)


def test_progress_is_told_but_at_most_four_times_a_second(board: Board) -> None:
    board.put("a", "slow")
    board.wait("a", JobState.DONE)
    assert 2 <= len(board.steps) <= 8


def test_an_error_fails_the_job_with_its_reason_and_the_next_is_served(board: Board) -> None:
    board.put("a", "refuse")
    board.put("b", "a fish")
    job = board.wait("a", JobState.FAILED)
    assert job.outcome == {"code": "model", "message": "The pack is gone.", "hint": "Fetch it again."}
    board.wait("b", JobState.DONE)


def test_an_end_that_cannot_be_written_yet_is_written_later_and_the_job_is_not_done_again(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DISK_RETRY_S", 0.1)
    finish, left = board.queue.finish, [1, 2, 3]

    def full(*args: Any, **kwargs: Any) -> Job | None:
        if left:
            left.pop()
            raise sqlite3.OperationalError("database or disk is full")
        return finish(*args, **kwargs)

    monkeypatch.setattr(board.queue, "finish", full)
    board.put("a", "a fish")
    assert board.wait("a", JobState.DONE).crashes == 0
    assert (left, board.states("a")) == ([], ["accepted", "running", "done"])


def test_a_clip_without_room_on_the_disk_is_made_later_but_not_for_ever(board: Board) -> None:
    board.put("a", "a full fish")
    job = board.wait("a", JobState.FAILED)
    assert job.outcome
    assert job.outcome["code"] == "crash_loop"
    assert "No space left" in job.outcome["message"]
    board.put("b", "a fish")
    assert board.wait("b", JobState.DONE)


def test_a_running_job_is_cancelled_at_its_next_step(board: Board) -> None:
    board.put("a", "long")
    board.wait("a", JobState.RUNNING)
    board.queue.cancel("a", now=time.time())
    board.wait("a", JobState.CANCELLED, timeout_s=10)
    assert not (board.clips / "a.mp4").exists()


def test_an_engine_that_does_not_stop_is_killed_and_the_job_is_cancelled(board: Board) -> None:
    board.put("a", "deaf long")
    board.wait("a", JobState.RUNNING)
    board.queue.cancel("a", now=time.time())
    board.wait("a", JobState.CANCELLED, timeout_s=attempt_module.HALT_GRACE_S + 10)
    board.put("b", "a fish")
    board.wait("b", JobState.DONE)


def test_a_killed_engine_is_replaced_and_the_job_is_done_once(board: Board) -> None:
    board.put("a", "slow")
    board.until(lambda: board.job("a") if board.steps else None)
    pid = board.worker.engine_pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    job = board.wait("a", JobState.DONE)
    assert job.crashes == 1
    assert board.states("a").count("done") == 1
    assert board.worker.engine_pid != pid


def test_after_a_crash_the_job_is_tried_one_mode_lower_and_says_so(board: Board) -> None:
    board.put("a", "die", mode="direct")
    job = board.wait("a", JobState.DONE)
    assert (job.mode, job.reason, job.crashes) == (Mode.LITE, "an earlier run crashed", 1)


def test_a_job_that_always_kills_the_engine_fails_after_three(board: Board) -> None:
    board.put("a", "alwaysdie", mode="direct")
    job = board.wait("a", JobState.FAILED)
    assert job.outcome
    assert job.outcome["code"] == "crash_loop"
    assert "SIGKILL" in job.outcome["message"]
    assert job.crashes == 3
    board.put("b", "a fish")
    board.wait("b", JobState.DONE)


def test_a_crash_never_leads_below_the_min_mode(board: Board) -> None:
    board.put("a", "die", mode="direct", min_mode="direct")
    job = board.wait("a", JobState.FAILED)
    assert (job.mode, job.crashes) == (Mode.DIRECT, 3)


def test_pressure_preempts_the_job_and_it_goes_on_in_a_lower_mode(board: Board) -> None:
    board.put("a", "slow", mode="direct")
    board.wait("a", JobState.RUNNING)
    board.verdict = Verdict(mode=Mode.SPARE, reason="memory: 6 % available")
    job = board.wait("a", JobState.DONE)
    assert (job.mode, job.reason, job.crashes) == (Mode.SPARE, "memory: 6 % available", 0)
    assert board.states("a") == ["accepted", "running", "accepted", "running", "done"]


def test_a_paused_board_has_its_memory_back_at_once_even_from_an_engine_that_does_not_listen(board: Board) -> None:
    board.put("a", "deaf long", mode="direct")
    board.until(lambda: board.job("a") if board.steps else None)
    pid = board.worker.engine_pid
    board.verdict = Verdict(mode=Mode.PAUSED, reason="memory: 2 % available")
    board.worker.wake()
    began = time.monotonic()
    job = board.wait("a", JobState.QUEUED, timeout_s=5)
    assert time.monotonic() - began < 1
    assert not Path(f"/proc/{pid}").exists()
    assert job.crashes == 0


def test_an_idle_engine_ends_when_memory_is_needed(board: Board) -> None:
    board.put("a", "a fish")
    board.wait("a", JobState.DONE)
    pid = board.worker.engine_pid
    board.verdict = Verdict(mode=Mode.SPARE, reason="memory: 6 % available")
    board.worker.wake()
    deadline = time.monotonic() + 1
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_a_job_that_would_end_sooner_than_a_new_run_is_finished_under_soft_pressure(board: Board) -> None:
    board.put("a", "slow", mode="direct")
    board.until(lambda: board.job("a") if any(step.fraction > 0.6 for _, step in board.steps) else None)
    board.verdict = Verdict(mode=Mode.LITE, reason="heat: 81 °C")
    job = board.wait("a", JobState.DONE)
    assert (job.mode, job.mode_path) == (Mode.DIRECT, "direct")


def test_the_modes_that_a_job_went_through_are_in_its_result(board: Board) -> None:
    board.put("a", "slow", mode="direct")
    board.wait("a", JobState.RUNNING)
    board.verdict = Verdict(mode=Mode.SPARE, reason="memory: 6 % available")
    job = board.wait("a", JobState.DONE)
    assert job.outcome and job.outcome["mode"]["path"] == "direct>spare"


def test_a_paused_board_starts_nothing_until_it_is_better(board: Board) -> None:
    board.verdict = Verdict(mode=Mode.PAUSED, reason="heat")
    board.put("a", "a fish")
    time.sleep(1.5)
    assert board.job("a").state is JobState.QUEUED
    board.verdict = Verdict()
    board.wait("a", JobState.DONE)


def test_stopping_puts_the_running_job_back_without_a_crash_and_ends_the_engine(board: Board) -> None:
    board.put("a", "long")
    board.until(lambda: board.job("a") if board.steps else None)
    pid = board.worker.engine_pid
    started = time.monotonic()
    board.worker.stop(timeout_s=10)
    assert time.monotonic() - started < 5
    job = board.job("a")
    assert (job.state, job.crashes) == (JobState.QUEUED, 0)
    assert not board.worker.alive
    assert not Path(f"/proc/{pid}").exists()
