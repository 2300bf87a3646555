"""Threads follow the cores that are free now."""

from __future__ import annotations

from pathlib import Path

from edge.cpu import allowed_cpus, choose_threads


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
    assert choose_threads(root=tmp_path, allowed={0, 1, 2, 3}, wait=board.wait, interval_s=0.2) == 2
    assert board.waits == [0.2]


def test_a_core_that_waits_for_the_disk_is_free(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (2, 0, 18), 1: (0, 20, 0)})
    assert choose_threads(root=tmp_path, allowed={0, 1}, wait=board.wait) == 2


def test_cores_outside_the_cpuset_do_not_count(tmp_path: Path) -> None:
    board = Board(tmp_path, dict.fromkeys(range(4), (0, 20, 0)))
    assert choose_threads(root=tmp_path, allowed={2}, wait=board.wait) == 1


def test_there_is_always_one_thread(tmp_path: Path) -> None:
    board = Board(tmp_path, {0: (20, 0, 0), 1: (20, 0, 0)})
    assert choose_threads(root=tmp_path, allowed={0, 1}, wait=board.wait) == 1


def test_without_proc_stat_every_allowed_core_counts(tmp_path: Path) -> None:
    assert choose_threads(root=tmp_path, allowed={0, 1, 2}, wait=lambda _: None) == 3


def test_this_machine_gives_a_sane_number() -> None:
    assert 1 <= choose_threads(interval_s=0.05) <= len(allowed_cpus())
