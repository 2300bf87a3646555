"""A memory control group for measurements, in either version of the kernel's interface; needs root."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MIB = 1 << 20
TOP = Path("/sys/fs/cgroup")


class Group:
    """A group with a limit and no swap. `enter` puts the calling process in; the group goes when the block ends."""

    def __init__(self, name: str, limit_mib: int) -> None:
        self._old = (TOP / "memory").is_dir()
        self._folder = (TOP / "memory" if self._old else TOP) / f"{name}-{os.getpid()}"
        self._limit_mib = limit_mib

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self.limit(self._limit_mib)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        for _ in range(50):  # the kernel needs a moment after the last process has left
            try:
                self._folder.rmdir()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def limit(self, mib: int) -> None:
        """Set the limit, of memory and of memory with swap."""
        if self._old:
            both = ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes")
            for name in (*both, *both):  # whichever has to go first, up or down
                try:
                    (self._folder / name).write_text(str(mib * MIB))
                except OSError:
                    continue
        else:
            (self._folder / "memory.max").write_text(str(mib * MIB))
            (self._folder / "memory.swap.max").write_text("0")

    def enter(self) -> None:
        """Move the calling process into the group."""
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def hits(self) -> int:
        """How often the limit was reached."""
        if self._old:
            return int((self._folder / "memory.failcnt").read_text())
        return self._event("memory.events", "max")

    def kills(self) -> int:
        """How often the kernel killed somebody for it."""
        return self._event("memory.oom_control" if self._old else "memory.events", "oom_kill")

    def peak_mib(self) -> float:
        """The most that the group held, page cache included."""
        name = "memory.max_usage_in_bytes" if self._old else "memory.peak"
        return int((self._folder / name).read_text()) / MIB

    def held_mib(self) -> float:
        """What the group holds now that cannot be dropped."""
        names = ("total_active_file", "total_inactive_file") if self._old else ("active_file", "inactive_file")
        rows = (line.split() for line in (self._folder / "memory.stat").read_text().splitlines())
        droppable = sum(int(row[1]) for row in rows if row[0] in names)
        name = "memory.usage_in_bytes" if self._old else "memory.current"
        return (int((self._folder / name).read_text()) - droppable) / MIB

    def _event(self, file: str, name: str) -> int:
        rows = (line.split() for line in (self._folder / file).read_text().splitlines())
        return next((int(row[1]) for row in rows if row[0] == name), 0)
