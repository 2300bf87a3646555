"""GGUF files, read from the front: what stands in the header, and where each tensor lies.

Format: ggml's docs/gguf.md, version 3, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.errors import ModelError
from edge.tuned.blocks import BLOCK, Kind

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
STRING, ARRAY, U32 = 8, 9, 4
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
FILE_TYPE = "general.file_type"
Scalar = int | float | bool | str


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor: `shape` with the fastest dimension first, `offset` in bytes from the start of the data."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def bytes(self) -> int:
        """Its size. Raises ValueError for a type that is not read here."""
        count = 1
        for size in self.shape:
            count *= size
        return count * Kind(self.kind).block_bytes // BLOCK


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself: `keys` without the arrays, `key_bytes` all of them as they stand there.

    `data` is the position of the first tensor, `file_type_at` that of the value of `general.file_type` in `key_bytes`.
    """

    keys: Mapping[str, Scalar]
    count: int
    key_bytes: bytes
    file_type_at: int
    tensors: tuple[Tensor, ...]
    data: int


def read_header(path: Path) -> Header:
    """Read the front of a GGUF file. Raises ModelError for another kind of file or one that is cut."""
    try:
        with path.open("rb") as file:
            return _read(file)
    except (struct.error, UnicodeDecodeError, KeyError, ValueError, OSError) as exc:
        raise ModelError(
            f"{path} is no GGUF file that can be read: {exc!r}.", hint="Fetch it again: `edgereel models pull`."
        ) from exc


def write_header(file: IO[bytes], header: Header, tensors: Sequence[Tensor], *, file_type: int) -> None:
    """Write the header of a file with the same keys and these tensors, up to where their data begins."""
    keys = bytearray(header.key_bytes)
    if header.file_type_at >= 0:
        struct.pack_into("<I", keys, header.file_type_at, file_type)
    file.write(struct.pack("<4sIQQ", MAGIC, VERSION, len(tensors), header.count))
    file.write(keys)
    for tensor in tensors:
        name = tensor.name.encode()
        file.write(struct.pack("<Q", len(name)) + name)
        shape = tensor.shape
        file.write(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, tensor.kind, tensor.offset))
    file.write(bytes(-file.tell() % ALIGNMENT))


def padded(size: int) -> int:
    """`size` with what is added so that the next tensor begins at a multiple of 32 bytes."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _read(file: IO[bytes]) -> Header:
    magic, version, tensors, keys = struct.unpack("<4sIQQ", file.read(24))
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError(f"magic {magic!r}, version {version}")
    found, file_type_at, start = dict[str, Scalar](), -1, file.tell()
    for _ in range(keys):
        name, kind = _string(file), _number(file, "<I")
        if (name, kind) == (FILE_TYPE, U32):
            file_type_at = file.tell() - start
        if kind == ARRAY:
            _skip_array(file)
        else:
            found[name] = _string(file) if kind == STRING else _scalar(file, kind)
    if found.get("general.alignment", ALIGNMENT) != ALIGNMENT:
        raise ValueError("tensors aligned in another way")
    end = file.tell()
    file.seek(start)
    key_bytes = file.read(end - start)
    listed = tuple(_tensor(file) for _ in range(tensors))
    return Header(
        keys=found, count=keys, key_bytes=key_bytes, file_type_at=file_type_at, tensors=listed, data=padded(file.tell())
    )


def _tensor(file: IO[bytes]) -> Tensor:
    name, dimensions = _string(file), _number(file, "<I")
    shape = struct.unpack(f"<{dimensions}Q", file.read(8 * dimensions))
    return Tensor(name=name, shape=shape, kind=_number(file, "<I"), offset=_number(file, "<Q"))


def _skip_array(file: IO[bytes]) -> None:
    kind, count = _number(file, "<I"), _number(file, "<Q")
    if kind == STRING:
        for _ in range(count):
            file.seek(_number(file, "<Q"), 1)
    else:
        file.seek(count * struct.calcsize(SCALARS[kind]), 1)


def _scalar(file: IO[bytes], kind: int) -> Scalar:
    form = SCALARS[kind]
    value: Scalar = struct.unpack(form, file.read(struct.calcsize(form)))[0]
    return value


def _number(file: IO[bytes], form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _string(file: IO[bytes]) -> str:
    return file.read(_number(file, "<Q")).decode()
