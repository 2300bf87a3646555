"""The shipped networks in fp32, and how much they compute; runs where the `onnx` package is (.venv-bench).

The exporter's own fp32 files are not shipped. A twin is the shipped graph with its weights dequantised and nothing
rounded in between: the same layers and shapes, so the same work.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference


def make(source: str, target: str) -> dict[str, Any]:
    """Write the twins of all networks in a folder; for each part GFLOP per run and MiB of weights, INT8 and fp32."""
    told = {}
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(source).glob("*.onnx")):
        model = onnx.load(path)
        twin = Path(target) / path.name
        plain = without_quantising(model)
        onnx.save(plain, twin)
        told[path.stem] = {
            "gflop": flop(plain) / 1e9, "mib": path.stat().st_size / 2**20, "twin_mib": twin.stat().st_size / 2**20,
        }  # fmt: skip
    return told


def without_quantising(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without QuantizeLinear and DequantizeLinear."""
    held = {one.name: one for one in model.graph.initializer}
    kept, names = [], dict[str, str]()
    for node in model.graph.node:
        given = [names.get(name, name) for name in node.input]
        if node.op_type == "DequantizeLinear" and node.input[0] in held:
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            value = dequantised(*(numpy_helper.to_array(held[name]) for name in node.input), axis=axis)
            model.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        elif node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            names[node.output[0]] = given[0]
        else:
            node.input[:] = given
            kept.append(node)
    results = {names[one.name]: one.name for one in model.graph.output if one.name in names}
    for node in kept:  # who gave a result of the graph through a removed node now gives it itself
        node.output[:] = [results.get(name, name) for name in node.output]
        node.input[:] = [results.get(name, name) for name in node.input]
    used = {name for node in kept for name in node.input}
    left = [one for one in model.graph.initializer if one.name in used]
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(left)
    onnx.checker.check_model(model)
    return model


def dequantised(values: Any, scale: Any, zero: Any = 0, *, axis: int) -> Any:
    """Float32 of integers, with one scale or one for each row of `axis`."""
    shape = [-1 if place == axis else 1 for place in range(values.ndim)] if np.ndim(scale) and values.ndim else []
    scale, zero = (np.reshape(one, shape) if np.size(one) > 1 else one for one in (scale, zero))
    return np.asarray((values.astype(np.float32) - np.asarray(zero, np.float32)) * scale, np.float32)


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
