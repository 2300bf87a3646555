"""kill -9 of the daemon at each step of a job, and of the engine in every way it can die."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from edge.jobqueue import JobQueue, queue_file
from edge.wire import Origin
from tests.boards import Board, tiny_settings
from tests.faults.conftest import Report
from tests.faults.dying import POINTS, dying_at
from tests.faults.ledger import read_ledger
from tests.faults.requests import send_all
from tests.mosquitto import Listener, Mosquitto

REQ = "edgereel/v1/node/n1/req"


class Keeper:
    """Starts a daemon again whenever it has died, as systemd does."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.deaths = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            if self.board.process and self.board.process.poll() is not None:
                self.deaths += 1
                self.board.start()


@pytest.mark.parametrize("point", range(5), ids=POINTS)
def test_a_daemon_that_dies_at_every_job_ends_every_job_once(
    point: int, tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = [f"k{number}" for number in range(much(3, 50))]
    board = make_board(server, "n1", "engine.max_attempts=100", script=dying_at(point))  # others die under it too
    with Keeper(board) as keeper:
        states = send_all(server, tmp_path, ids, topic=REQ, timeout_s=60 + 10 * len(ids), every_s=0.1)
    ledger = read_ledger([board])
    assert keeper.deaths == len(ids)
    assert [state.get("state") for state in states.values()] == ["done"] * len(ids)
    assert (ledger.ends, ledger.parts) == ({job_id: ["done"] for job_id in ids}, [])
    clips = tiny_settings(board.folder).paths.clips
    told = {
        job_id: {state["result"]["sha256"] for state in seen.states(job_id) if state["state"] == "done"}
        for job_id in ids
    }
    assert told == {job_id: {hashlib.sha256((clips / f"{job_id}.mp4").read_bytes()).hexdigest()} for job_id in ids}
    report(
        f"F1.{point + 1}", f"kill -9 of the daemon {POINTS[point]}", requests=len(ids),
        twice=len(ledger.twice), note=f"{keeper.deaths} kills; one end and one clip each, no temporary file",
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["SIGKILL", "SIGSEGV"])
def test_an_engine_that_dies_costs_a_run_and_not_the_job(
    number: signal.Signals, tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    report: Report,
) -> None:  # fmt: skip
    board = make_board(server)
    thread = _later(seen, lambda: os.kill(board.engine_pid() or 0, number))
    states = send_all(server, tmp_path, ["a", "b"], topic=REQ, timeout_s=120, mode="lite", seconds=4)
    thread.join(30)
    assert [(state["state"], state["runs"]) for state in states.values()] == [("done", 2), ("done", 1)]
    report(f"engine {number.name}", f"{number.name} to the engine in the middle of a job", requests=2,
           twice=len(read_ledger([board]).twice), note="done in its second run")  # fmt: skip


def test_an_engine_that_stands_still_is_killed_when_the_job_is_cancelled(
    tmp_path: Path, server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    board = make_board(server)

    def freeze() -> None:
        os.kill(board.engine_pid() or 0, signal.SIGSTOP)
        server.publish("edgereel/v1/job/a/cancel", "")

    thread = _later(seen, freeze)
    states = send_all(server, tmp_path, ["a", "b"], topic=REQ, timeout_s=120, mode="lite", seconds=4)
    thread.join(30)
    assert [state["state"] for state in states.values()] == ["cancelled", "done"]
    report("engine SIGSTOP", "SIGSTOP to the engine, then a cancel", requests=2, note="cancelled; the next job is done")


def test_a_copy_of_the_database_at_any_moment_opens_and_keeps_every_promise(
    tmp_path: Path, server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    ids = [f"c{number}" for number in range(much(6, 40))]
    board = make_board(server)
    path = queue_file(tiny_settings(board.folder))
    copies: list[Path] = []
    stop = threading.Event()

    def copy() -> None:
        while not stop.wait(0.25):
            folder = tmp_path / f"copy{len(copies)}"
            folder.mkdir()
            for name in (f"{path.name}-wal", path.name):  # the log first: what it lacks then, the file may have
                if (path.parent / name).exists():
                    shutil.copy(path.parent / name, folder / name)
            copies.append(folder)

    thread = threading.Thread(target=copy)
    thread.start()
    states = send_all(server, tmp_path, ids, topic=REQ, timeout_s=300, every_s=0.2)
    stop.set()
    thread.join(10)
    opened = [check_copy(folder / path.name) for folder in copies if (folder / path.name).exists()]
    assert opened
    assert all(opened)
    lost = sum(state["state"] != "done" for state in states.values())
    report("F21", "the database and its log copied while they are written", requests=len(ids), lost=lost,
           note=f"{len(opened)} copies: all open, whole, and go on")  # fmt: skip


def check_copy(path: Path) -> bool:
    """Open a copy as a start after a power cut would, and look whether it is whole."""
    with closing(sqlite3.connect(path)) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return False
    with closing(JobQueue(path, origin=Origin(node="n1", boot="x"))) as queue:
        queue.recover(now=queue.now())
        return all(queue.get(job.id) for job in queue.jobs(1000))


def test_a_power_cut_of_everything_at_once_leaves_what_was_accepted(
    tmp_path: Path, server: Mosquitto, make_board: Callable[..., Board], much: Callable[[int, int], int], report: Report
) -> None:
    count = much(1, 10)
    boards = [make_board(server, "n1", "engine.max_attempts=100")]  # the oldest job dies at every cut
    ids: list[str] = []
    for number in range(count):
        now = [f"p{number}-{one}" for one in range(8)]
        ids += now
        send_all(server, tmp_path, now, topic=REQ, timeout_s=1.5)  # the requester ends without having seen the end
        boards[0].kill()
        server.kill()
        server.start()
        boards[0].start()
    states = send_all(server, tmp_path / "after", ids, topic=REQ, timeout_s=300)
    ledger = read_ledger(boards)
    lost = sum(state.get("state") != "done" for state in states.values())
    report("F25", "kill -9 of requester, broker and board together", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note=f"{count} cuts")  # fmt: skip


def test_a_damaged_database_is_an_error_that_says_what_to_do(
    tmp_path: Path, server: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    path = queue_file(tiny_settings(tmp_path / "n1"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database " * 1000)
    board = make_board(server)
    assert board.process
    assert board.process.wait(30) == 6
    assert "may be moved away" in board.log.read_text()
    path.unlink()
    board.start()
    states = send_all(server, tmp_path, ["a"], topic=REQ, timeout_s=60)
    assert states["a"]["state"] == "done"
    report(
        "damaged database", "a file that is no database", requests=1, note="exit code 6 with the fix; then it serves"
    )


def _later(seen: Listener, act: Callable[[], None]) -> threading.Thread:
    """Act once the first job is half way."""

    def run() -> None:
        seen.wait(lambda m: m["topic"].endswith("/a/progress") and m["body"].get("pct", 0) > 20, timeout_s=60)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
