"""A part as ONNX, then in INT8 by optimum: convolutions with the ranges that were seen, linears with those of the moment."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Collection
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization.calibrate import TensorsData

from tools.convert.diffusion.attention import in_pieces, name_shapes, write_loops
from tools.convert.diffusion.networks import Network
from tools.convert.quantize import Ranges, tensors_data, to_onnx

STATIC = ("Conv",)  # every Gemm becomes a MatMul when the linears' turn comes
DYNAMIC = {"text_encoder": ("MatMul", "Gather"), "unet": ("MatMul",), "decoder": ("MatMul",)}
# The first and the last layer and the embedding of the timestep are small, and all else hangs on them: they stay in fp32.
KEPT = (".conv_in.", ".conv_out.", ".time_embedding.", ".layers.0.")
SMALLEST_BYTES = 1024  # what is smaller stays in the graph


def export(network: Network, folder: Path) -> Path:
    """Write a part in fp32; the large attentions are placeholders yet. Returns the file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    with in_pieces(), warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer's, of shapes that are meant to be fixed
        to_onnx(path, network.module, network.examples(), [network.output])
    model = onnx.load(str(path), load_external_data=False)
    name_shapes(model.graph)
    onnx.save(model, str(path))
    return path


def quantise(source: Path, target: Path, *, part: str, ranges: Ranges) -> dict[str, int]:
    """Write `target` and its `.data`; returns how many layers are in INT8 each way, and how many are not."""
    from optimum.onnxruntime import AutoQuantizationConfig, ORTQuantizer  # noqa: PLC0415 - seconds to import

    logging.getLogger("optimum").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)
    known, kept = _ranges(source, ranges)
    at = source
    if known:
        config = AutoQuantizationConfig.arm64(is_static=True, operators_to_quantize=list(STATIC), nodes_to_exclude=kept)
        at = _pass(ORTQuantizer(at), config, source.parent / "static", known)
    config = AutoQuantizationConfig.arm64(
        is_static=False, operators_to_quantize=list(DYNAMIC[part]), nodes_to_exclude=_no_weights(at)
    )
    at = _pass(ORTQuantizer(at), config, source.parent / "dynamic", None)
    return _write(onnx.load(str(at)), target, kept=len(kept))


def keep(source: Path, target: Path) -> dict[str, int]:
    """As `quantise`, with every layer left in fp32."""
    model = onnx.load(str(source))
    return _write(model, target, kept=sum(node.op_type in STATIC for node in model.graph.node))


def _write(model: onnx.ModelProto, target: Path, *, kept: int) -> dict[str, int]:
    loops = write_loops(model)
    del model.graph.value_info[:]  # shapes are inferred when it is opened
    for node in model.graph.node:
        node.doc_string = ""
    target.with_suffix(".data").unlink(missing_ok=True)
    onnx.save_model(
        model, str(target), save_as_external_data=True, location=target.with_suffix(".data").name,
        size_threshold=SMALLEST_BYTES,
    )  # fmt: skip
    return {**_count(model, kept), "attentions_in_pieces": loops}


def _pass(quantizer: object, config: object, folder: Path, ranges: TensorsData | None) -> Path:
    """Weights keep 7 bits: on x86 without VNNI the kernels add pairs of products in 16 bits and would saturate."""
    config.reduce_range = True  # type: ignore[attr-defined]
    quantizer.quantize(  # type: ignore[attr-defined]
        config, save_dir=folder, file_suffix="", calibration_tensors_range=ranges, use_external_data_format=True
    )
    return folder / "model.onnx"


def _ranges(source: Path, ranges: Ranges) -> tuple[TensorsData | None, list[str]]:
    """What was seen, by the names in the graph; and the nodes that stay as they are."""
    graph = onnx.load(str(source), load_external_data=False).graph
    found: dict[str, tuple[float, float]] = {}
    kept = []
    for node in graph.node:
        if node.op_type in STATIC:
            weight = node.input[1]
            if f"{weight}.in" not in ranges or _is_kept(weight):
                kept.append(node.name)
                continue
            for name, seen in ((node.input[0], f"{weight}.in"), (node.output[0], f"{weight}.out")):
                low, high = ranges[seen]
                least, most = found.get(name, (low, high))
                found[name] = min(low, least), max(high, most)
    if not found:
        return None, kept
    return tensors_data(found), kept


def _no_weights(source: Path) -> list[str]:
    """Products of two activations, of which nothing gets smaller and both would be rounded; and the layers of KEPT."""
    graph = onnx.load(str(source), load_external_data=False).graph
    weights = {item.name for item in graph.initializer}
    products = [node.name for node in graph.node if node.op_type == "MatMul" and node.input[1] not in weights]
    return products + [
        f"{node.name}_MatMul" for node in graph.node if node.op_type == "Gemm" and _is_kept(node.input[1])
    ]


def _is_kept(weight: str) -> bool:
    return any(name in f".{weight}" for name in KEPT)


def _count(model: onnx.ModelProto, kept: int) -> dict[str, int]:
    kinds: Collection[str] = [node.op_type for node in model.graph.node]
    floats = {item.name for item in model.graph.initializer if item.data_type == onnx.TensorProto.FLOAT}
    matrices = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm") and set(node.input) & floats]
    return {
        "static": sum(kind in STATIC for kind in kinds) - kept,
        "dynamic": sum(kind in ("MatMulInteger", "DynamicQuantizeMatMul") for kind in kinds),
        "fp32": kept + len(matrices),
    }  # fmt: skip
