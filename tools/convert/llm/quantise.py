"""GGUF in 16 bits to fewer, by llama.cpp itself, and how far the weights of each group moved."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from edge.errors import EngineError
from edge.whole_file import whole_file
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.silence import quiet

FILE_TYPES = {"Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q4_K_M": 15}  # llama_ftype
BUFFER_BYTES = 256 << 20
GROUPS = (
    ("token embedding", re.compile(r"token_embd")),
    ("attention q, k, v", re.compile(r"attn_(q|k|v|qkv)\.")),
    ("attention output", re.compile(r"attn_output")),
    ("feed-forward in", re.compile(r"ffn_(gate|up)")),
    ("feed-forward out", re.compile(r"ffn_down")),
    ("output head", re.compile(r"^output\.")),
    ("norms", re.compile(r"norm")),
)


@dataclass(frozen=True, kw_only=True)
class GroupError:
    """One group of tensors: how it is stored, and the relative error of its weights (root of squares)."""

    group: str
    stored: str
    tensors: int
    mib: float
    error: float


def quantise(source: Path, target: Path, *, kind: str, threads: int) -> None:
    """Write `target`, whole or not at all. Raises EngineError where llama.cpp refuses."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.max_buf_size = FILE_TYPES[kind], threads, BUFFER_BYTES
    with whole_file(target) as part, quiet():
        code = llama_cpp.llama_model_quantize(str(source).encode(), str(part).encode(), ctypes.byref(params))
        if code:
            raise EngineError(
                f"llama.cpp could not write {source.name} as {kind} (code {code}).",
                hint="Run it again with --type Q8_0, which takes any shape; is the disk full?",
            )


def group_errors(exact: Path, quantised: Path, *, source: Source) -> list[GroupError]:
    """Compare every tensor of two GGUF files of one model, a group at a time."""
    gguf = load_gguf(source)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(str(exact)).tensors}
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for tensor in gguf.GGUFReader(str(quantised)).tensors:
        wanted = _values(gguf, theirs[tensor.name])
        moved = _values(gguf, tensor) - wanted
        total, group = sums[_group(tensor.name)], _group(tensor.name)
        kinds[group][tensor.tensor_type.name] += 1
        for place, value in enumerate(
            (1, tensor.n_bytes, float(np.vdot(moved, moved)), float(np.vdot(wanted, wanted)))
        ):
            total[place] += value
    return [
        GroupError(
            group=group, stored=", ".join(sorted(kinds[group])), tensors=int(count), mib=size / (1 << 20),
            error=(off / max(all_of, 1e-30)) ** 0.5,
        )
        for group, (count, size, off, all_of) in sums.items()
    ]  # fmt: skip


def load_gguf(source: Source) -> Any:
    """gguf-py of the very llama.cpp that converts, from its source."""
    folder = str(source.folder / "gguf-py")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import gguf  # type: ignore[import-not-found]  # noqa: PLC0415

    return gguf


def _values(gguf: Any, tensor: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32).reshape(-1)


def _group(name: str) -> str:
    return next((group for group, pattern in GROUPS if pattern.search(name)), "others")
