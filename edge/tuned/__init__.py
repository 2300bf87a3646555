"""A tuned model from the public file it was tuned from and our small file of changes, tensor by tensor.

Why not load the changes at run time: llama.cpp then copies the weights into anonymous memory, which a small board lacks.
One matrix is in memory at a time, and the bytes that come out are the same on every machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from edge.errors import ModelError, ResourceError
from edge.tuned.blocks import Floats, Kind, dequantise, quantise, shift
from edge.tuned.delta import Delta
from edge.tuned.gguf import Header, Tensor, padded, read_header, write_header

FILE_TYPES = {Kind.F32: 0, Kind.F16: 1, Kind.Q4_0: 2, Kind.Q4_1: 3, Kind.Q8_0: 7}  # of general.file_type
COPY_BYTES = 1 << 20


def merge(
    base: Path, delta: Path, out: Path, *, base_sha256: str, quantised: str, progress: Callable[[int], None]
) -> None:
    """Write the tuned model to `out`: changed matrices as `quantised` (such as "q4_1"), all else as it stands in `base`.

    `base_sha256` is the proven one of `base`; `progress` gets the bytes written.
    Raises ModelError when the changes are for another file or do not fit, ResourceError when `out` cannot be written.
    """
    changes = Delta(delta)
    if changes.base != base_sha256:
        raise ModelError(
            f"{delta} changes the model with sha256 {changes.base[:12]}…, and {base} has {base_sha256[:12]}….",
            hint="Another file is installed under the name of the one that it was made for.",
        )
    header, kind = read_header(base), Kind[quantised.upper()]
    unknown = changes.names - {tensor.name for tensor in header.tensors if len(tensor.shape) == 2}
    if unknown:
        raise ModelError(f"{delta} changes {min(unknown)}, which {base} does not have.", hint="Install edgereel anew.")
    tensors = _placed(header, changes, kind)
    try:
        with base.open("rb") as file, out.open("wb") as written:
            write_header(written, header, tensors, file_type=FILE_TYPES[kind])
            for old, new in zip(header.tensors, tensors, strict=True):
                file.seek(header.data + old.offset)
                if old.name in changes.names:
                    _write_changed(file, written, old, new, changes)
                else:
                    _copy(file, written, old.bytes)
                written.write(bytes(-written.tell() % 32))
                progress(written.tell())
    except OSError as exc:
        raise ResourceError(f"Writing the model failed: {exc.strerror}.", hint="Free some disk space.") from exc


def changed(data: bytes, kind: Kind, change: Floats, *, into: Kind, name: str) -> bytes:
    """The bytes of a tensor [n] with `change` [n] added, as type `into`; `name` is that of the tensor.

    Q4_1 stays on its grid; for other types the sum is rounded anew.
    """
    if kind is into is Kind.Q4_1:
        return shift(data, change, seed=zlib.crc32(name.encode()))
    if kind is into and not change.any():
        return data
    return quantise(dequantise(data, kind) + change, into)


def _placed(header: Header, changes: Delta, kind: Kind) -> list[Tensor]:
    """The tensors with their new types and places."""
    tensors, offset = list[Tensor](), 0
    for tensor in header.tensors:
        placed = replace(tensor, kind=int(kind) if tensor.name in changes.names else tensor.kind, offset=offset)
        tensors.append(placed)
        offset += padded(placed.bytes)
    return tensors


def _write_changed(file: IO[bytes], written: IO[bytes], old: Tensor, new: Tensor, changes: Delta) -> None:
    width, out = old.shape
    change = changes.change(old.name, out=out, width=width).reshape(-1)
    written.write(changed(file.read(old.bytes), Kind(old.kind), change, into=Kind(new.kind), name=old.name))


def _copy(file: IO[bytes], written: IO[bytes], count: int) -> None:
    while count > 0:
        piece = file.read(min(COPY_BYTES, count))
        if not piece:
            raise ModelError("The model file ends early.", hint="Fetch it again: `edgereel models pull`.")
        written.write(piece)
        count -= len(piece)
