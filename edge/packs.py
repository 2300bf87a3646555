"""Finding model packs by name in the folders that may hold them, and proving their weight files before any is parsed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from edge.errors import ModelError
from edge.manifest import (
    MANIFEST,
    AnyVideoManifest,
    LlmManifest,
    ModelManifest,
    file_sha256,
    read_manifest,
    verify_file,
)
from edge.part import WeightFile
from edge.trust import Trust, trust_of

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
M_co = TypeVar("M_co", bound=ModelManifest, covariant=True)


@dataclass(frozen=True)
class Pack(Generic[M_co]):
    """The folder that holds the files of a pack, its parsed manifest, that one's sha256, and whether it is trusted.

    The manifest itself may lie under another root: a shipped language model has its pulled weights in the writable
    models folder. `named` is how it was asked for, where that was not by its name.
    """

    folder: Path
    manifest: M_co
    sha256: str = ""
    trust: Trust = Trust.NONE
    named: str = ""

    @property
    def name(self) -> str:
        """The name in the manifest."""
        return self.manifest.name

    def file(self, name: str) -> Path:
        """Where this file of the pack belongs; `verified_file` proves that it is there and right."""
        return self.folder / name

    def wanted(self, name: str) -> WeightFile:
        """The manifest's entry for a file. Raises ModelError when it has none: nothing is trusted unseen."""
        try:
            return self.manifest.files[name]
        except KeyError:
            raise ModelError(
                f"Model {self.name}: {self.folder / MANIFEST} has no sha256 for {name}.",
                hint=f"Add it under `files:` with its sha256 and bytes (`sha256sum {name}`).",
            ) from None


def shipped_root() -> Path:
    """The folder of packs that come with edgereel: inside an installed package, or the checkout's `models/`."""
    package = Path(__file__).resolve().parent
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"


def find_pack(name: str, *, roots: Sequence[Path]) -> Pack[ModelManifest]:
    """The pack of this name in the first of `roots` that has its manifest.

    Raises ModelError when the name is not allowed, no root has it, its manifest is wrong or has another name,
    or the record of trusted packs cannot be read.
    """
    if not NAME_PATTERN.match(name):
        raise ModelError(f"{name[:80]!r} is not a pack name.", hint="Use a name that `edgereel models list` shows.")
    folders = [root / name for root in roots]
    for folder in folders:
        if (folder / MANIFEST).is_file():
            manifest, sha256 = read_manifest(folder)
            _same_name(manifest, folder)
            trust = trust_of(name, sha256, root=folder.parent, shipped=_shipped_sha256(name))
            return Pack(_holder(manifest, [folder, *folders]), manifest, sha256, trust)
    looked = ", ".join(str(root) for root in roots)
    names = ", ".join(_names(roots)) or "none"
    raise ModelError(f"No model pack {name!r} in {looked}.", hint=f"Packs that are there: {names}.")


def open_pack(named: str, *, roots: Sequence[Path]) -> Pack[ModelManifest]:
    """As find_pack; a name with a slash is a folder of anybody's. Trust in it is in the record under the first root."""
    if os.sep not in named:
        return find_pack(named, roots=roots)
    folder = Path(named).expanduser()
    manifest, sha256 = read_manifest(folder)
    trust = trust_of(manifest.name, sha256, root=roots[0], shipped=_shipped_sha256(manifest.name))
    return Pack(folder, manifest, sha256, trust, named)


def find_video_pack(named: str, *, roots: Sequence[Path]) -> Pack[AnyVideoManifest]:
    """As open_pack. Raises ModelError also when it is not a video pack."""
    pack = open_pack(named, roots=roots)
    if isinstance(pack.manifest, AnyVideoManifest):
        return Pack(pack.folder, pack.manifest, pack.sha256, pack.trust, pack.named)
    raise ModelError(f"Model {named} is a language model, not a video generator.", hint="Set models.video to another.")


def find_llm_pack(name: str, *, roots: Sequence[Path]) -> Pack[LlmManifest]:
    """As find_pack. Raises ModelError also when it is not a language model pack."""
    pack = find_pack(name, roots=roots)
    if isinstance(pack.manifest, LlmManifest):
        return Pack(pack.folder, pack.manifest, pack.sha256, pack.trust)
    raise ModelError(f"Model {name} is a video generator, not a language model.", hint="Set models.llm to another.")


def known_packs(roots: Sequence[Path]) -> list[Pack[ModelManifest]]:
    """Every pack under `roots`, by name; an earlier root hides a later one. Raises ModelError as find_pack."""
    return [find_pack(name, roots=roots) for name in _names(roots)]


def check_trusted(pack: Pack[ModelManifest]) -> None:
    """Raise ModelError for a pack that is neither shipped nor trusted on purpose: its files may not be opened."""
    if pack.trust is Trust.NONE:
        raise ModelError(
            f"Model {pack.name} is not trusted: it does not come with edgereel, and what reads its files is native code, "
            "in which a file made for that can take over the board.",
            hint=f"If you know who made it, run `edgereel models trust {pack.named or pack.name}` once.",
        )


def verify_pack(pack: Pack[ModelManifest]) -> None:
    """Hash every file of the pack. Raises ModelError for the first that is missing, truncated or damaged."""
    for name, wanted in pack.manifest.files.items():
        verify_file(pack.file(name), wanted, pack=pack.name)


def verified_file(pack: Pack[ModelManifest], name: str, *, cache: Path) -> Path:
    """The path of a file of a trusted pack whose size and sha256 are proven; only such a file may be parsed.

    It is hashed only when it changed since the last proof, which is a small stamp in `cache`, tied to path, size, inode,
    modification time and the wanted sha256. A cache that cannot be written only costs the next start its time.
    Raises ModelError as check_trusted and verify_file.
    """
    check_trusted(pack)
    path, wanted = pack.file(name), pack.wanted(name)
    seen = _fingerprint(path, wanted)
    stamp = cache / "verified" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    if _read(stamp) != seen:
        verify_file(path, wanted, pack=pack.name)
        _write(stamp, seen)
    return path


def _holder(manifest: ModelManifest, folders: Sequence[Path]) -> Path:
    """The first folder with every file of the pack; the manifest's own (the first) when none has them."""
    whole = (folder for folder in folders if all((folder / name).is_file() for name in manifest.files))
    return next(whole, folders[0])


def _same_name(manifest: ModelManifest, folder: Path) -> None:
    if manifest.name != folder.name:
        raise ModelError(
            f"{folder / MANIFEST} is of {manifest.name!r}.", hint="Name the folder as `name` in the manifest says."
        )


def _shipped_sha256(name: str) -> str | None:
    path = shipped_root() / name / MANIFEST
    return file_sha256(path) if path.is_file() else None


def _names(roots: Sequence[Path]) -> list[str]:
    return sorted({folder.name for folder in _folders(roots) if NAME_PATTERN.match(folder.name)})


def _folders(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        if root.is_dir():
            yield from (manifest.parent for manifest in root.glob(f"*/{MANIFEST}"))


def _fingerprint(path: Path, wanted: WeightFile) -> str:
    stat = path.stat()
    return f"{path.resolve()}\n{stat.st_size} {stat.st_ino} {stat.st_mtime_ns} {wanted.bytes} {wanted.sha256}\n"


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _write(stamp: Path, text: str) -> None:
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(text, encoding="utf-8")
    except OSError:
        return
