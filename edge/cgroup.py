"""The memory limits that a control group lays on this process, in both versions of the kernel's interface.

Why not only /proc/meminfo: inside a container or a service with MemoryMax= the board's free memory is not ours.
Interface: the kernel's admin-guide, cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MIB = 1 << 20
LIMITS = ("memory.max", "memory.high", "memory.limit_in_bytes")
NO_LIMIT = 1 << 60  # version 1 writes "none" as the largest multiple of a page


@dataclass(frozen=True, kw_only=True)
class MemoryGroup:
    """One limited group: `available_mib` is what is left, counting file pages that the kernel can drop.

    `events` counts how often the limit was hit, `oom_kills` how often somebody died of it; both only grow.
    """

    limit_mib: float
    available_mib: float
    events: int = 0
    oom_kills: int = 0


def read_memory_group(root: Path) -> MemoryGroup | None:
    """The group with the least memory left, of all that this process is in; None where nothing is limited."""
    folders = _folders(root, _text(root / "proc/self/cgroup"))
    groups = [group for folder, names in folders if (group := _read(folder, names)) is not None]
    return min(groups, key=lambda group: group.available_mib, default=None)


@lru_cache(maxsize=2)  # asked twice a second, and a process hardly ever moves
def _folders(root: Path, membership: str) -> list[tuple[Path, list[str]]]:
    """The folders of this process's group and of those around it, and which limits each has."""
    found: list[Path] = []
    for _, controllers, path in (line.split(":", 2) for line in membership.splitlines() if line.count(":") > 1):
        if not controllers or "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
            folder = top / path.lstrip("/")
            found += [folder, *(parent for parent in folder.parents if parent.is_relative_to(top))]
    limits = [(folder, [name for name in LIMITS if (folder / name).exists()]) for folder in found]
    return [(folder, names) for folder, names in limits if names]


def _read(folder: Path, names: list[str]) -> MemoryGroup | None:
    limits = [_number(folder / name) for name in names]
    limit = min((limit for limit in limits if limit is not None and limit < NO_LIMIT), default=None)
    if limit is None:
        return None  # before the statistics, which cost the kernel far more
    stat = _counts(folder / "memory.stat")
    if (used := _number(folder / "memory.current")) is not None:
        events = _counts(folder / "memory.events")
        droppable = stat.get("active_file", 0) + stat.get("inactive_file", 0)
        hits, kills = events.get("max", 0) + events.get("high", 0), events.get("oom_kill", 0)
    elif (used := _number(folder / "memory.usage_in_bytes")) is not None:
        droppable = stat.get("total_active_file", 0) + stat.get("total_inactive_file", 0)
        hits = _number(folder / "memory.failcnt") or 0
        kills = _counts(folder / "memory.oom_control").get("oom_kill", 0)
    else:
        return None
    available = min(limit, max(0, limit - used) + droppable)
    return MemoryGroup(limit_mib=limit / MIB, available_mib=available / MIB, events=hits, oom_kills=kills)


def _counts(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
