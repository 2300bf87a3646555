"""What this process costs the board: the peak of its proportional, anonymous and locked memory.

Why PSS and not RSS: mapped weights are shared with the page cache and with other processes; RSS counts them in full
for each. What really hurts on a small board is anonymous plus locked memory, so both are reported beside the peak.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

FIELDS = {"Pss": "peak_pss_mib", "Anonymous": "peak_anonymous_mib", "Locked": "peak_locked_mib"}
KIB_PER_MIB = 1024


def read_rollup(root: Path) -> dict[str, float]:
    """The fields above in MiB from /proc/self/smaps_rollup; empty on a kernel that does not have that file."""
    try:
        text = (root / "proc/self/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return {}
    found = _in_mib(text)
    return {FIELDS[name]: found[name] for name in FIELDS if name in found}


def read_meminfo(root: Path) -> dict[str, float]:
    """/proc/meminfo in MiB by name, e.g. MemTotal and MemAvailable; empty where there is no such file."""
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return {}
    return _in_mib(text)


def total_mib(root: Path) -> float:
    """The memory of this board in MiB; infinite where the kernel does not say."""
    return read_meminfo(root).get("MemTotal", float("inf"))


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
        for name, value in read_rollup(self._root).items():
            self._peak[name] = max(value, self._peak.get(name, 0.0))

    def mib(self) -> dict[str, float]:
        """The peaks so far in MiB, rounded to a tenth."""
        self.sample()
        return {name: round(value, 1) for name, value in self._peak.items()}

    def _watch(self) -> None:
        while not self._done.wait(self._period_s):
            self.sample()


def _in_mib(text: str) -> dict[str, float]:
    rows = (line.split() for line in text.splitlines())
    return {row[0].rstrip(":"): int(row[1]) / KIB_PER_MIB for row in rows if len(row) == 3 and row[2] == "kB"}
