"""The engine process, real, around a pipeline that does what the prompt says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.child import Child, Lost
from edge.mode import Mode
from edge.pipe import Done, Failed, Halt, Message, Run, Step
from edge.request import make_request
from tests.boards import FAKE_ENGINE, tiny_settings


@contextmanager
def engine(folder: Path, *overrides: str) -> Iterator[Child]:
    child = Child(FAKE_ENGINE, tiny_settings(folder, *overrides))
    try:
        yield child
    finally:
        child.kill()
        child.end()


def order(folder: Path, prompt: str) -> Run:
    return Run(make_request(prompt, id="a"), Mode.DIRECT, "why", folder / "a.mp4", folder / "a.jpg")


def answer(child: Child, timeout_s: float = 30) -> tuple[list[Step], Message | Lost]:
    steps: list[Step] = []
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        match child.listen(timeout_s=0.2):
            case Step() as step:
                steps.append(step)
            case None:
                continue
            case message:
                return steps, message
    raise AssertionError(f"no answer; steps: {steps}")


def test_a_job_gives_steps_and_then_its_result(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "a fish"))
        steps, done = answer(child)
    assert [step.phase for step in steps] == ["expand", "denoise"]
    assert isinstance(done, Done)
    assert done.result["mode"] == {"requested": "auto", "effective": "direct", "reason": "why"}
    assert done.result["clip"]["path"] == str(tmp_path / "a.mp4")
    assert "reasoning" not in done.result["plan"]
    assert done.result["sha256"] == done.result["clip"]["sha256"]
    assert done.result["prompt_expanded"] == done.result["plan"]["caption"]


def test_one_engine_runs_one_job_after_the_other(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        for _ in range(3):
            child.tell(order(tmp_path, "a fish"))
            assert isinstance(answer(child)[1], Done)


def test_an_error_of_edgereel_comes_back_whole(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "refuse"))
        assert answer(child)[1] == Failed(code="model", message="The pack is gone.", hint="Fetch it again.")


def test_a_bug_is_one_sentence_and_the_next_job_is_served(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "raise"))
        failed = answer(child)[1]
        assert isinstance(failed, Failed)
        assert failed.code == "engine"
        assert "a bug" in failed.message
        assert "Traceback" not in failed.message
        child.tell(order(tmp_path, "a fish"))
        assert isinstance(answer(child)[1], Done)


@pytest.mark.parametrize(("reason", "code"), [("cancel", "cancelled"), ("preempt", "preempted")])
def test_a_halt_stops_the_running_job_and_not_the_next(tmp_path: Path, reason: str, code: str) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "long"))
        assert isinstance(child.listen(timeout_s=20), Step)
        child.tell(Halt("cancel" if reason == "cancel" else "preempt"))
        failed = answer(child, timeout_s=5)[1]
        assert isinstance(failed, Failed)
        assert failed.code == code
        child.tell(order(tmp_path, "a fish"))
        assert isinstance(answer(child)[1], Done)


def test_an_idle_engine_leaves_by_itself(tmp_path: Path) -> None:
    with engine(tmp_path, "engine.idle_exit_s=0.3") as child:
        assert answer(child)[1] == Lost("the engine ended with code 0", clean=True)


def test_a_killed_engine_is_told_by_the_signals_name(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "alwaysdie"))
        assert answer(child)[1] == Lost("the engine was killed by SIGKILL", clean=False)


def test_the_engine_offers_itself_to_the_out_of_memory_killer_and_is_nice(tmp_path: Path) -> None:
    with engine(tmp_path, "engine.nice=7") as child:
        child.tell(order(tmp_path, "long"))
        assert isinstance(child.listen(timeout_s=20), Step)
        assert int(Path(f"/proc/{child.pid}/oom_score_adj").read_text()) == 500
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)


def test_a_sigterm_to_the_whole_service_is_left_to_the_parent(tmp_path: Path) -> None:
    with engine(tmp_path) as child:
        child.tell(order(tmp_path, "slow"))
        assert isinstance(child.listen(timeout_s=20), Step)
        os.kill(child.pid, 15)
        assert isinstance(answer(child)[1], Done)


def test_the_engine_dies_with_its_parent_even_in_the_middle_of_a_deaf_job(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from tests.boards import FAKE_ENGINE, tiny_settings
from tests.test_engine import order
from edge.child import Child
folder = Path({str(tmp_path)!r})
child = Child(FAKE_ENGINE, tiny_settings(folder))
child.tell(order(folder, "deaf long"))
child.listen(timeout_s=20)
print(child.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert running(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while running(pid):
        assert time.monotonic() < deadline, "the engine outlived its parent"
        time.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
