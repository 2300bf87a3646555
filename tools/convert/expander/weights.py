"""The weights of a GGUF file as arrays, read with the board's own reader (edge/tuned): F32, F16, Q4_0, Q4_1 and Q8_0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.tuned.blocks import Kind, dequantise
from edge.tuned.gguf import Tensor, read_header


def read_matrix(path: Path, name: str) -> NDArray[np.float32]:
    """One tensor by name, the slowest dimension first: a linear layer is [out, in]. KeyError where there is none."""
    header = read_header(path)
    tensor = {tensor.name: tensor for tensor in header.tensors}[name]
    return _read(path, tensor, header.data)


def read_tensors(path: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """All tensors, in the order of the file."""
    header = read_header(path)
    for tensor in header.tensors:
        yield tensor.name, _read(path, tensor, header.data)


def _read(path: Path, tensor: Tensor, data: int) -> NDArray[np.float32]:
    with path.open("rb") as file:
        file.seek(data + tensor.offset)
        weights = dequantise(file.read(tensor.bytes), Kind(tensor.kind))
    return weights.reshape(tensor.shape[::-1])
