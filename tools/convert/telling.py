"""What every verb of the workshop tells on stderr, and how it names what it makes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.convert.steps import Say

CLEAR = "\r\033[K"  # the line of a terminal


def name_of(folder: Path) -> str:
    """A pack's name from a folder's: small letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._")


def tell_rows(rows: Iterable[tuple[str, str]]) -> None:
    """What is asked for and what it takes, a line each."""
    for what, text in rows:
        print(f"{what:>10}  {text}", file=sys.stderr)


def say_on_stderr() -> Say:
    """Progress on stderr: a line when a step is done, and on a terminal its share before."""
    finished: set[str] = set()

    def say(title: str, share: float) -> None:
        if share >= 1 and title not in finished:
            finished.add(title)
            print(f"{CLEAR if sys.stderr.isatty() else ''}{title}: done", file=sys.stderr, flush=True)
        elif share < 1 and sys.stderr.isatty():
            print(f"{CLEAR}{title} {share:.0%}", end="", file=sys.stderr, flush=True)

    return say
