"""A network in fp32, whatever its weights are stored as: what was rounded once cannot be had back, but it can be computed with.

The rounding between layers goes as well: a pair of QuantizeLinear and DequantizeLinear becomes nothing, or the Relu that it
stood for; a multiplication of integers with the ranges of the moment becomes one of numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from edge.errors import ModelError

Array = NDArray[Any]


def write_twin(source: Path, target: Path) -> dict[str, int]:
    """Write the network in fp32 with its shapes, weights in a `.data` file beside it; says how much was undone.

    Every node has a name then, and every linear layer is a MatMul. Raises ModelError for weights that are no numbers.
    """
    model = onnx.load(str(source))
    undone = _Undo(model.graph).all()
    _check(model.graph, source)
    whole = ONNXModel(model)
    whole.replace_gemm_with_matmul()
    model = whole.model
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
        node.doc_string = ""
    del model.graph.value_info[:]
    model.metadata_props.clear()
    target.parent.mkdir(parents=True, exist_ok=True)
    data = target.with_suffix(".data")
    data.unlink(missing_ok=True)
    bare = target.with_suffix(".bare")
    onnx.save_model(model, str(bare), save_as_external_data=True, location=data.name)
    onnx.shape_inference.infer_shapes_path(str(bare), str(target))
    bare.unlink()
    return undone


class _Undo:
    """What stands in a graph for numbers, made numbers again."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.stored = {item.name: item for item in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.user = {name: node for node in reversed(graph.node) for name in node.input}
        self.gone: list[onnx.NodeProto] = []

    def all(self) -> dict[str, int]:
        """Undo everything that is known; how often each."""
        done = dict.fromkeys(("weights", "activations", "of the moment"), 0)
        for node in list(self.graph.node):
            match node.op_type:
                case "MatMulInteger":
                    done["of the moment"] += self._product(node)
                case "DequantizeLinear" if node.input[0] in self.stored:
                    done["weights"] += self._constant(node, self._dequantised(node))
                case "DequantizeLinear":
                    done["activations"] += self._pair(node)
                case "Cast" if self._is_half(node):
                    done["weights"] += self._constant(node, self._value(node.input[0]).astype(np.float32))
        for node in list(self.graph.node):
            if node.op_type == "Transpose" and node.input[0] in self.stored:
                turn = next((one.ints for one in node.attribute if one.name == "perm"), None)
                self._constant(node, np.transpose(self._value(node.input[0]), turn))
        for node in self.gone:
            self.graph.node.remove(node)
        self._sweep()
        return {what: count for what, count in done.items() if count}

    def _value(self, name: str) -> Array:
        return numpy_helper.to_array(self.stored[name])

    def _is_half(self, node: onnx.NodeProto) -> bool:
        item = self.stored.get(node.input[0])
        return item is not None and item.data_type == onnx.TensorProto.FLOAT16

    def _dequantised(self, node: onnx.NodeProto, name: str = "") -> Array:
        """(values - zero point) * scale, along the axis of the node where there are several scales."""
        values = self._value(name or node.input[0]).astype(np.float32)
        scale = self._value(node.input[1])
        zero = self._value(node.input[2]).astype(np.float32) if len(node.input) > 2 else np.zeros_like(scale)
        if scale.ndim:
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            shape = [-1 if at == axis % values.ndim else 1 for at in range(values.ndim)]
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        return np.asarray((values - zero) * scale, np.float32)

    def _constant(self, node: onnx.NodeProto, values: Array) -> int:
        self._store(node.output[0], values)
        self.gone.append(node)
        return 1

    def _pair(self, node: onnx.NodeProto) -> int:
        """Where nothing below zero could be said, a Relu may have been taken out: it comes back."""
        before = self.maker.get(node.input[0])
        if before is None:
            return 0
        if before.op_type == "Gather" and before.input[0] in self.stored:
            name = f"{before.input[0]}.fp32"
            if name not in self.stored:
                self._store(name, self._dequantised(node, before.input[0]))
            before.input[0] = name
            node.CopyFrom(helper.make_node("Identity", [before.output[0]], [node.output[0]]))
            return 1
        if before.op_type != "QuantizeLinear":
            return 0
        zero = self._value(node.input[2])
        positive = bool(np.all(zero == np.iinfo(zero.dtype).min))
        operator = "Relu" if positive else "Identity"
        node.CopyFrom(helper.make_node(operator, [before.input[0]], [node.output[0]]))
        return 1

    def _product(self, node: onnx.NodeProto) -> int:
        """DynamicQuantizeLinear, MatMulInteger, Cast and two Mul are MatMul with the weight's own scale."""
        given = self.maker.get(node.input[0])
        cast = self.user.get(node.output[0])
        last = self.user.get(cast.output[0]) if cast is not None else None
        if given is None or given.op_type != "DynamicQuantizeLinear" or last is None or last.op_type != "Mul":
            return 0
        name = self._multiplied(node, last, cast.output[0])  # type: ignore[union-attr]
        last.CopyFrom(helper.make_node("MatMul", [given.input[0], name], [last.output[0]], name=node.name))
        return 1

    def _multiplied(self, node: onnx.NodeProto, last: onnx.NodeProto, cast: str) -> str:
        """The name of the matrix in fp32: a weight, or what was itself put in INT8 just now."""
        maker = self.maker.get(node.input[1])
        if maker is not None:
            return maker.input[0]
        name = f"{node.input[1]}.fp32"
        if name not in self.stored:
            scales = self.maker[next(one for one in last.input if one != cast)]
            scale = self._value(next(one for one in scales.input if one in self.stored))
            zero = self._value(node.input[3]).astype(np.float32) if len(node.input) > 3 else np.float32(0)
            self._store(name, np.asarray((self._value(node.input[1]).astype(np.float32) - zero) * scale, np.float32))
        return name

    def _store(self, name: str, values: Array) -> None:
        self.stored[name] = numpy_helper.from_array(values, name)
        self.graph.initializer.append(self.stored[name])

    def _sweep(self) -> None:
        """Leave out what nobody asks for any more, and every Identity between two nodes."""
        ends = {item.name for item in self.graph.output}
        passed = {
            node.output[0]: node.input[0]
            for node in self.graph.node
            if node.op_type == "Identity" and node.output[0] not in ends
        }
        for node in self.graph.node:
            for at, name in enumerate(node.input):
                node.input[at] = _followed(name, passed)
        drop_unused(self.graph)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Take out nodes and weights that lead to no output."""
    needed = {item.name for item in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= _inputs(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [item for item in graph.initializer if item.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _inputs(node: onnx.NodeProto) -> set[str]:
    """What a node looks at, and what its loops and branches look at."""
    bodies = [one.g for one in node.attribute if one.HasField("g")]
    return set(node.input).union(*(_inputs(inner) for body in bodies for inner in body.node))


def _followed(name: str, passed: dict[str, str]) -> str:
    while name in passed:
        name = passed[name]
    return name


def _check(graph: onnx.GraphProto, source: Path) -> None:
    broken = [
        item.name for item in graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT and not np.isfinite(numpy_helper.to_array(item)).all()
    ]  # fmt: skip
    if broken:
        raise ModelError(
            f"{source} holds weights that are no numbers (NaN or infinite): {', '.join(broken[:3])}. Nothing was written.",
            hint="Such a model answers nonsense; fetch or train it again.",
        )
