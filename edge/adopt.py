"""`models add`: a pack from any folder is copied into the writable folder of models, proven, or nothing of it is.

The manifest comes last: a pack without one is not seen, so what is seen is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edge.errors import ModelError, ResourceError
from edge.lock import exclusive
from edge.manifest import CHUNK_BYTES, MANIFEST, ModelManifest, read_manifest, verify_file
from edge.packs import NAME_PATTERN
from edge.whole_file import whole_file

Progress = Callable[[int, int], None]
SPARE_BYTES = 64 << 20


def adopt(folder: Path, *, into: Path, replace: bool = False, progress: Progress | None = None) -> Path:
    """Copy the pack in `folder` to `into/<its name>/`; returns that folder.

    Files that are there and right are not copied again. A pack of that name with another manifest stays as it is
    unless `replace`. `progress` gets (bytes done, bytes in all).
    Raises ModelError (no pack, a file that is not as the manifest says, a name that is taken), ResourceError (space,
    rights, another command at work) and OutputError (writing).
    """
    manifest, sha256 = read_manifest(folder)
    if not NAME_PATTERN.match(manifest.name):
        raise ModelError(f"{manifest.name[:80]!r} is not a pack name.", hint="Use a-z, 0-9, dot, dash and underscore.")
    target = into / manifest.name
    if target.resolve() == folder.resolve():
        raise ModelError(f"{folder} lies in the folder of models already.", hint="There is nothing to add.")
    _check_free_name(target, sha256, replace=replace)
    with exclusive(
        target / ".pull.lock",
        busy=f"Another command writes to {target}.",
        busy_hint="Wait for it to end.",
        folder_hint="Set paths.models to a folder that is yours.",
    ):
        _need_space(target, manifest)
        _copy_files(folder, target, manifest, progress or (lambda _done, _total: None))
        with whole_file(target / MANIFEST) as part:
            shutil.copyfile(folder / MANIFEST, part)
    return target


def _check_free_name(target: Path, sha256: str, *, replace: bool) -> None:
    try:
        there = read_manifest(target)[1] if (target / MANIFEST).is_file() else sha256
    except ModelError:
        there = ""
    if there != sha256 and not replace:
        raise ModelError(
            f"Another pack named {target.name} is in {target.parent}.",
            hint="Add it with --replace, or give one of them another name (in its manifest, and its folder the same).",
        )


def _copy_files(folder: Path, target: Path, manifest: ModelManifest, progress: Progress) -> None:
    total, before = sum(file.bytes for file in manifest.files.values()), 0
    for name, wanted in manifest.files.items():
        if not _is_right(target / name, manifest, name):
            with whole_file(target / name) as part:
                _copy(folder / name, part, lambda done, start=before: progress(start + done, total))  # type: ignore[misc]
                verify_file(part, wanted, pack=manifest.name)
                part.chmod(0o644)
        before += wanted.bytes
        progress(before, total)


def _is_right(path: Path, manifest: ModelManifest, name: str) -> bool:
    try:
        verify_file(path, manifest.files[name], pack=manifest.name)
    except ModelError:
        return False
    return True


def _copy(path: Path, part: Path, progress: Callable[[int], None]) -> None:
    if not path.is_file():
        raise ModelError(f"{path} is missing, which the manifest beside it names.", hint="Copy the whole pack folder.")
    done = 0
    with path.open("rb") as file, part.open("wb") as out:
        while piece := file.read(CHUNK_BYTES):
            out.write(piece)
            done += len(piece)
            progress(done)


def _need_space(folder: Path, manifest: ModelManifest) -> None:
    needed = sum(file.bytes for name, file in manifest.files.items() if not (folder / name).is_file()) + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"{folder} has {free >> 20} MiB free; the pack needs {needed >> 20} MiB.",
            hint="Free some space, or set paths.models to a folder on a larger disk.",
        )
