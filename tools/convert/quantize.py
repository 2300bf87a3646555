"""torch -> ONNX fp32 -> static INT8, with the settings that every part of a pack shares."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator
from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantizationMode
from onnxruntime.quantization.shape_inference import quant_pre_process

OPSET = 17
Feed = dict[str, NDArray[Any]]
Ranges = Mapping[str, tuple[float, float]]  # the least and the largest value of a tensor


def to_onnx(path: Path, module: torch.nn.Module, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str]) -> None:
    """Export a module with fixed shapes; `inputs` are example tensors in the order of its arguments."""
    torch.onnx.export(
        module.eval(), tuple(inputs.values()), str(path), input_names=list(inputs), output_names=list(outputs),
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip


def quantise(
    source: Path, target: Path, feeds: list[Feed], *, keep: Sequence[str] = (), types: Sequence[str] = ("Conv",)
) -> None:
    """Calibrate on `feeds`, and put the operators `types` in INT8 as `static` does. Modules named in `keep` stay in fp32."""
    ready = source.with_suffix(".pre.onnx")
    quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
    model = onnx.load(str(ready))
    nodes = [
        node.name for node in model.graph.node
        if node.op_type in types and not any(f"/{part}/" in node.name for part in keep)
    ]  # fmt: skip
    onnx.save(static(model, calibrate(ready, feeds), nodes=nodes), str(target))


def calibrate(source: Path, feeds: Iterable[Feed]) -> TensorsData:
    """The least and the largest value of every tensor of a network while it works on `feeds`."""
    with tempfile.TemporaryDirectory(dir=source.parent) as work:
        watched = create_calibrator(
            source, augmented_model_path=str(Path(work) / "watched.onnx"), use_external_data_format=True
        )
        watched.collect_data(_Reader(feeds))
        return watched.compute_data()


def ranges_of(data: TensorsData) -> Ranges:
    """As plain numbers, to be written down."""
    pairs = ((name, one.range_value) for name, one in data.items())
    return {name: (float(np.min(low)), float(np.max(high))) for name, (low, high) in pairs}


def tensors_data(ranges: Ranges) -> TensorsData:
    """The other way round."""
    data = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()
    }  # fmt: skip
    return TensorsData(CalibrationMethod.MinMax, data)


def static(model: onnx.ModelProto, ranges: TensorsData, *, nodes: Sequence[str]) -> onnx.ModelProto:
    """U8 activations with the ranges that were seen and S8 per-channel weights for the `nodes`, as pairs of Q and DQ.

    Weights keep 7 bits: on x86 without VNNI the U8S8 kernels add pairs of products in 16 bits and would saturate.
    """
    kinds = {node.op_type for node in model.graph.node if node.name in set(nodes)}
    quantizer = QDQQuantizer(
        model, per_channel=True, reduce_range=True, weight_qType=QuantType.QInt8, activation_qType=QuantType.QUInt8,
        tensors_range=ranges, nodes_to_quantize=list(nodes), nodes_to_exclude=[], op_types_to_quantize=sorted(kinds), extra_options={},
    )  # fmt: skip
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return quantizer.model.model


def dynamic(model: onnx.ModelProto, *, nodes: Sequence[str]) -> onnx.ModelProto:
    """As `static`, with the ranges of the moment: for MatMul with a constant weight, and for Gather."""
    quantizer = ONNXQuantizer(
        model, per_channel=True, reduce_range=True, mode=QuantizationMode.IntegerOps, static=False,
        weight_qType=QuantType.QInt8, activation_qType=QuantType.QUInt8, tensors_range=None,
        nodes_to_quantize=list(nodes), nodes_to_exclude=[], op_types_to_quantize=["MatMul", "Gather"],
        extra_options={"MatMulConstBOnly": True},
    )  # fmt: skip
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return quantizer.model.model


def halve(source: Path, target: Path) -> None:
    """Store all weights as float16, as `store_half` does."""
    model = onnx.load(str(source))
    store_half(model.graph, [item.name for item in model.graph.initializer if item.data_type == onnx.TensorProto.FLOAT])
    onnx.save(model, str(target))


def store_half(graph: onnx.GraphProto, weights: Collection[str]) -> None:
    """Keep these weights as float16, half the size; they are made float32 again when a session is opened."""
    for item in [item for item in graph.initializer if item.name in weights]:
        name = f"{item.name}_half"
        graph.node.insert(0, onnx.helper.make_node("Cast", [name], [item.name], to=onnx.TensorProto.FLOAT))
        graph.initializer.append(
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(item).astype(np.float16), name)
        )
        graph.initializer.remove(item)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)
