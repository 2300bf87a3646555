"""What this machine has: threads that this process may use, and bytes that are free on a disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge.errors import ResourceError


def default_threads() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0))


def free_bytes(folder: Path) -> int:
    """Bytes free where a folder is or will be."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.is_dir())
    return shutil.disk_usage(there).free


def need_disk(needed: int, *, free: int, where: str, why: str, hint: str) -> None:
    """Raise ResourceError where it cannot fit: told before anything is written."""
    if free < needed:
        raise ResourceError(
            f"{where} has {_mib(free)} free; the conversion needs {_mib(needed)}: {why}. Nothing was written.",
            hint=hint,
        )


def need_memory(needed: int, *, free: int, why: str, hint: str) -> None:
    """As need_disk, for memory."""
    if free < needed:
        raise ResourceError(
            f"{_mib(free)} of memory are free; the conversion needs {_mib(needed)}, {why}. Nothing was written.",
            hint=hint,
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
