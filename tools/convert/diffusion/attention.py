"""Attention in pieces: a whole matrix of scores would be the largest thing in memory, by far.

Every token of a frame looks at every other: with 64 x 64 tokens, 8 heads and 16 frames the scores alone are 8 GB. In the
exported network a piece of them is computed, used and forgotten before the next (an ONNX `Scan`). While the network is
quantised a placeholder stands there, since quantisers do not look into loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from torch.nn import functional

DOMAIN, OPERATOR = "edgereel", "Attention"
MOST_BYTES = 32 << 20  # of scores at once


@contextmanager
def in_pieces(*, most_bytes: int = MOST_BYTES) -> Iterator[None]:
    """Have torch's attention exported as placeholders for the time of the block, where its scores are large."""
    whole = functional.scaled_dot_product_attention

    def attention(query: Any, key: Any, value: Any, *args: Any, **options: Any) -> Any:
        batch, heads, tokens, size = query.shape
        scores = tokens * key.shape[2] * 4
        plain = args or any(
            options.get(name) for name in ("attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
        )
        if plain or batch * heads * scores <= most_bytes:
            return whole(query, key, value, *args, **options)
        together = next(
            n for n in range(batch * heads, 0, -1) if (not batch * heads % n and n * scores <= most_bytes) or n == 1
        )
        pieces = [one.reshape(-1, together, *one.shape[2:]) for one in (query, key, value)]
        return _Placeholder.apply(*pieces).reshape(batch, heads, tokens, size)

    functional.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = whole


def name_shapes(graph: onnx.GraphProto) -> None:
    """Say what the placeholders give, so that the shapes behind them can be inferred."""
    known = {info.name for info in graph.value_info}
    for node in graph.node:
        if node.op_type == OPERATOR and node.output[0] not in known:
            shape = list(next(one for one in node.attribute if one.name == "shape").ints)
            graph.value_info.append(helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, shape))


def write_loops(model: onnx.ModelProto) -> int:
    """Put a Scan in the place of every placeholder; returns how many there were."""
    graph, made = model.graph, 0
    for number, node in enumerate(graph.node):
        if node.op_type == OPERATOR:
            _, together, tokens, size = next(one for one in node.attribute if one.name == "shape").ints
            loop = helper.make_node(
                "Scan", list(node.input), list(node.output), name=node.name, num_scan_inputs=3,
                body=_body(f"{node.name}/", together, tokens, size),
            )  # fmt: skip
            graph.node.remove(node)
            graph.node.insert(number, loop)
            made += 1
    kept = [one for one in model.opset_import if one.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return made


class _Placeholder(torch.autograd.Function):
    """Attention on [pieces, heads, tokens, size]; in ONNX one node with that shape."""

    @staticmethod
    def forward(_ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        scores = query.shape[-1] ** -0.5 * query @ key.transpose(-1, -2)
        return scores.softmax(dim=-1) @ value

    @staticmethod
    def symbolic(graph: Any, query: Any, key: Any, value: Any) -> Any:
        made = graph.op(f"{DOMAIN}::{OPERATOR}", query, key, value, shape_i=query.type().sizes())
        made.setType(query.type())
        return made


def _body(prefix: str, together: int, tokens: int, size: int) -> onnx.GraphProto:
    """Attention of one piece; how many tokens are looked at is left open."""
    query, key, value, seen = (f"{prefix}{name}" for name in ("query", "key", "value", "seen"))
    scale = helper.make_tensor(f"{prefix}scale", TensorProto.FLOAT, [], [size**-0.5])
    nodes = [
        helper.make_node("Mul", [query, scale.name], [f"{prefix}scaled"]),
        helper.make_node("Transpose", [key], [f"{prefix}turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", [f"{prefix}scaled", f"{prefix}turned"], [f"{prefix}scores"]),
        helper.make_node("Softmax", [f"{prefix}scores"], [f"{prefix}shares"], axis=-1),
        helper.make_node("MatMul", [f"{prefix}shares", value], [seen]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [together, count, size])
        for name, count in ((query, tokens), (key, None), (value, None))
    ]
    outputs = [helper.make_tensor_value_info(seen, TensorProto.FLOAT, [together, tokens, size])]
    return helper.make_graph(nodes, f"{prefix}attention", inputs, outputs, [scale])
