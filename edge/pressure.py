"""What the board feels now: memory, pressure, swap-in, refaults, heat, throttling, clock and disk.

Every file may be missing: PSI is off on Raspberry Pi OS, a virtual machine has no thermometer. What is missing is None.
Memory is that of the control group where one is tighter than the board.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.cgroup import read_memory_group

MIB = 1 << 20
KIB_PER_MIB = 1024
LOOKED_AT = re.compile(r"^(MemTotal|MemAvailable|Mlocked|SwapTotal|SwapFree): +(\d+)", re.MULTILINE)
COUNTED = re.compile(r"^(pswpin|pgmajfault|workingset_refault_file) (\d+)$", re.MULTILINE)
THROTTLED_NOW = 0b1111  # the higher bits say "since boot" and never fall again


@dataclass(frozen=True, kw_only=True)
class PressureReading:
    """One look. `throttled` is under-voltage or throttling now; `clock_share` the clock as a share of the fastest.

    `swap_in_mib`, `refault_mib` (file pages that were dropped and needed again), `major_faults`, `limit_hits` and
    `oom_kills` (of the control group) have grown since boot. `cpu_some_avg10` and `io_some_avg10` are only told:
    our own threads make them.
    """

    mem_total_mib: float | None = None
    mem_available_mib: float | None = None
    mem_locked_mib: float = 0.0
    swap_used_mib: float | None = None
    some_avg10: float | None = None
    full_avg10: float | None = None
    cpu_some_avg10: float | None = None
    io_some_avg10: float | None = None
    swap_in_mib: float | None = None
    refault_mib: float | None = None
    major_faults: float | None = None
    limit_hits: int | None = None
    oom_kills: int | None = None
    clock_share: float | None = None
    temperature_celsius: float | None = None
    throttled: bool | None = None
    disk_free_mib: float | None = None

    @property
    def available_percent(self) -> float | None:
        """MemAvailable in percent of what is not locked: locked weights are spent on purpose, not pressure."""
        if self.mem_total_mib is None or self.mem_available_mib is None:
            return None
        return 100 * self.mem_available_mib / max(self.mem_total_mib - self.mem_locked_mib, 1.0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the load message; sizes in MiB, null for what is not known."""
        return {
            "mem": {
                "total_mb": _whole(self.mem_total_mib),
                "available_mb": _whole(self.mem_available_mib),
                "swap_used_mb": _whole(self.swap_used_mib),
            },
            "psi": {
                "memory": {"some10": self.some_avg10, "full10": self.full_avg10},
                "cpu": {"some10": self.cpu_some_avg10},
                "io": {"some10": self.io_some_avg10},
            },
            "major_faults": _whole(self.major_faults),
            "limit_hits": self.limit_hits,
            "oom_kills": self.oom_kills,
            "clock_share": self.clock_share,
            "temp_c": self.temperature_celsius,
            "throttled": self.throttled,
            "disk_free_mb": _whole(self.disk_free_mib),
        }


def read_pressure(root: Path, *, disk: Path) -> PressureReading:
    """Look once, below `root` (/ on a board); `disk` is a folder on the disk to ask for space. Never raises."""
    memory = _meminfo(root / "proc/meminfo")
    counted = {name: float(count) for name, count in COUNTED.findall(_read(root / "proc/vmstat"))}
    page_mib = os.sysconf("SC_PAGESIZE") / MIB
    group = read_memory_group(root)
    psi = _psi(root / "proc/pressure/memory")
    milli_celsius = _number(root / "sys/class/thermal/thermal_zone0/temp")
    throttled = _throttled_bits(root)
    return PressureReading(
        mem_total_mib=_lower(memory.get("MemTotal"), group.limit_mib if group else None),
        mem_available_mib=_lower(memory.get("MemAvailable"), group.available_mib if group else None),
        mem_locked_mib=memory.get("Mlocked", 0.0),
        swap_used_mib=memory["SwapTotal"] - memory.get("SwapFree", 0.0) if "SwapTotal" in memory else None,
        some_avg10=psi.get("some"),
        full_avg10=psi.get("full"),
        cpu_some_avg10=_psi(root / "proc/pressure/cpu").get("some"),
        io_some_avg10=_psi(root / "proc/pressure/io").get("some"),
        swap_in_mib=_times(counted.get("pswpin"), page_mib),
        refault_mib=_times(counted.get("workingset_refault_file"), page_mib),
        major_faults=counted.get("pgmajfault"),
        limit_hits=group.events if group else None,
        oom_kills=group.oom_kills if group else None,
        clock_share=_clock_share(root),
        temperature_celsius=milli_celsius / 1000 if milli_celsius is not None else None,
        throttled=bool(throttled & THROTTLED_NOW) if throttled is not None else None,
        disk_free_mib=_disk_free_mib(disk),
    )


def _lower(board: float | None, group: float | None) -> float | None:
    return min((value for value in (board, group) if value is not None), default=None)


def _times(pages: float | None, page_mib: float) -> float | None:
    return None if pages is None else pages * page_mib


def _clock_share(root: Path) -> float | None:
    """The clock of the first core as a share of its fastest: below 1 under load, something holds it back."""
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    now, most = _number(folder / "scaling_cur_freq"), _number(folder / "cpuinfo_max_freq")
    return round(now / most, 2) if now and most else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _meminfo(path: Path) -> dict[str, float]:
    """What is looked at of /proc/meminfo, in MiB."""
    return {name: int(kib) / KIB_PER_MIB for name, kib in LOOKED_AT.findall(_read(path))}


def _psi(path: Path) -> dict[str, float]:
    """Lines such as `some avg10=1.23 avg60=...`."""
    rows = (line.split() for line in _read(path).splitlines())
    found = {row[0]: row[1].removeprefix("avg10=") for row in rows if len(row) > 1}
    return {name: float(value) for name, value in found.items() if value.replace(".", "", 1).isdigit()}


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_read(path), base)
    except ValueError:
        return None


def _throttled_bits(root: Path) -> int | None:
    """The Raspberry Pi firmware's word, in hex without 0x."""
    found = sorted(root.glob("sys/devices/platform/soc*/*firmware*/get_throttled"))
    return _number(found[0], base=16) if found else None


def _disk_free_mib(folder: Path) -> float | None:
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    return stat.f_bavail * stat.f_frsize / MIB
