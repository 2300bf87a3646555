"""What safetensors files hold, read from their heads alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from edge.errors import ModelError

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def shapes_of(weights: Sequence[Path]) -> tuple[dict[str, tuple[int, ...]], int]:
    """The shapes of all tensors by name, and how many bytes they take. Raises ModelError for a file that was cut."""
    shapes: dict[str, tuple[int, ...]] = {}
    stored = 0
    for path in weights:
        for name, tensor in _head(path).items():
            if name != "__metadata__":
                shapes[name] = tuple(tensor["shape"])
                stored += prod(tensor["shape"]) * BYTES.get(tensor["dtype"], 1)
    return shapes, stored


def _head(path: Path) -> dict[str, Any]:
    """The JSON at the head of a safetensors file: eight bytes of length, then that many of text."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= path.stat().st_size - 8:
            raise ModelError(f"{path} is no safetensors file, or was cut.", hint="Fetch it again.")
        try:
            head = json.loads(file.read(length))
        except ValueError as exc:
            raise ModelError(f"{path} has a damaged head: {exc}.", hint="Fetch it again.") from exc
    end = max((tensor["data_offsets"][1] for name, tensor in head.items() if name != "__metadata__"), default=0)
    if 8 + length + end != path.stat().st_size:
        raise ModelError(f"{path} was cut: {8 + length + end} bytes are announced.", hint="Fetch it again.")
    return dict(head)
