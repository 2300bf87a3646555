"""Threads follow the cores that others leave free."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.cpu import TICKS_PER_S, FreeCores, allowed_cpus, bind, choose_threads, fast_cores


class Board:
    """A /proc/stat that moves on when waited for: core -> (busy, idle, waiting for disk) ticks that will pass."""

    def __init__(self, root: Path, passing: dict[int, tuple[int, int, int]]) -> None:
        self.stat = root / "proc/stat"
        self.stat.parent.mkdir()
        self.passing = passing
        self.waits: list[float] = []
        self._write(scale=0)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._write(scale=1)

    def _write(self, *, scale: int) -> None:
        lines = ["cpu  9 9 9 9 9 9 9 9 0 0"]
        for core, (busy, idle, disk) in self.passing.items():
            lines.append(f"cpu{core} {1000 + busy * scale} 5 5 {4000 + idle * scale} {7 + disk * scale} 0 0 0 0 0")
        self.stat.write_text("\n".join([*lines, "intr 1 2 3"]))


def test_busy_cores_do_not_count(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (20, 0, 0), 1: (1, 19, 0), 2: (0, 20, 0), 3: (15, 5, 0)})
    assert choose_threads(root=tmp_path, cores={0, 1, 2, 3}, wait=board.wait, interval_s=0.2) == 2
    assert board.waits == [0.2]


def test_a_core_that_waits_for_the_disk_is_free(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (2, 0, 18), 1: (0, 20, 0)})
    assert choose_threads(root=tmp_path, cores={0, 1}, wait=board.wait) == 2


def test_cores_outside_the_cpuset_do_not_count(tmp_path: Path) -> None:
    board = Board(tmp_path, dict.fromkeys(range(4), (0, 20, 0)))
    assert choose_threads(root=tmp_path, cores={2}, wait=board.wait) == 1


def test_there_is_always_one_thread(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (20, 0, 0), 1: (20, 0, 0)})
    assert choose_threads(root=tmp_path, cores={0, 1}, wait=board.wait) == 1


def test_without_proc_stat_every_core_counts(tmp_path: Path) -> None:
    assert choose_threads(root=tmp_path, cores={0, 1, 2}, wait=lambda _: None) == 3


def test_this_machine_gives_a_sane_number() -> None:
    assert 1 <= choose_threads(interval_s=0.05) <= len(allowed_cpus())


@pytest.mark.parametrize(
    ("busy", "own", "free"),
    [
        pytest.param(100, 2.0, 2, id="all that is used is ours"),
        pytest.param(100, 1.1, 1, id="a neighbour has nearly a core of the two that we compute on"),
        pytest.param(100, 1.7, 2, id="a neighbour that needs little costs no thread"),
        pytest.param(60, 0.0, 1, id="we are idle and others use more than a core"),
        pytest.param(0, 0.0, 2, id="nobody does anything"),
    ],
)
def test_own_work_is_not_taken_for_that_of_others(tmp_path: Path, busy: int, own: float, free: int) -> None:
    ticks = TICKS_PER_S * busy // 100
    board = Board(tmp_path, dict.fromkeys((0, 1), (ticks, TICKS_PER_S - ticks, 0)))
    used = iter([5.0, 5.0 + own])
    cores = FreeCores(root=tmp_path, cores={0, 1}, own=lambda: next(used))

    board.wait(1.0)

    assert cores.count() == free


def test_a_neighbour_that_leaves_gives_its_core_back(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (100, 0, 0), 1: (100, 0, 0)})
    used = iter([0.0, 1.0, 2.0])
    cores = FreeCores(root=tmp_path, cores={0, 1}, own=lambda: next(used))
    board.wait(1.0)
    assert cores.count() == 1

    board.passing = {0: (200, 0, 0), 1: (100, 100, 0)}
    board.wait(1.0)

    assert cores.count() == 2


@pytest.mark.parametrize("name", ["cpu_capacity", "cpufreq/cpuinfo_max_freq"])
def test_little_cores_are_left_out(tmp_path: Path, name: str) -> None:
    for core, speed in enumerate((1024, 1000, 446, 446)):
        file = tmp_path / f"sys/devices/system/cpu/cpu{core}" / name
        file.parent.mkdir(parents=True)
        file.write_text(f"{speed}\n")

    assert fast_cores(root=tmp_path, allowed={0, 1, 2, 3}) == {0, 1}
    assert fast_cores(root=tmp_path, allowed={2, 3}) == {2, 3}


def test_cores_whose_speed_is_not_told_are_all_used(tmp_path: Path) -> None:
    assert fast_cores(root=tmp_path, allowed={0, 3}) == {0, 3}


def test_every_thread_of_the_process_is_bound() -> None:
    before = os.sched_getaffinity(0)
    try:
        bind({min(before)})
        assert all(os.sched_getaffinity(int(task.name)) == {min(before)} for task in Path("/proc/self/task").iterdir())
    finally:
        bind(before)
