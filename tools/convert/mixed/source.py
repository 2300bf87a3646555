"""What is to be stored otherwise: a pack that a board runs, or ONNX files with the inputs to try them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx

from edge.errors import ModelError, RequestError
from edge.manifest import MANIFEST, AnyVideoManifest, load_manifest
from edge.packs import Pack, verify_pack
from edge.part import Part
from tools.convert.mixed.feeds import load_feeds
from tools.convert.mixed.layers import FEWEST, KINDS
from tools.convert.pack import part_of

SAME = {"MatMulInteger": "MatMul", "Gemm": "MatMul"}
FEWEST_FEEDS = 3
PASSES = ("DequantizeLinear", "Cast")  # stand between a stored weight and who computes with it


@dataclass(frozen=True, kw_only=True)
class Source:
    """A folder, its manifest where it is a pack, and its networks with what a manifest says of them."""

    folder: Path
    manifest: AnyVideoManifest | None
    parts: Mapping[str, Part]

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        if self.manifest:
            return tuple(self.folder / name for name in (MANIFEST, *self.manifest.files))
        networks = (self.folder / file for part in self.parts.values() for file in part.files)
        return (*networks, *(self.feeds(part) for part in self.parts))

    @property
    def others(self) -> tuple[str, ...]:
        """The files of the pack that are no networks."""
        networks = {file for part in self.parts.values() for file in part.files}
        return tuple(name for name in self.manifest.files if name not in networks) if self.manifest else ()

    def feeds(self, part: str) -> Path:
        """Where the inputs of an ONNX file are that is no part of a pack."""
        return self.folder / f"{part}.npz"

    def bytes(self, part: str) -> int:
        """What the files of a network take."""
        return sum((self.folder / file).stat().st_size for file in self.parts[part].files)

    def weights(self, part: str) -> dict[str, list[int]]:
        """How many weights every layer has, by its operator, seen without reading them."""
        graph = onnx.load(str(self.folder / self.parts[part].file), load_external_data=False).graph
        found: dict[str, list[int]] = {}
        for item in graph.initializer:
            if len(item.dims) > 1 and prod(item.dims) >= FEWEST:
                found.setdefault(_operator(graph, item.name), []).append(prod(item.dims))
        return found


def open_source(path: Path) -> Source:
    """Look at a pack's folder, an ONNX file, or a folder of them. Raises ModelError or RequestError."""
    if (path / MANIFEST).is_file():
        return _open_pack(path)
    files = [path] if path.is_file() else sorted(path.glob("*.onnx")) if path.is_dir() else []
    if not files or any(file.suffix != ".onnx" for file in files):
        raise ModelError(
            f"{path} is neither a pack nor an ONNX file, nor a folder of them. Nothing was written.",
            hint="Give a folder with a manifest.yaml, or NAME.onnx with NAME.npz beside it.",
        )
    source = Source(folder=files[0].parent, manifest=None, parts={file.stem: _part(file) for file in files})
    for name, part in source.parts.items():
        feeds = load_feeds(source.feeds(name))
        if set(feeds[0]) != set(part.inputs):
            raise RequestError(
                f"{source.feeds(name)} holds {', '.join(sorted(feeds[0]))}; {part.file} wants "
                f"{', '.join(sorted(part.inputs))}. Nothing was written.",
                hint="Write an array for every input of the network, and nothing else.",
            )
        if len(feeds) < FEWEST_FEEDS:
            raise RequestError(
                f"{source.feeds(name)} holds {len(feeds)} runs; {FEWEST_FEEDS} are the least: on a third of them ranges are "
                "seen, layers are weighed on the second, and the result is compared on the last. Nothing was written.",
                hint="More are better: 8 to 16 of real work.",
            )
    return source


def _open_pack(folder: Path) -> Source:
    manifest = load_manifest(folder)
    if not isinstance(manifest, AnyVideoManifest):
        raise ModelError(
            f"{folder} is a language model. Nothing was written.",
            hint="`python -m tools.convert llm --type Q4_0` stores one in 4 bits.",
        )
    verify_pack(Pack(folder, manifest))
    return Source(folder=folder, manifest=manifest, parts=manifest.parts)


def _part(file: Path) -> Part:
    """With the file of its weights, where they have one."""
    graph = onnx.load(str(file), load_external_data=False).graph
    places = {entry.value for item in graph.initializer for entry in item.external_data if entry.key == "location"}
    if len(places) > 1:
        raise ModelError(
            f"{file} keeps its weights in {len(places)} files; one is known here. Nothing was written.",
            hint="onnx.save_model(model, path, save_as_external_data=True, location='NAME.data') gathers them.",
        )
    found = part_of(file)
    return Part(found.file, found.inputs, found.outputs, data=next(iter(places), ""))


def _operator(graph: onnx.GraphProto, name: str) -> str:
    """Who computes with a weight; empty where it is none that can be stored otherwise."""
    user = next((node for node in graph.node if name in node.input), None)
    if user is not None and user.op_type in PASSES:
        return _operator(graph, user.output[0])
    operator = SAME.get(user.op_type, user.op_type) if user is not None else ""
    return operator if operator in KINDS else ""
