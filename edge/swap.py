"""Swap by kind: what of it gives room for weights, on which disk, and the exact way to get enough.

Why by kind: zram takes memory for what it holds, and quantised weights hardly compress, so only a file or a partition
gives room. Raspberry Pi OS shows its swap file behind zram, where it takes nothing in for hours.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WANTED_MIB = 2000  # of a "2 GB" swap file
KIB_PER_MIB = 1024
CARDS = {"SD": "SD card", "MMC": "eMMC"}


@dataclass(frozen=True, kw_only=True)
class Swap:
    """One line of /proc/swaps: `kind` is file, partition or zram; `disk` is SD card, eMMC, disk, or empty for zram."""

    path: str
    kind: str
    size_mib: float
    used_mib: float
    disk: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.size_mib:.0f} MiB" + (f" on {self.disk}" if self.disk else "")


def read_swap(root: Path) -> list[Swap]:
    """All swap that is on. Never raises; empty where there is none."""
    try:
        lines = (root / "proc/swaps").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [_swap(root, row[0], row[1], int(row[2]), int(row[3])) for row in rows if len(row) > 3 and row[2].isdigit()]


def real_mib(swaps: list[Swap]) -> float:
    """How much of it is a file or a partition."""
    return sum(swap.size_mib for swap in swaps if swap.kind != "zram")


def how_to_get_swap(root: Path) -> str:
    """What to do on this system to have 2 GB as a file."""
    if (root / "etc/dphys-swapfile").exists():  # Raspberry Pi OS bookworm
        return "Set CONF_SWAPSIZE=2048 in /etc/dphys-swapfile, then: sudo systemctl restart dphys-swapfile"
    if (root / "etc/rpi").is_dir():  # trixie
        return ("Write [Main] Mechanism=swapfile and [File] FixedSizeMiB=2048 to /etc/rpi/swap.conf.d/edgereel.conf, "
                "then reboot.")  # fmt: skip
    return "sudo sh -c 'fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile'"


def _swap(root: Path, path: str, kind: str, size_kib: int, used_kib: int) -> Swap:
    zram = "/zram" in path
    return Swap(
        path=path, kind="zram" if zram else kind, size_mib=size_kib / KIB_PER_MIB, used_mib=used_kib / KIB_PER_MIB,
        disk="" if zram else _disk(root, path, kind),
    )  # fmt: skip


def _disk(root: Path, path: str, kind: str) -> str:
    """What kind of disk a swap file or partition is on."""
    try:
        stat = (root / path.lstrip("/")).stat()
        number = stat.st_rdev if kind == "partition" else stat.st_dev
        block = (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
        holder = next(folder for folder in (block, block.parent) if (folder / "device").is_dir())
        return CARDS[(holder / "device/type").read_text(encoding="ascii").strip()]
    except (OSError, StopIteration, KeyError):
        return "disk"
