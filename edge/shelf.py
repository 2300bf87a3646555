"""What is kept on the disk: which finished clips have to go, and their removal.

A clip is `<job id>.mp4` with its poster `<job id>.jpg`; beside them lie `.<name>.part` files while they grow, and for
ever where a process died over one.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.request import ID_PATTERN
from edge.sections import Clips

ENDINGS = (".mp4", ".jpg")
PART_PATTERN = re.compile(r"\.[A-Za-z0-9_-]{1,64}\.(?:mp4|jpg)\.part\Z")
STRAY_S = 3600.0
DAY_S = 24 * 3600.0
MIB = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeptClip:
    """A finished clip on the disk: its bytes with those of its poster, and whether its result reached the broker.

    `repeats` are the jobs that were answered with the same file, under names of their own. All of them go together.
    """

    job_id: str
    bytes: int
    age_s: float
    delivered: bool
    repeats: tuple[str, ...] = ()

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Every job whose clip it is."""
        return (self.job_id, *self.repeats)


def to_remove(kept: Iterable[KeptClip], *, limits: Clips, free_mib: float | None) -> list[str]:
    """The jobs whose clips have to go, in the order in which they go.

    What is too old goes in any case. Past `max_mib` the oldest goes, those first that were delivered. With less than
    `reserve_mib` of `free_mib` left, only delivered ones go: a promise is not broken for room. None: nobody knows.
    """
    old: list[KeptClip] = []
    queue: list[KeptClip] = []
    for clip in sorted(kept, key=lambda clip: (not clip.delivered, -clip.age_s, clip.job_id)):
        (old if clip.age_s > limits.max_days * DAY_S else queue).append(clip)
    gone = [job_id for clip in old for job_id in clip.job_ids]
    lying = sum(clip.bytes for clip in queue)
    freed = sum(clip.bytes for clip in old)
    for clip in queue:
        too_much = lying > limits.max_mib * MIB
        too_little_free = free_mib is not None and free_mib + freed / MIB < limits.reserve_mib
        if not too_much and not (too_little_free and clip.delivered):
            break
        gone.extend(clip.job_ids)
        lying -= clip.bytes
        freed += clip.bytes
    return gone


def kept_clips(folder: Path, *, now: float, delivered: Callable[[str], bool]) -> list[KeptClip]:
    """What lies in `folder`, told by its files, so that no clip is forgotten; `now` is seconds since 1970.

    Their age is that of the newest file of each. Raises nothing: a folder that cannot be read holds nothing.
    """
    found: dict[str, list[os.stat_result]] = {}
    for path, about in sorted(_files(folder), key=lambda one: one[0].suffix, reverse=True):  # a clip, then its poster
        if path.suffix in ENDINGS and ID_PATTERN.match(path.stem):
            found.setdefault(path.stem, []).append(about)
    shared: dict[tuple[int, int], list[str]] = {}
    for job_id, files in found.items():
        shared.setdefault((files[0].st_dev, files[0].st_ino), []).append(job_id)
    return [_kept(sorted(job_ids), found, now=now, delivered=delivered) for job_ids in shared.values()]


def remove_clips(folder: Path, *, job_ids: Iterable[str]) -> int:
    """Remove clips and their posters; returns how many files went. What cannot be removed is logged and left."""
    names = [f"{job_id}{ending}" for job_id in job_ids if ID_PATTERN.match(job_id) for ending in ENDINGS]
    return sum(_unlink(folder / name) for name in names)


def remove_strays(folder: Path, *, now: float) -> int:
    """Remove what has been growing here and was not written to for an hour; returns how many files went.

    `now` is seconds since 1970.
    """
    files = _files(folder)
    strays = [path for path, about in files if PART_PATTERN.match(path.name) and now - about.st_mtime > STRAY_S]
    return sum(_unlink(path) for path in strays)


def free_mib(path: Path) -> float | None:
    """MiB that are free for us on the disk that holds `path`; None when it cannot be told."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize / MIB


def _kept(
    job_ids: list[str], found: dict[str, list[os.stat_result]], *, now: float, delivered: Callable[[str], bool]
) -> KeptClip:
    files = {about.st_ino: about for job_id in job_ids for about in found[job_id]}.values()
    return KeptClip(
        job_id=job_ids[0],
        bytes=sum(about.st_size for about in files),
        age_s=max(0.0, now - max(about.st_mtime for about in files)),
        delivered=all(map(delivered, job_ids)),
        repeats=tuple(job_ids[1:]),
    )


def _files(folder: Path) -> list[tuple[Path, os.stat_result]]:
    """Every regular file with its facts; what goes away meanwhile is passed over."""
    try:
        paths = list(folder.iterdir())
    except OSError as exc:
        log.warning("The clips folder %s cannot be read: %s.", folder, exc.strerror)
        return []
    found = []
    for path in paths:
        with suppress(OSError):
            found.append((path, path.lstat()))
    return [(path, about) for path, about in found if stat.S_ISREG(about.st_mode)]


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as exc:
        log.warning("%s cannot be removed: %s.", path, exc.strerror)
        return False
    return True
