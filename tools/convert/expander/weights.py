"""The weights of a GGUF file as arrays, read with the board's own reader (edge/tuned): F32, F16, Q4_0, Q4_1 and Q8_0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.tuned.blocks import Kind, dequantise
from edge.tuned.gguf import read_header


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One tensor as it stands in the file: `shape` has the slowest dimension first; a linear layer is [out, in]."""

    name: str
    shape: tuple[int, ...]
    kind: Kind
    data: bytes

    def weights(self) -> NDArray[np.float32]:
        """What it holds."""
        return dequantise(self.data, self.kind).reshape(self.shape)


def read_tensors(path: Path) -> Iterator[Stored]:
    """All tensors, in the order of the file."""
    header = read_header(path)
    with path.open("rb") as file:
        for tensor in header.tensors:
            file.seek(header.data + tensor.offset)
            data = file.read(tensor.bytes)
            yield Stored(name=tensor.name, shape=tensor.shape[::-1], kind=Kind(tensor.kind), data=data)


def read_matrix(path: Path, name: str) -> NDArray[np.float32]:
    """One tensor by name. StopIteration where there is none."""
    return next(stored for stored in read_tensors(path) if stored.name == name).weights()
