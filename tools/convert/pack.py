"""What a manifest says of a file: a part's inputs and outputs, and a weight file's checksum; and its own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import onnxruntime as ort
import yaml

from edge.manifest import MANIFEST, ModelManifest, file_sha256
from edge.part import Part, Tensor, WeightFile
from edge.whole_file import whole_file

TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(uint8)": "uint8",
         "tensor(bool)": "bool"}  # fmt: skip


def part_of(path: Path, *, states: Mapping[str, str] | None = None) -> Part:
    """The manifest's entry for an ONNX file; `states` names the inputs that are fed from an output of the run before."""
    session = ort.InferenceSession(str(path))
    inputs = {item.name: _tensor(item) for item in session.get_inputs()}
    outputs = {item.name: _tensor(item) for item in session.get_outputs()}
    return Part(path.name, inputs, outputs, dict(states or {}))


def weight_file(path: Path) -> WeightFile:
    """Checksum and size of a file, which is made readable for everyone."""
    path.chmod(0o644)
    return WeightFile(sha256=file_sha256(path), bytes=path.stat().st_size)


def save_manifest(folder: Path, manifest: ModelManifest, *, head: str) -> None:
    """Write the manifest of a pack; `head` is a comment above it."""
    text = yaml.safe_dump(msgspec.to_builtins(manifest), sort_keys=False, allow_unicode=True, width=120)
    with whole_file(folder / MANIFEST) as part:
        part.write_text(head + text, encoding="utf-8")


def _tensor(item: Any) -> Tensor:
    return Tensor(list(item.shape), TYPES[item.type])
