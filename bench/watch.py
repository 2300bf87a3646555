"""Samples what processes hold in memory while they run. Each look holds them up, ten a second by 2 to 3 %."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.memory import read_process

ROOT = Path("/")
FIELDS = ("pss_mib", "anonymous_mib", "locked_mib")
OFTEN_S, NEVER_S = 0.1, 1e6  # between two looks: for short peaks, and where speed is what counts


class Watch:
    """The most that a process and, with `family`, its children held together; `peak` by the names of FIELDS."""

    def __init__(self, pid: int, *, family: bool = True, every_s: float = OFTEN_S) -> None:
        self.peak = dict.fromkeys(FIELDS, 0.0)
        self._pid, self._family, self._every_s = pid, family, every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the sampling."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._every_s):
            pids = [self._pid, *(children(self._pid) if self._family else [])]
            try:
                found = [read_process(ROOT, pid=pid) for pid in pids]
            except OSError:
                continue
            for name in FIELDS:
                self.peak[name] = max(self.peak[name], sum(one.get(name, 0.0) for one in found))


def children(pid: int) -> list[int]:
    """The processes that a process started and that live."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def cpu_s(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
