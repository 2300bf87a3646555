"""The file of the library's vectors: a head, then one vector of fixed length per clip, made to be mapped and scanned.

Whoever looks something up maps it and reads it from one end to the other. The database holds the same vectors, so the
file is never more than a copy: it is not synced, and what does not match is written anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge.manifest import AnyVideoManifest, VideoManifest

RECIPE = 1  # changes when the same plan gets another vector
LENGTH = 200  # of each vector, in steps of its numbers
MIDDLE = 128
HEAD_BYTES = 64
PIECE_BYTES = 1 << 20  # what is written in large pieces is cached in large ones, and mapped in half the time
LEAST_LOOK = 32
WORDS_DIMS = 64
FILE = "library.vectors"


def dims_of(manifest: AnyVideoManifest) -> int:
    """How many bytes a vector of this pack has: one for each value of each slot, the rest for the look.

    A pack that reads the prompt itself has no slots.
    """
    if not isinstance(manifest, VideoManifest):
        return WORDS_DIMS
    values = sum(len(slot.values) for slot in manifest.vocabulary.values())
    return -(-(values + LEAST_LOOK) // 16) * 16


def recipe_of(manifest: AnyVideoManifest, sha256: str) -> str:
    """What vectors must have in common to be compared: the pack with this sha256, and how they are made."""
    return f"{RECIPE}-{dims_of(manifest)}-{sha256[:32]}"


def head_of(recipe: str) -> bytes:
    """The first bytes of the file."""
    return f"edgereel vectors {recipe}".encode("ascii").ljust(HEAD_BYTES - 1)[: HEAD_BYTES - 1] + b"\n"


def similarity(one: bytes, other: bytes) -> float:
    """The cosine of the angle between two vectors: 1 for the same, 0 for nothing in common."""
    apart = sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
    return 1 - apart / (2 * LENGTH**2)


class VectorFile:
    """The side that writes. Every verb may raise OSError."""

    def __init__(self, path: Path, *, recipe: str, dims: int) -> None:
        self._path = path
        self.recipe = recipe
        self.dims = dims

    def put(self, place: int, vector: bytes) -> None:
        """Write one vector at its place."""
        with self._path.open("r+b") as file:
            os.pwrite(file.fileno(), vector, HEAD_BYTES + place * self.dims)

    def cut(self, count: int) -> None:
        """Keep the first `count` vectors."""
        os.truncate(self._path, HEAD_BYTES + count * self.dims)

    def holds(self, vectors: Iterator[bytes]) -> bool:
        """Whether the file is there and holds just these."""
        try:
            with self._path.open("rb") as file:
                head = file.read(HEAD_BYTES) == head_of(self.recipe)
                return head and all(file.read(self.dims) == vector for vector in vectors) and not file.read(1)
        except FileNotFoundError:
            return False

    def write(self, vectors: Iterator[bytes]) -> None:
        """Write it anew, for readers all at once."""
        part = self._path.with_name(f".{self._path.name}.part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb", buffering=PIECE_BYTES) as file:
            file.write(head_of(self.recipe))
            file.writelines(vectors)
        part.replace(self._path)
