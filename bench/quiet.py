"""Is the machine quiet? What others than this measurement use of the processors, before it and while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MOST = 0.12  # of one core: what a quiet machine's own services take, with room
LOOK_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Busy:
    """Seconds: on the clock, that all cores worked or were stolen, and that this process and its ended children used."""

    clock_s: float
    worked_s: float
    own_s: float


def read_busy(root: Path = Path("/")) -> Busy:
    """As it is now."""
    first = (root / "proc/stat").read_text(encoding="ascii").splitlines()[0]
    ticks = [int(field) for field in first.split()[1:9]]  # user nice system idle iowait irq softirq steal
    own = os.times()
    used = own.user + own.system + own.children_user + own.children_system
    return Busy(clock_s=time.monotonic(), worked_s=(sum(ticks) - sum(ticks[3:5])) / TICKS_PER_S, own_s=used)


def others(before: Busy, after: Busy) -> float:
    """How many cores others used between the two looks."""
    passed = max(after.clock_s - before.clock_s, 1e-9)
    return max(0.0, (after.worked_s - before.worked_s) - (after.own_s - before.own_s)) / passed


def is_quiet(used: float) -> bool:
    """Whether figures can be believed when others used so much of the cores."""
    return used <= MOST


def look(*, seconds: float = LOOK_S, wait: Callable[[float], None] = time.sleep) -> float:
    """How many cores others use now."""
    before = read_busy()
    wait(seconds)
    return others(before, read_busy())


def wait_until_quiet(*, patience_s: float = 60.0, look: Callable[[], float] = look) -> float:
    """Look until it is quiet or patience ends; returns what others used at the last look."""
    until = time.monotonic() + patience_s
    while not is_quiet(used := look()) and time.monotonic() < until:
        pass
    return used
