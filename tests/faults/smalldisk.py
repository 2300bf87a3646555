"""A small disk of its own for a test: a tmpfs, where we may mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BALLAST = "ballast"
PIECE = 4096


class SmallDisk:
    """A mounted folder that can be filled to the last page, freed, and made read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, *, leave_kib: int = 0) -> None:
        """Take all that is free, but for so much."""
        with (self.path / BALLAST).open("ab", buffering=0) as file:
            try:
                while os.statvfs(self.path).f_bavail * PIECE > leave_kib * 1024:
                    file.write(bytes(PIECE))
            except OSError:
                return

    def free(self) -> None:
        (self.path / BALLAST).unlink()

    def remount(self, how: str) -> None:
        """`ro` or `rw`."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True, capture_output=True, timeout=20)


@contextmanager
def small_disk(path: Path, *, mib: int) -> Iterator[SmallDisk]:
    """Mount it for the time of the block; the test is skipped where that is not allowed."""
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:  # only root may mount; without a real full disk there is nothing to test
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True, timeout=20)
