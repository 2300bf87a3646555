"""Disks that are full, or that cannot be written any more: nothing is acked that is not kept, and it goes on by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.boards import Board
from tests.faults.conftest import Report
from tests.faults.ledger import read_ledger
from tests.faults.publisher import publisher
from tests.faults.requests import send_all
from tests.faults.smalldisk import SmallDisk, small_disk
from tests.faults.test_repeats import body, until_ended
from tests.mosquitto import Listener, Mosquitto

pytestmark = pytest.mark.long

REQ = "edgereel/v1/node/n1/req"
NO_RESERVE = "clips.reserve_mib=0"
PATIENCE_S = 60


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Callable[..., SmallDisk]]:
    """Small disks under the folder of board n1: its queue lies in `state`, its clips in `clips`."""
    with ExitStack() as stack:
        yield lambda name, mib: stack.enter_context(small_disk(tmp_path / "n1" / name, mib=mib))


@pytest.fixture
def telling(make_server: Callable[..., Mosquitto]) -> Mosquitto:
    """A broker whose log tells every packet."""
    return make_server("log_type all")


def acked_requests(server: Mosquitto) -> int:
    """How many requests the board has acked, as the log of the broker tells it."""
    sent: set[str] = set()
    acked = 0
    for line in (server.folder / "mosquitto.log").read_text(errors="replace").splitlines():
        if "as edgereel-n1 " in line:  # a new connection: packet ids begin again
            sent.clear()
        elif found := re.search(rf"Sending PUBLISH to edgereel-n1 \(d\d, q1, r\d, m(\d+), '{REQ}'", line):
            sent.add(found[1])
        elif (found := re.search(r"Received PUBACK from edgereel-n1 \(Mid: (\d+),", line)) and found[1] in sent:
            sent.discard(found[1])
            acked += 1
    return acked


def test_nothing_is_acked_that_a_full_disk_did_not_keep_and_all_of_it_is_done_once_there_is_room(
    disks: Callable[..., SmallDisk], telling: Mosquitto, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = [f"f{number}" for number in range(much(6, 60))]
    disk = disks("state", 16)
    board = make_board(telling, "n1", NO_RESERVE)
    with publisher(telling) as client:
        client.await_board()
        assert client.answered(REQ, body("first"))["state"] == "done"
        disk.fill()
        for number, job_id in enumerate(ids):
            client.send(REQ, body(job_id, number))
        client.flush()
        time.sleep(much(2, 30))
        kept, acked = set(read_ledger([board]).runs), acked_requests(telling)
        disk.free()
        ledger = until_ended(board, ["first", *ids], timeout_s=PATIENCE_S + 2 * len(ids))
    assert acked <= len(kept)
    assert len(kept) < len(ids)
    assert "Free some disk space" in board.log.read_text()
    assert board.process
    assert board.process.poll() is None
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ids)
    report("F16 insert", "the disk of the queue full to the last page, then freed", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note=f"while full {acked} acked, {len(kept)} kept; the others stayed with the broker")  # fmt: skip


def test_a_job_whose_end_a_full_disk_could_not_keep_is_not_done_again(
    disks: Callable[..., SmallDisk], server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    disk = disks("state", 16)
    board = make_board(server, "n1", NO_RESERVE)
    with publisher(server) as client:
        client.await_board()
        client.send(REQ, body("a", mode="lite", seconds=4))
        client.send(REQ, body("b"))
        client.flush()
    seen.wait(lambda m: m["topic"].endswith("/a/progress"))
    disk.fill()
    until = time.monotonic() + 60
    while "The end of job a cannot be written" not in board.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.2)
    assert (board.folder / "clips/a.mp4").exists()
    disk.free()
    ledger = until_ended(board, ["a", "b"], timeout_s=PATIENCE_S)
    for job_id in ("a", "b"):
        assert seen.wait_state(job_id, "done", "failed", timeout_s=30)["state"] == "done"
    assert {job_id: len({s["result"]["sha256"] for s in seen.states(job_id) if s["state"] == "done"}) for job_id in "ab"} == {
        "a": 1, "b": 1,
    }  # fmt: skip
    assert seen.wait_state("a", "done")["runs"] == 1
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ("a", "b"))
    report("F16 outbox", "the disk of the queue full when a job ends", requests=2, lost=lost, twice=len(ledger.twice),
           note="its clip is kept, its end written as soon as there is room; done once")  # fmt: skip


def test_a_daemon_that_starts_on_a_full_disk_says_so_and_goes_on_once_there_is_room(
    disks: Callable[..., SmallDisk], server: Mosquitto, seen: Listener, make_board: Callable[..., Board], report: Report
) -> None:
    ids = ["s0", "s1"]
    disk = disks("state", 16)
    board = make_board(server, "n1", NO_RESERVE)
    with publisher(server) as client:
        client.await_board()
        for job_id in ids:
            client.send(REQ, body(job_id, mode="lite", seconds=4))
        client.flush()
    seen.wait(lambda m: m["topic"].endswith("/progress"))
    board.kill()
    disk.fill()
    board.start()
    assert board.process
    assert board.process.wait(30) == 6
    assert "Free some disk space" in board.log.read_text()
    disk.free()
    board.start()
    ledger = until_ended(board, ids, timeout_s=PATIENCE_S)
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ids)
    report("F16 start", "kill -9, then a start with the disk of the queue full", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note="exit code 6 with what to do; all done once there is room")  # fmt: skip


def test_a_full_disk_of_clips_delays_jobs_and_fails_none(
    disks: Callable[..., SmallDisk], server: Mosquitto, seen: Listener, make_board: Callable[..., Board],
    much: Callable[[int, int], int], report: Report,
) -> None:  # fmt: skip
    ids = [f"c{number}" for number in range(much(2, 20))]
    disk = disks("clips", 16)
    board = make_board(server, "n1", "clips.reserve_mib=1")
    with publisher(server) as client:
        client.await_board()
        for job_id in ids:
            client.send(REQ, body(job_id, mode="lite", seconds=2))
        client.flush()
    seen.wait(lambda m: m["topic"].endswith(f"/{ids[0]}/progress"))
    disk.fill()
    time.sleep(much(4, 30))
    ended = read_ledger([board]).ends
    assert len(ended) < len(ids)
    disk.free()
    ledger = until_ended(board, ids, timeout_s=PATIENCE_S + 5 * len(ids))
    lost = sum(ledger.ends.get(job_id) != ["done"] for job_id in ids)
    assert ledger.parts == []
    report("F16 artifact", "the disk of the clips full while a clip grows", requests=len(ids), lost=lost,
           twice=len(ledger.twice), note=f"{len(ended)} ended while it was full; the others waited for room")  # fmt: skip


def test_a_request_is_refused_while_less_than_the_reserve_is_free(
    tmp_path: Path, disks: Callable[..., SmallDisk], server: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    disk = disks("clips", 8)
    make_board(server, "n1", "clips.reserve_mib=4")
    with publisher(server) as client:
        client.await_board()
        disk.fill(leave_kib=3 * 1024)
        refused = client.answered(REQ, body("a"))
        assert (refused["state"], refused["error"]["code"]) == ("rejected", "disk_full")
        assert refused["error"]["retry_after_s"] > 0
        disk.free()
        assert client.answered(REQ, body("b"))["state"] == "done"
    states = send_all(server, tmp_path, ["a"], topic=REQ, timeout_s=60)
    report("F16 reserve", "less than clips.reserve_mib free", requests=2, lost=int(states["a"].get("state") != "done"),
           note="refused with disk_full and when to try again; taken once there is room")  # fmt: skip


def test_clips_that_cannot_be_written_are_an_error_that_says_so(
    disks: Callable[..., SmallDisk], server: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    disk = disks("clips", 8)
    make_board(server, "n1", NO_RESERVE)
    with publisher(server) as client:
        client.await_board()
        disk.remount("ro")
        failed = client.answered(REQ, body("a"))
        assert failed["state"] == "failed"
        assert "Read-only file system" in failed["error"]["message"]
        disk.remount("rw")
        assert client.answered(REQ, body("b"))["state"] == "done"
    report("F16 clips read-only", "the disk of the clips mounted read-only in a running daemon", requests=1,
           note="failed, Read-only file system; the next is done once it can be written")  # fmt: skip


def test_a_queue_that_cannot_be_written_is_refused_at_start(
    disks: Callable[..., SmallDisk], server: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    disk = disks("state", 16)
    board = make_board(server, "n1", NO_RESERVE)
    with publisher(server) as client:
        client.await_board()
        client.send(REQ, body("a"))
        client.flush()
    time.sleep(0.5)
    assert board.terminate() == 0
    disk.remount("ro")
    board.start()
    assert board.process
    assert board.process.wait(30) == 6
    assert "folder state: Cannot write" in board.log.read_text()
    assert "Read-only file system. Make it writable for uid" in board.log.read_text()
    disk.remount("rw")
    board.start()
    ledger = until_ended(board, ["a"], timeout_s=PATIENCE_S)
    report("F16 queue read-only", "the disk of the queue mounted read-only at start", requests=1,
           lost=int(ledger.ends.get("a") != ["done"]), note="exit code 6, says that the folder cannot be written")  # fmt: skip
