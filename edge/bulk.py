"""Many prompts from one file, and the manifest in the folder of their clips: what was asked for, what is done.

The manifest is written whole before the first clip and after each one, so a run that was killed goes on where it was. A
clip has its file name from the beginning: it is never made twice, and no other file is ever written over.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from edge.errors import OutputError, RequestError
from edge.whole_file import whole_file

MANIFEST = "clips.json"
VERSION = 1
MAX_PROMPTS = 10_000
SLUG_CHARS = 40

State = Literal["waiting", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One prompt and its clip: its length in `seconds` and its bytes, and how long it `took_s` to make.

    `key` tells it from every other that asks for something else.
    """

    key: str
    prompt: str
    file: str
    state: State = "waiting"
    mode: str = ""
    seconds: float = 0.0
    bytes: int = 0
    took_s: float = 0.0
    error: str = ""

    def is_here(self, folder: Path) -> bool:
        """True when its clip is done and lies there as large as it was."""
        path = folder / self.file
        return self.state == "done" and path.is_file() and path.stat().st_size == self.bytes


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The entries of a folder by their keys, in the order in which they were first asked for."""

    folder: Path
    entries: dict[str, Entry] = field(default_factory=dict)

    def with_entry(self, entry: Entry) -> Manifest:
        """The same with this entry in the place of the one with its key."""
        return replace(self, entries=self.entries | {entry.key: entry})

    def save(self) -> None:
        """Write it into its folder, whole or not at all. Raises OutputError."""
        body = {"v": VERSION, "clips": [asdict(entry) for entry in self.entries.values()]}
        with whole_file(self.folder / MANIFEST) as part:
            part.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_prompts(path: Path) -> list[str]:
    """The prompts of a text file in UTF-8: one each line; blank lines and those that begin with # are passed over.

    Raises RequestError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise RequestError(f"The prompts {path} cannot be read: {exc.strerror}.", hint="Name a text file.") from exc
    except UnicodeDecodeError as exc:
        raise RequestError(f"The prompts {path} are not UTF-8.", hint="Save the file as UTF-8.") from exc
    prompts = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not prompts:
        raise RequestError(f"There is no prompt in {path}.", hint="Write one prompt a line.")
    if len(prompts) > MAX_PROMPTS:
        raise RequestError(f"There are {len(prompts)} prompts in {path}.", hint=f"{MAX_PROMPTS} are the most.")
    return prompts


def read_manifest(folder: Path) -> Manifest:
    """What a folder's manifest says; nothing where there is none. Raises OutputError for one that is none of ours."""
    path = folder / MANIFEST
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        entries = [_entry(one) for one in body["clips"]] if body["v"] == VERSION else None
    except FileNotFoundError:
        return Manifest(folder=folder)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise _no_manifest(path) from exc
    if entries is None:
        raise _no_manifest(path)
    return Manifest(folder=folder, entries={entry.key: entry for entry in entries})


def planned(prompts: Sequence[str], manifest: Manifest, *, asked: Any) -> tuple[list[str], Manifest]:
    """The keys of the clips that these prompts ask for, in order, and the manifest with an entry for each.

    `asked` is everything else that is asked for, as plain JSON values: where it differs, the clip is another one. A
    prompt that stands there twice asks for two clips.
    """
    keys: list[str] = []
    times: dict[str, int] = {}
    for number, prompt in enumerate(prompts, 1):
        times[prompt] = times.get(prompt, 0) + 1
        key = _key(prompt, times[prompt], asked)
        keys.append(key)
        if key not in manifest.entries:
            name = _free_name(f"{number:0{max(2, len(str(len(prompts))))}d}-{slug(prompt)}", manifest)
            manifest = manifest.with_entry(Entry(key=key, prompt=prompt, file=name))
    return keys, manifest


def slug(prompt: str) -> str:
    """What of a prompt can be a file name."""
    return re.sub(r"[\W_]+", "-", prompt.lower())[:SLUG_CHARS].strip("-") or "clip"


def _key(prompt: str, time: int, asked: Any) -> str:
    body = json.dumps([prompt, time, asked], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def _free_name(stem: str, manifest: Manifest) -> str:
    taken = {entry.file for entry in manifest.entries.values()}
    number, name = 1, f"{stem}.mp4"
    while name in taken or (manifest.folder / name).exists():
        number += 1
        name = f"{stem}-{number}.mp4"
    return name


def _entry(body: dict[str, Any]) -> Entry:
    entry = Entry(**body)
    if entry.file != Path(entry.file).name or not entry.file.endswith(".mp4"):
        raise ValueError(entry.file)
    return entry


def _no_manifest(path: Path) -> OutputError:
    return OutputError(
        f"{path} is no list of clips that edgereel wrote.", hint="Choose another folder, or move it away."
    )
