"""Which cores to use, and how many threads now: as many as nobody else keeps busy.

Why: a language model's threads meet at a barrier after every step, so one thread on a core that is taken makes all
others wait. With one of two cores busy it wrote 30 tokens/s on one thread and 2 tokens/s on two.
Threads are bound to the set of the fast cores, not each to one: a thread tied to a core waits for whoever else is put
on it, while the kernel would have moved it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

INTERVAL_S = 0.2
SHORTEST_S = 0.5  # between two looks while a job runs: a tick is 10 ms
BUSY_SHARE = 0.4  # others may use this much of a core, and it still counts as free
BIG_SHARE = 0.6  # of the capacity of the fastest core: less is a LITTLE one
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def allowed_cpus() -> frozenset[int]:
    """The cores that the scheduler lets this process use (cpuset and affinity)."""
    return frozenset(os.sched_getaffinity(0))


def fast_cores(*, root: Path = Path("/"), allowed: Collection[int] | None = None) -> frozenset[int]:
    """The allowed cores without the LITTLE ones of a big.LITTLE processor, which the big ones would wait for."""
    cores = allowed_cpus() if allowed is None else frozenset(allowed)
    capacity = {core: _capacity(root, core) for core in cores}
    most = max(capacity.values(), default=0)
    return frozenset(core for core in cores if capacity[core] >= BIG_SHARE * most)


def bind(cores: Collection[int]) -> None:
    """Let every thread of this process run on these cores alone; what the system refuses stays as it is."""
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except OSError:  # the thread has ended, or a sandbox forbids it
            continue


def choose_threads(
    *,
    root: Path = Path("/"),
    cores: Collection[int] | None = None,
    wait: Callable[[float], None] = time.sleep,
    interval_s: float = INTERVAL_S,
) -> int:
    """Count the cores that others leave free, over `interval_s` seconds; `wait` is called once with that time."""
    free = FreeCores(root=root, cores=fast_cores(root=root) if cores is None else cores)
    wait(interval_s)
    return free.count()


class FreeCores:
    """Counts how many of `cores` are not used by others, from one look to the next; never less than 1.

    What others use is what /proc/stat says all used, less what this process did (`own`, in seconds of CPU): it is
    the same whether we are idle or compute on every core. Where that file cannot be read, all cores count as free.
    """

    def __init__(
        self, *, root: Path = Path("/"), cores: Collection[int], own: Callable[[], float] = time.process_time
    ) -> None:
        self._root, self._cores, self._own = root, frozenset(cores), own
        self._before = self._look()

    def count(self) -> int:
        """The free cores since the last call."""
        before, self._before = self._before, self._look()
        (busy_before, all_before, own_before), (busy, everything, own) = before, self._before
        passed = (everything - all_before) / max(len(self._cores), 1)  # seconds, as the ticks of the cores count them
        if passed <= 0:
            return max(1, len(self._cores))  # no tick passed: nothing ran
        others = max(0.0, (busy - busy_before) - (own - own_before)) / passed
        return max(1, int(len(self._cores) - others + BUSY_SHARE))

    def _look(self) -> tuple[float, float, float]:
        """Seconds that the cores were busy, that they were there, and that this process used."""
        ticks = _read_stat(self._root)
        mine = [ticks[core] for core in self._cores if core in ticks]
        busy, everything = (sum(column) / TICKS_PER_S for column in zip(*mine, strict=True)) if mine else (0.0, 0.0)
        return busy, everything, self._own()


def _read_stat(root: Path) -> dict[int, tuple[int, int]]:
    """Core -> (busy ticks, all ticks) since boot. Waiting for the disk counts as idle: the core itself is free."""
    try:
        lines = (root / "proc/stat").read_text().splitlines()
    except OSError:
        return {}
    cores: dict[int, tuple[int, int]] = {}
    for line in lines:
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            ticks = [int(field) for field in fields[:8]]  # user nice system idle iowait irq softirq steal
            cores[int(name[3:])] = (sum(ticks) - sum(ticks[3:5]), sum(ticks))
    return cores


def _capacity(root: Path, core: int) -> int:
    """How fast a core is, in units that only compare; the same for all where the kernel does not say."""
    folder = root / f"sys/devices/system/cpu/cpu{core}"
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        try:
            return int((folder / name).read_text())
        except (OSError, ValueError):
            continue
    return 1
