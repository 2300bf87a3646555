"""torch -> ONNX fp32 -> static INT8, with the settings that every part of a pack shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

OPSET = 17
Feed = dict[str, NDArray[Any]]


def to_onnx(path: Path, module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str]) -> None:
    """Export a module with fixed shapes; `inputs` are example tensors in the order of its arguments."""
    torch.onnx.export(
        module.eval(), tuple(inputs.values()), str(path), input_names=list(inputs), output_names=list(outputs),
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip


def quantise(
    source: Path, target: Path, feeds: list[Feed], *, keep: Sequence[str] = (), types: Sequence[str] = ("Conv",)
) -> None:
    """Static U8 activations and S8 per-channel weights for the operators `types` (and what lies between them).

    Modules named in `keep` stay in fp32. Weights keep 7 bits: on x86 without VNNI the U8S8 kernels add pairs of
    products in 16 bits and would saturate.
    """
    ready = source.with_suffix(".pre.onnx")
    quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
    names = [node.name for node in onnx.load(str(ready)).graph.node]
    excluded = [name for name in names if any(f"/{part}/" in name for part in keep)]
    quantize_static(
        str(ready), str(target), _Reader(feeds), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, per_channel=True, reduce_range=True, nodes_to_exclude=excluded,
        op_types_to_quantize=list(types),
    )  # fmt: skip


def halve(source: Path, target: Path) -> None:
    """Store the weights as float16, half the size; they are made float32 again when a session is opened."""
    model = onnx.load(str(source))
    graph = model.graph
    for weight in [weight for weight in graph.initializer if weight.data_type == onnx.TensorProto.FLOAT]:
        values = onnx.numpy_helper.to_array(weight)
        name = f"{weight.name}_half"
        graph.node.insert(0, onnx.helper.make_node("Cast", [name], [weight.name], to=onnx.TensorProto.FLOAT))
        graph.initializer.append(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        graph.initializer.remove(weight)
    onnx.save(model, str(target))


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: list[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)
