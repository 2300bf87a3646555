"""How many threads to use now: the cores that this process may use and that nobody else keeps busy.

Why: the native libraries meet at a barrier after every step, so one thread on a core that is taken makes all others
wait. With one of two cores busy a language model wrote 30 tokens/s on one thread and 2 tokens/s on two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

INTERVAL_S = 0.2
IDLE_SHARE = 0.6


def allowed_cpus() -> frozenset[int]:
    """The cores that the scheduler lets this process use (cpuset and affinity)."""
    return frozenset(os.sched_getaffinity(0))


def choose_threads(
    *,
    root: Path = Path("/"),
    allowed: Collection[int] | None = None,
    wait: Callable[[float], None] = time.sleep,
    interval_s: float = INTERVAL_S,
) -> int:
    """Count the allowed cores that were at least 60 % idle over `interval_s` seconds; never less than 1.

    `wait` is called once with the interval between the two readings of `root`/proc/stat. Where that file cannot be
    read, every allowed core counts as free.
    """
    cores = allowed_cpus() if allowed is None else frozenset(allowed)
    before = _read_stat(root)
    wait(interval_s)
    after = _read_stat(root)
    known = [core for core in cores if core in before and core in after]
    if not known:
        return max(1, len(cores))
    return max(1, sum(_idle_share(before[core], after[core]) >= IDLE_SHARE for core in known))


def _read_stat(root: Path) -> dict[int, tuple[int, int]]:
    """Core -> (idle ticks, all ticks) since boot. Waiting for the disk counts as idle: the core itself is free."""
    try:
        lines = (root / "proc/stat").read_text().splitlines()
    except OSError:
        return {}
    cores: dict[int, tuple[int, int]] = {}
    for line in lines:
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            ticks = [int(field) for field in fields[:8]]  # user nice system idle iowait irq softirq steal
            cores[int(name[3:])] = (sum(ticks[3:5]), sum(ticks))
    return cores


def _idle_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    passed = after[1] - before[1]
    return (after[0] - before[0]) / passed if passed > 0 else 1.0  # no tick passed: nothing ran
