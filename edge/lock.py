"""A lock file: one holder at a time on this machine, let go when the holder ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import ResourceError


@contextmanager
def exclusive(path: Path, *, busy: str, busy_hint: str, folder_hint: str) -> Iterator[None]:
    """Hold the lock at `path`, made with its folder if need be.

    Raises ResourceError at once: `busy` when another process holds it, or that the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as exc:
        raise ResourceError(f"The folder {path.parent} cannot be written: {exc.strerror}.", hint=folder_hint) from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ResourceError(busy, hint=busy_hint) from exc
        yield


def is_held(path: Path) -> bool:
    """Whether another process holds the lock of this file now; nothing is made, and False where it cannot be told."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
