"""The memory limits that a control group lays on this process, in both versions of the kernel's interface.

Why not only /proc/meminfo: inside a container or a service with MemoryMax= the board's free memory is not ours.
Interface: the kernel's admin-guide, cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
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
    groups = [group for folder in _folders(root) if (group := _read(folder)) is not None]
    return min(groups, key=lambda group: group.available_mib, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """The folders of this process's group and of those around it."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            tops = [root / "sys/fs/cgroup"]
        elif "memory" in controllers.split(","):
            tops = [root / "sys/fs/cgroup/memory"]
        else:
            continue
        for top in tops:
            folder = top / path.lstrip("/")
            yield from (folder, *(parent for parent in folder.parents if parent.is_relative_to(top)))


def _read(folder: Path) -> MemoryGroup | None:
    stat = _counts(folder / "memory.stat")
    if (folder / "memory.current").exists():
        limits = [_number(folder / name) for name in ("memory.max", "memory.high")]
        used, events = _number(folder / "memory.current"), _counts(folder / "memory.events")
        droppable = stat.get("active_file", 0) + stat.get("inactive_file", 0)
        hits, kills = events.get("max", 0) + events.get("high", 0), events.get("oom_kill", 0)
    else:
        limits, used = [_number(folder / "memory.limit_in_bytes")], _number(folder / "memory.usage_in_bytes")
        droppable = stat.get("total_active_file", 0) + stat.get("total_inactive_file", 0)
        hits = _number(folder / "memory.failcnt") or 0
        kills = _counts(folder / "memory.oom_control").get("oom_kill", 0)
    set_limits = [limit for limit in limits if limit is not None and limit < NO_LIMIT]
    if not set_limits or used is None:
        return None
    limit = min(set_limits)
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
