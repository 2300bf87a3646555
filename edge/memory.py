"""What this process costs the board: the peak of its proportional, anonymous and locked memory; and what is free.

Why PSS and not RSS: mapped weights are shared with the page cache and with other processes; RSS counts them in full
for each. What really hurts on a small board is anonymous plus locked memory, called held here, so both are reported
beside the peak.
"""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.cgroup import read_memory_group

KIB_PER_MIB = 1024
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's mallopt
LARGE_BYTES = 1 << 20


def return_what_is_free() -> None:
    """Have the C library give large blocks back to the board when they are freed, and now what is free already.

    By default glibc raises the size that it gives back with every large block, and keeps one heap for each thread:
    the peak of a clip was 10 to 15 MiB higher. Nothing happens with another C library.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.malloc_trim(0)


def read_process(root: Path, *, pid: int | None = None) -> dict[str, float]:
    """`pss_mib`, `anonymous_mib`, `locked_mib` and `held_mib` of this or another process; empty where not known.

    From smaps_rollup, and VmLck from status: what smaps calls locked is shared between the maps of one file.
    """
    folder = root / "proc" / ("self" if pid is None else str(pid))
    rollup, status = _in_mib(folder / "smaps_rollup"), _in_mib(folder / "status")
    if "Pss" not in rollup:
        return {}
    anonymous, locked = rollup.get("Anonymous", 0.0), status.get("VmLck", 0.0)
    return {
        "pss_mib": rollup["Pss"], "anonymous_mib": anonymous, "locked_mib": locked, "held_mib": anonymous + locked,
    }  # fmt: skip


def held_mib(*, pid: int | None = None) -> float:
    """The anonymous and locked memory of this or another process; 0 where not known."""
    return read_process(Path("/"), pid=pid).get("held_mib", 0.0)


def read_meminfo(root: Path) -> dict[str, float]:
    """/proc/meminfo in MiB by name, e.g. MemTotal and MemAvailable; empty where there is no such file."""
    return _in_mib(root / "proc/meminfo")


def total_mib(root: Path) -> float:
    """The memory in MiB that this process may use: the board's, or the limit of its control group; infinite if unknown."""
    group = read_memory_group(root)
    board = read_meminfo(root).get("MemTotal", float("inf"))
    return min(board, group.limit_mib) if group else board


def available_mib(root: Path) -> float:
    """The memory in MiB that can be had now without anything being swapped out; infinite where the kernel does not say."""
    group = read_memory_group(root)
    board = read_meminfo(root).get("MemAvailable", float("inf"))
    return min(board, group.available_mib) if group else board


class MemoryPeak:
    """Samples in a small thread while its `with` block runs: native code that works for minutes is seen inside."""

    def __init__(self, *, root: Path = Path("/"), period_s: float = 0.2) -> None:
        self._root = root
        self._period_s = period_s
        self._peak: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-peak", daemon=True)

    def __enter__(self) -> Self:
        self.sample()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def sample(self) -> None:
        """Look once now; the largest value of each field is kept."""
        for name, value in read_process(self._root).items():
            self._peak[f"peak_{name}"] = max(value, self._peak.get(f"peak_{name}", 0.0))

    def mib(self) -> dict[str, float]:
        """The peaks so far in MiB, rounded to a tenth."""
        self.sample()
        return {name: round(value, 1) for name, value in self._peak.items()}

    def _watch(self) -> None:
        while not self._done.wait(self._period_s):
            self.sample()


def _in_mib(path: Path) -> dict[str, float]:
    """Lines of `name: number kB`."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    rows = (line.split() for line in lines)
    return {row[0].rstrip(":"): int(row[1]) / KIB_PER_MIB for row in rows if len(row) == 3 and row[2] == "kB"}
