"""Files that are there whole or not at all: a temporary name, a sync, a rename, and a sync of the folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import OutputError


@contextmanager
def whole_file(path: Path, *, part: Path | None = None) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; the file takes its place when the block ends well.

    After a power cut there is all of it or none of it; when the block raises, nothing is left behind.
    `part` is another such name, where somebody else may be writing `path` too.
    Raises OutputError for any OSError inside the block.
    """
    part = part or part_of(path)
    try:
        yield part
        _sync(part, os.O_RDWR)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise output_error(path, exc) from exc
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Make the folder of `path` and prove that a file can be made there, before any work is spent on it.

    Raises OutputError.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", hint="Give the name of a file, for example clip.mp4.")
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = path.with_name(f".{path.name}.{os.getpid()}.part")  # two may look at one folder
        probe.touch()
        probe.unlink()
    except OSError as exc:
        raise output_error(path, exc) from exc


def part_of(path: Path) -> Path:
    """The temporary name under which `path` grows."""
    return path.with_name(f".{path.name}.part")


def sync_folder(folder: Path) -> None:
    """Have what was renamed or linked in a folder survive a power cut. Raises OSError."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def output_error(path: Path, exc: OSError) -> OutputError:
    """What it means to whoever wanted the file."""
    return OutputError(
        f"Cannot write {path}: {exc.strerror or exc}.",
        hint="Choose another place, or free space and give write permission there.",
        code="disk_full" if exc.errno in (errno.ENOSPC, errno.EDQUOT) else "",
    )


def _sync(path: Path, flags: int) -> None:
    number = os.open(path, flags)
    try:
        os.fsync(number)
    finally:
        os.close(number)
