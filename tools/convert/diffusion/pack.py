"""The manifest of a converted pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx

from edge.diffusers_manifest import PARTS, DiffusersManifest, Tokens
from edge.manifest import load_manifest
from edge.part import Canvas, Part, Tensor
from tools.convert.diffusion.order import Look, Order
from tools.convert.pack import save_manifest, weight_file
from tools.convert.quantize import OPSET

HEAD = "# {what}, converted by `python -m tools.convert onnx`; report.md beside this file says how.\n"
UNKNOWN_MIB = 0.0


def read_part(folder: Path, name: str) -> Part:
    """What the manifest says of a part whose files lie in `folder`; its weights are not read for that."""
    graph = onnx.load(str(folder / f"{name}.onnx"), load_external_data=False).graph
    return Part(f"{name}.onnx", _tensors(graph.input), _tensors(graph.output), data=f"{name}.data")


def write_manifest(
    folder: Path, order: Order, seen: Look, *, tokens: Tokens, memory_mib: Mapping[str, float] | None = None
) -> DiffusersManifest:
    """Describe the parts that lie in `folder`, and write the manifest; `memory_mib` is what was measured of each."""
    shape, pipeline = seen.shape, seen.pipeline
    title = order.title or order.folder.resolve().name
    what = f"{shape.frames} frames at {order.fps} fps" if shape.frames > 1 else "single pictures"
    parts = {name: read_part(folder, name) for name in PARTS}
    names = [tokens.file, *(file for part in parts.values() for file in part.files)]
    manifest = DiffusersManifest(
        format=1, name=order.pack.name, version="1", licence=pipeline.licence, opset=OPSET,
        description=f"{title}, {'fp32' if order.keep_fp32 else 'INT8'}; {what} of {shape.width}x{shape.height}, {pipeline.scheduler.kind}",
        source=f"{pipeline.kind}, converted by `python -m tools.convert onnx`",
        canvas=Canvas(
            width=shape.width, height=shape.height, scale=1, out_width=shape.width, out_height=shape.height, fps=order.fps
        ),
        frames=shape.frames, tokens=tokens, scheduler=pipeline.scheduler, steps=list(seen.steps),
        guidance=seen.guidance, negative=order.negative, parts=parts,
        memory_mib=dict(memory_mib or dict.fromkeys(PARTS, UNKNOWN_MIB)),
        files={name: weight_file(folder / name) for name in names},
    )  # fmt: skip
    save_manifest(folder, manifest, head=HEAD.format(what=title))
    read = load_manifest(folder)
    assert isinstance(read, DiffusersManifest)
    return read


def _tensors(items: Iterable[onnx.ValueInfoProto]) -> dict[str, Tensor]:
    kinds = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT64: "int64"}
    return {
        item.name: Tensor(
            [one.dim_value for one in item.type.tensor_type.shape.dim], kinds[item.type.tensor_type.elem_type]
        )
        for item in items
    }
