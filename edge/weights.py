"""Weights that stay in memory: a file mapped shared and read-only, locked by us, and proven to be.

Why by us: llama.cpp's own lock holds the pages of the file also where it computes with a repacked copy, and says
nothing when the system refuses; onnxruntime maps privately, where a lock would copy every page. A second, shared map
of the same file costs nothing: its pages are those that the library reads.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.memory import available_mib

PROT_READ, MAP_SHARED = 1, 1
MAP_FAILED = ctypes.c_void_p(-1).value
MADV_DONTNEED = 4
CAP_IPC_LOCK = 14
WORKING_MIB = 128.0  # what stays free beside locked weights
MIB = 1 << 20
KIB_PER_MIB = 1024
log = logging.getLogger(__name__)

HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S{4} \S+ \S+ \S+ *(.*)")

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
for _name in ("munmap", "mlock"):
    getattr(_LIBC, _name).argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_LIBC.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What came of locking some files: `refused` says why not all of them are, and what to do."""

    wanted_mib: float
    locked_mib: float
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class Resident:
    """One file in this process, in MiB: its size, and over all its maps what is in memory, locked there, and copied."""

    wanted_mib: float
    resident_mib: float = 0.0
    locked_mib: float = 0.0
    anonymous_mib: float = 0.0


@contextmanager
def locked(paths: Iterable[Path], *, room_mib: float = float("inf")) -> Iterator[Lock]:
    """Hold files in memory for the time of the block, as far as the system lets us and `room_mib` reaches.

    Never raises for a refusal: what is not locked only is slower under pressure. Raises OSError for a missing file.
    """
    wanted = done = 0
    refused = ""
    with ExitStack() as stack:
        for path in paths:
            size = path.stat().st_size
            wanted += size
            if (done + size) / MIB > room_mib:
                refused = f"{wanted / MIB:.0f} MiB wanted, only {max(room_mib, 0):.0f} may be taken from what is free"
            elif size and (error := _lock(path, size, stack)):
                refused = error
            else:
                done += size
        if refused:
            log.warning("Weights are used unlocked, and may be pushed out under pressure: %s.", refused)
        yield Lock(wanted_mib=wanted / MIB, locked_mib=done / MIB, refused=refused)


def give_back(path: Path) -> None:
    """Drop the pages of every map of a file in this process; what is read again comes from the page cache.

    For a file that llama.cpp has repacked: what it copied from is not read again and only fills memory
    (https://github.com/ggml-org/llama.cpp/issues/19578).
    """
    for start, end, name in _maps(Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")):
        if name == os.fspath(path.resolve()):
            _LIBC.madvise(start, end - start, MADV_DONTNEED)


def prove(paths: Iterable[Path], *, root: Path = Path("/")) -> dict[str, Resident]:
    """What the kernel says of each file, by its name: from /proc/self/smaps, empty where there is no such file."""
    wanted = {os.fspath(path.resolve()): path for path in paths}
    try:
        text = (root / "proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    maps: dict[Path, list[dict[str, float]]] = {path: [] for path in wanted.values()}
    fields: dict[str, float] = {}
    for line in text.splitlines():
        if head := HEAD.match(line):
            fields = {}
            if head[3] in wanted:
                maps[wanted[head[3]]].append(fields)
        elif (row := line.split())[-1:] == ["kB"]:
            fields[row[0].rstrip(":")] = int(row[1]) / KIB_PER_MIB
    return {path.name: _resident(path.stat().st_size / MIB, found) for path, found in maps.items()}


def room_to_lock_mib(root: Path = Path("/")) -> float:
    """How much may be locked without taking from others what this process will need itself."""
    return available_mib(root) - WORKING_MIB


def lock_limit_mib() -> float:
    """How much this process may lock; infinite with the capability IPC_LOCK, which the limit does not hold."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    capable = re.search(r"^CapEff:\s+([0-9a-f]+)$", status, re.MULTILINE)
    free = soft == resource.RLIM_INFINITY or (capable is not None and int(capable[1], 16) >> CAP_IPC_LOCK & 1)
    return float("inf") if free else soft / MIB


def _lock(path: Path, size: int, stack: ExitStack) -> str:
    """Map and lock one file until the stack closes; why it could not be done, empty when it was."""
    with path.open("rb") as file:
        address = _LIBC.mmap(None, size, PROT_READ, MAP_SHARED, file.fileno(), 0)
    if address == MAP_FAILED:
        return os.strerror(ctypes.get_errno())
    stack.callback(_LIBC.munmap, address, size)
    if _LIBC.mlock(address, size) == 0:
        return ""
    error = os.strerror(ctypes.get_errno())
    return f"{error}: {size / MIB:.0f} MiB wanted, RLIMIT_MEMLOCK is {lock_limit_mib():.0f} MiB"


def _maps(text: str) -> Iterator[tuple[int, int, str]]:
    for line in text.splitlines():
        if head := HEAD.match(line):
            yield int(head[1], 16), int(head[2], 16), head[3]


def _resident(wanted_mib: float, maps: Sequence[Mapping[str, float]]) -> Resident:
    return Resident(
        wanted_mib=wanted_mib,
        resident_mib=sum(one.get("Pss", 0.0) for one in maps),
        locked_mib=sum(one.get("Rss", 0.0) for one in maps if one.get("Locked", 0.0) > 0),
        anonymous_mib=sum(one.get("Anonymous", 0.0) for one in maps),
    )
