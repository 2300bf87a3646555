"""What runs took is kept, foretells the next, and can be looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.draw_runs import draw_runs
from edge.errors import EngineError
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import make_request
from edge.result import ModeChoice
from edge.runlog import RunRow, figures_of
from edge.stats import percentile, summary
from edge.wire import Origin

RESULT = {
    "mode": {"requested": "think", "effective": "no_think", "reason": "heat"},
    "timings_s": {"expand": 2.0, "total": 5.0},
    "memory": {"peak_pss_mib": 250.0},
    "weights": {"a": {"wanted_mib": 90.0, "locked_mib": 80.0}, "b": {"wanted_mib": 2.0, "locked_mib": 2.0}},
    "usage": {"cpu_s": 4.0},
}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n", boot="b"))) as opened:
        yield opened


def claim(queue: JobQueue, mode: Mode, *, now: float) -> None:
    assert queue.claim(lease_s=60, now=now, choose=lambda _: ModeChoice(requested="think", effective=mode))


def test_a_job_that_gave_way_has_its_modes_in_its_result_and_in_the_log(queue: JobQueue) -> None:
    queue.put(make_request("a fish", id="a"), now=0)
    claim(queue, Mode.THINK, now=10)
    queue.release("a", now=13)
    claim(queue, Mode.NO_THINK, now=20)
    job = queue.finish("a", RESULT, now=25)

    assert job and job.outcome and job.outcome["mode"]["path"] == job.mode_path == "think>no_think"
    assert [(run.mode, run.ended, run.seconds, run.mode_path) for run in queue.runs.rows()] == [
        (Mode.THINK, "preempted", 3, "think"), (Mode.NO_THINK, "done", 5, "think>no_think"),
    ]  # fmt: skip


def test_a_second_try_in_the_same_mode_is_no_step_of_the_path(queue: JobQueue) -> None:
    queue.put(make_request("a fish", id="a"), now=0)
    claim(queue, Mode.LITE, now=1)
    queue.release("a", now=2, crashed="the engine was killed by SIGSEGV")
    claim(queue, Mode.LITE, now=3)
    job = queue.fail("a", EngineError("no"), now=4)

    assert job and job.mode_path == "lite"
    assert [run.ended for run in queue.runs.rows()] == ["crashed", "failed"]


def test_the_figures_of_a_result_are_flat_numbers() -> None:
    assert figures_of(RESULT) == {
        "expand_s": 2.0, "total_s": 5.0, "peak_pss_mib": 250.0, "cpu_s": 4.0, "weights_wanted_mib": 92.0,
        "weights_locked_mib": 82.0,
    }  # fmt: skip
    assert figures_of({"code": "cancelled"}) == {}


def test_the_usual_time_of_a_mode_is_the_median_of_its_finished_runs(queue: JobQueue) -> None:
    for number, seconds in enumerate((4, 100, 6)):
        queue.put(make_request("a fish", id=str(number)), now=0)
        claim(queue, Mode.LITE, now=0)
        queue.finish(str(number), RESULT, now=seconds)

    assert queue.runs.usual_s(Mode.LITE) == 6
    assert queue.runs.usual_s(Mode.THINK) is None
    assert (last := queue.runs.last()) and last.job_id == "2"


def test_what_somebody_set_outlives_a_restart(tmp_path: Path) -> None:
    for wish in ("auto", "lite"):
        with closing(JobQueue(tmp_path / "w.sqlite", origin=Origin(node="n", boot="b"))) as opened:
            assert opened.wishes.mode == "auto"
            opened.wishes.set_mode(wish)
    with closing(JobQueue(tmp_path / "w.sqlite", origin=Origin(node="n", boot="b"))) as opened:
        assert opened.wishes.mode == "lite"


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.9, 4), (0.99, 4), (0.25, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value


def rows(count: int) -> list[RunRow]:
    return [
        RunRow(job_id=str(i), mode=list(Mode)[i % 4], mode_path="", ended="done" if i % 5 else "crashed",
               at=time.time(), seconds=1.0 + i, figures={"peak_pss_mib": 200.0 + i})
        for i in range(count)
    ]  # fmt: skip


def test_the_summary_counts_only_runs_that_were_done_and_says_how_the_others_ended() -> None:
    first = summary(rows(10))[0]

    assert first["mode"] == "think"
    assert first["ended"] == {"crashed": 1, "done": 2}
    assert first["figures"]["seconds"] == {"runs": 2, "p50": 5.0, "p90": 9.0, "p99": 9.0, "max": 9.0}


def test_a_drawing_shows_another_picture_for_other_runs() -> None:
    one, two = (cv2.imdecode(np.frombuffer(draw_runs(rows(n)), np.uint8), cv2.IMREAD_COLOR) for n in (3, 30))
    assert one.shape == two.shape and min(one.shape[:2]) > 600
    assert (one != two).any(axis=2).mean() > 0.003
