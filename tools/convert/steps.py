"""The steps of a run, each done once: what is finished is written down, and a run that was stopped goes on after it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.whole_file import whole_file

RECORD = "steps.json"
Facts = dict[str, Any]
Progress = Callable[[float], None]
Say = Callable[[str, float], None]


class Steps:
    """The record of a work folder. `say` hears of every step: its title, and how far it is (0 to 1)."""

    def __init__(self, folder: Path, *, say: Say = lambda _title, _share: None) -> None:
        self.folder = folder
        self._path = folder / RECORD
        self._say = say
        self._done: dict[str, Facts] = _read(self._path)
        self.seconds: dict[str, float] = {}
        self.skipped: list[str] = []

    def do(
        self,
        title: str,
        work: Callable[[Progress], Facts],
        *,
        of: tuple[object, ...] = (),
        files: tuple[Path, ...] = (),
    ) -> Facts:
        """The facts of a step: as written down when it was done `of` the same things and its `files` are all there."""
        key = hashlib.sha256(repr((title, of)).encode()).hexdigest()
        known = self._done.get(title)
        if known and known["key"] == key and all(_is(path, known["files"]) for path in files):
            self.skipped.append(title)
            self._say(f"{title} (done before)", 1.0)
        else:
            known = self._run(title, key, work, files)
        self.seconds[title] = known["seconds"]
        return dict(known["facts"])

    def has(self, title: str) -> bool:
        """Whether a step of that title was ever finished here."""
        return title in self._done

    def _run(self, title: str, key: str, work: Callable[[Progress], Facts], files: tuple[Path, ...]) -> Facts:
        began = time.monotonic()
        self._say(title, 0.0)
        facts = work(lambda share: self._say(title, share))
        sizes = {path.name: path.stat().st_size for path in files}
        record = {"key": key, "facts": facts, "files": sizes, "seconds": round(time.monotonic() - began, 1)}
        self._done[title] = record
        with whole_file(self._path) as part:
            part.write_text(json.dumps(self._done, indent=1, ensure_ascii=False), encoding="utf-8")
        self._say(title, 1.0)
        return record


def _read(path: Path) -> dict[str, Facts]:
    """What is written down; nothing where that cannot be read, which only costs doing it again."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _is(path: Path, sizes: dict[str, int]) -> bool:
    return path.is_file() and path.stat().st_size == sizes.get(path.name)
