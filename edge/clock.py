"""Seconds since 1970 that never jump: wall time at the start, and from then on the kernel's clock that only runs on.

Why: a board without a battery boots days in the past and is set right later. Whoever waits for a stored time must not
wait for days, or give up at once, because of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock(
    wall: Callable[[], float] = time.time, running: Callable[[], float] | None = None
) -> Callable[[], float]:
    """A clock that shows `wall` now, and follows `running` from then on."""
    elapsed = running or _since_boot
    offset = wall() - elapsed()
    return lambda: elapsed() + offset


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
