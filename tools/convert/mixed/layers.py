"""The layers of a network: constant weights that may be stored in another way, and which ways an operator allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import onnx

FULL = "fp32"
# How the weights of an operator may be stored, beside fp32. static and dynamic compute in INT8, q4 in blocks of 4 bits; fp16
# and fp8 are made fp32 again when a session opens.
KINDS = {
    "Conv": ("static", "fp16", "fp8"),
    "MatMul": ("static", "dynamic", "fp16", "fp8", "q4"),
    "Gather": ("dynamic", "fp16", "fp8"),
}
ALIASES = {"int8": ("static", "dynamic")}
TYPES = ("static", "dynamic", "fp16", "fp8", "q4")
WEIGHT = {"Conv": 1, "MatMul": 1, "Gather": 0}  # which input it is
BITS = {
    FULL: 32.0,
    "fp16": 16.0,
    "fp8": 8.1,
    "static": 8.3,
    "dynamic": 8.1,
    "q4": 5.0,
}  # for each weight, with the scales
UNDONE = "_DequantizeLinear_Output"  # of the name of what was in INT8
FEWEST = 256  # weights; what is smaller weighs less than the nodes that would unpack it


@dataclass(frozen=True)
class Layer:
    """A weight, and the nodes of one operator that use it."""

    weight: str
    operator: str
    nodes: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Layers of one operator that are stored alike, because each alone is too small to be measured by itself."""

    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """That of its first weight, and how many follow."""
        more = len(self.layers) - 1
        return self.layers[0].weight.removesuffix(UNDONE) + (f" (+{more})" if more else "")

    @property
    def operator(self) -> str:
        """Of all of them."""
        return self.layers[0].operator

    @property
    def weights(self) -> int:
        """How many numbers."""
        return sum(prod(one.shape) for one in self.layers)


def find_layers(graph: onnx.GraphProto) -> list[Layer]:
    """The layers in the order of the graph. A weight that something else looks at, too, is none."""
    floats = {
        item.name: tuple(item.dims)
        for item in graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT and len(item.dims) > 1 and prod(item.dims) >= FEWEST
    }
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in {*node.input} & floats.keys():
            users[name].append(node)
    for name in _seen_inside(graph):
        users.pop(name, None)
    found = []
    for name, nodes in users.items():
        operator = nodes[0].op_type
        alike = all(one.op_type == operator and list(one.input).index(name) == WEIGHT.get(operator) for one in nodes)
        if alike and (operator == "Conv" or len(floats[name]) == 2):
            found.append(Layer(name, operator, tuple(one.name for one in nodes), floats[name]))
    return found


def in_groups(layers: Sequence[Layer], *, most: int) -> list[Group]:
    """Neighbours of one operator together, until they hold one part in `most` of all weights."""
    least = sum(prod(one.shape) for one in layers) / most
    made: list[Group] = []
    for operator in KINDS:
        gathered: list[Layer] = []
        for layer in (one for one in layers if one.operator == operator):
            gathered.append(layer)
            if Group(tuple(gathered)).weights >= least:
                made.append(Group(tuple(gathered)))
                gathered = []
        if gathered:
            made.append(Group(tuple(gathered)))
    return made


def _seen_inside(graph: onnx.GraphProto) -> set[str]:
    """What loops and branches look at."""
    inner = [one.g for node in graph.node for one in node.attribute if one.HasField("g")]
    return {name for body in inner for node in body.node for name in node.input}
