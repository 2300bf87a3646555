"""The shipped networks in fp32, and how much they compute; runs where the `onnx` package is (.venv-bench).

The exporter's own fp32 files are not shipped. A twin (tools/convert/mixed/twin.py) is the shipped graph with its weights
dequantised and nothing rounded in between: the same layers and shapes, so the same work.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import shape_inference

from tools.convert.mixed.twin import write_twin


def make(source: str, target: str) -> dict[str, Any]:
    """Write the twins of all networks in a folder; for each part GFLOP per run and MiB of weights, INT8 and fp32."""
    told = {}
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(source).glob("*.onnx")):
        twin = Path(target) / path.name
        write_twin(path, twin)
        size = sum(one.stat().st_size for one in (twin, twin.with_suffix(".data")) if one.exists())
        told[path.stem] = {
            "gflop": flop(onnx.load(twin)) / 1e9, "mib": path.stat().st_size / 2**20, "twin_mib": size / 2**20,
        }  # fmt: skip
    return told


def flop(model: onnx.ModelProto) -> float:
    """Two for every multiplication of a convolution or matrix product, in one run."""
    known = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {one.name: [d.dim_value for d in one.type.tensor_type.shape.dim]
              for one in (*known.value_info, *known.input, *known.output)}  # fmt: skip
    shapes |= {one.name: list(one.dims) for one in known.initializer}
    total = 0.0
    for node in known.node:
        if node.op_type == "Conv":
            total += 2 * prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type in {"Gemm", "MatMul"}:
            total += 2 * prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return total
