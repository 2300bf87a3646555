"""Write a network whose layers are stored in different ways, each as it was chosen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.capi._pybind_state import quantize_matmul_4bits
from onnxruntime.quantization.calibrate import TensorsData

from tools.convert.mixed.layers import WEIGHT, Layer
from tools.convert.mixed.twin import drop_unused
from tools.convert.quantize import dynamic, static, store_half

FP8 = ml_dtypes.float8_e4m3fn
FP8_MOST = float(ml_dtypes.finfo(FP8).max)
BLOCK = 32  # weights that share a scale in 4 bits
INTEGER_PRODUCTS = 4  # accuracy_level of MatMulNBits: activations in INT8, a block at a time
PASSED_ON = ("Relu", "Add", "Concat", "DepthToSpace")  # stay in INT8 between layers that are
SMALLEST_BYTES = 1024  # what is smaller stays in the graph
Weights = NDArray[np.float32]


def write(
    source: Path, target: Path, choice: Mapping[Layer, str], *, ranges: TensorsData, data: str = ""
) -> int:  # fmt: skip
    """Write the network `source` with every layer of `choice` stored so; returns the bytes of what was written.

    With a `data` name the weights go into that file beside `target`.
    """
    model = onnx.load(str(source))
    nodes, weights = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for layer, kind in choice.items():
        nodes[kind] += layer.nodes
        weights[kind].append(layer.weight)
    if nodes["static"]:
        model = static(model, ranges, nodes=[*nodes["static"], *_between(model.graph, nodes["static"])])
    if nodes["dynamic"]:
        model = dynamic(model, nodes=nodes["dynamic"])
    store_half(model.graph, weights["fp16"])
    axes = {layer.weight: 0 if layer.operator in ("Conv", "Gather") else 1 for layer in choice}
    _store_fp8(model.graph, {name: axes[name] for name in weights["fp8"]})
    _store_q4(model, weights["q4"])
    drop_unused(model.graph)
    del model.graph.value_info[:]  # shapes are inferred when it is opened
    return _save(model, target, data)


def encode_fp8(values: Weights, *, axis: int) -> tuple[NDArray[np.uint8], Weights]:
    """E4M3 codes of `values`, and for each index of `axis` the scale that makes its largest one the largest of E4M3."""
    others = tuple(at for at in range(values.ndim) if at != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / FP8_MOST, np.finfo(np.float32).tiny)
    return (values / scale).astype(FP8).view(np.uint8), scale.astype(np.float32)


def fp8_values() -> Weights:
    """What every code of E4M3 means; the two that mean no number are never written."""
    return np.nan_to_num(np.arange(256, dtype=np.uint8).view(FP8).astype(np.float32))


def encode_q4(values: Weights) -> tuple[NDArray[np.uint8], Weights, NDArray[np.uint8]]:
    """Codes, scales and zero points of a matrix [K, N] as MatMulNBits has them: blocks of 32 along K."""
    inputs, outputs = values.shape
    blocks = -(-inputs // BLOCK)
    padded = np.pad(values, ((0, blocks * BLOCK - inputs), (0, 0)))
    codes = np.zeros((outputs, blocks, BLOCK // 2), np.uint8)
    scales = np.zeros((outputs, blocks), np.float32)
    zeros = np.zeros((outputs, (blocks + 1) // 2), np.uint8)
    quantize_matmul_4bits(codes, np.ascontiguousarray(padded), scales, zeros, BLOCK, outputs, inputs, False)
    return codes, scales, zeros


def _store_fp8(graph: onnx.GraphProto, axes: Mapping[str, int]) -> None:
    """A byte for a weight, its value in a table: so it needs neither opset 19 nor a processor that knows FP8."""
    table = "fp8.values"
    if axes and table not in {item.name for item in graph.initializer}:  # a source may have been stored so before
        _add(graph, {table: fp8_values()})
    for item in [item for item in graph.initializer if item.name in axes]:
        codes, scale = encode_fp8(numpy_helper.to_array(item), axis=axes[item.name])
        name = item.name
        graph.initializer.remove(item)
        _add(graph, {f"{name}.fp8": codes, f"{name}.scale": scale})
        _prepend(graph, [
            helper.make_node("Cast", [f"{name}.fp8"], [f"{name}.code"], to=onnx.TensorProto.INT32),
            helper.make_node("Gather", [table, f"{name}.code"], [f"{name}.value"]),
            helper.make_node("Mul", [f"{name}.value", f"{name}.scale"], [name]),
        ])  # fmt: skip


def _store_q4(model: onnx.ModelProto, weights: Collection[str]) -> None:
    graph = model.graph
    for item in [item for item in graph.initializer if item.name in weights]:
        name, values = item.name, numpy_helper.to_array(item)
        codes, scales, zeros = encode_q4(values)
        _add(graph, {f"{name}.q4": codes, f"{name}.scales": scales, f"{name}.zeros": zeros})
        for node in graph.node:
            if node.op_type == "MatMul" and node.input[WEIGHT["MatMul"]] == name:
                node.CopyFrom(helper.make_node(
                    "MatMulNBits", [node.input[0], f"{name}.q4", f"{name}.scales", f"{name}.zeros"], list(node.output),
                    name=node.name, domain="com.microsoft", K=values.shape[0], N=values.shape[1], bits=4,
                    block_size=BLOCK, accuracy_level=INTEGER_PRODUCTS,
                ))  # fmt: skip
        graph.initializer.remove(item)
    if weights and "com.microsoft" not in {one.domain for one in model.opset_import}:
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _between(graph: onnx.GraphProto, chosen: Sequence[str]) -> list[str]:
    """Nodes that get all they compute with from layers in INT8: going to fp32 and back would cost more than they do."""
    weights = {item.name for item in graph.initializer}
    inside = {name for node in graph.node if node.name in set(chosen) for name in node.output}
    found = []
    for node in graph.node:
        if node.op_type in PASSED_ON and inside.issuperset(name for name in node.input if name not in weights):
            found.append(node.name)
            inside.update(node.output)
    return found


def _add(graph: onnx.GraphProto, arrays: Mapping[str, NDArray[Any]]) -> None:
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())


def _prepend(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    for number, node in enumerate(nodes):
        graph.node.insert(number, node)


def _save(model: onnx.ModelProto, target: Path, data: str) -> int:
    files = [target, *([target.with_name(data)] if data else [])]
    for path in files:
        path.unlink(missing_ok=True)
    if data:
        onnx.save_model(
            model, str(target), save_as_external_data=True, location=data, size_threshold=SMALLEST_BYTES
        )  # fmt: skip
        (target.parent / data).touch()  # of a network without any weight there is none
    else:
        onnx.save_model(model, str(target))
    return sum(path.stat().st_size for path in files)
