"""What one job costs: seconds by phase, processor time, page faults, peaks of memory, and what the kernel says of its weights."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge.memory import MemoryPeak
from edge.weights import prove


class Meter:
    """Measures while its `with` block runs; the parts of the job add to `timings_s` and `usage`."""

    def __init__(self) -> None:
        self.timings_s: dict[str, float] = {}
        self.usage: dict[str, float] = {}
        self._weights: dict[str, dict[str, float]] = {}
        self._memory = MemoryPeak()
        self._started = time.monotonic()
        self._before = _spent()

    def __enter__(self) -> Self:
        self._memory.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._memory.__exit__(kind, exc, tb)

    def prove(self, weights: Iterable[Path]) -> None:
        """Ask the kernel, while they are in use, whether these files are in memory and locked there."""
        found = {name: asdict(resident) for name, resident in prove(weights).items()}
        self._weights |= {name: {key: round(mib, 1) for key, mib in one.items()} for name, one in found.items()}

    def fields(self) -> dict[str, Any]:
        """The fields of a Result that are measured, rounded."""
        spent = {name: value - self._before[name] for name, value in _spent().items()}
        timings = self.timings_s | {"total": time.monotonic() - self._started}
        return {
            "timings_s": {name: round(seconds, 3) for name, seconds in timings.items()},
            "memory": self._memory.mib(),
            "weights": self._weights,
            "usage": {name: round(value, 2) for name, value in (spent | self.usage).items()},
        }


def _spent() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": used.ru_utime + used.ru_stime, "major_faults": used.ru_majflt, "minor_faults": used.ru_minflt}
