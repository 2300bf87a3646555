"""A pack back into torch: the student with the weights of its ONNX files, INT8 and float16 as the numbers they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from edge.errors import ModelError
from edge.manifest import VideoManifest
from tools.convert.latents.components import Components
from tools.convert.latents.config import Config
from tools.convert.latents.network import Spread
from tools.convert.tinyvideo.bake import Textures
from tools.convert.tinyvideo.student import Block, Shape, Student

Array = NDArray[np.float32]
UNPACKED = "_DequantizeLinear_Output"
LOOK = "shade.look"
BLOCK = r"denoiser\.blocks\.\d+\.expand\.weight"


def sizes_of(manifest: VideoManifest) -> Config:
    """The canvas and the latents of a pack, as its autoencoder's run had them."""
    canvas, latent = manifest.canvas, manifest.latent
    return Config(
        name=manifest.name, tier=manifest.tier, height=canvas.height, width=canvas.width, keys=latent.keys,
        frames_per_key=latent.frames // latent.keys, channels=latent.channels,
    )  # fmt: skip


def read_student(pack: Path, manifest: VideoManifest) -> Student:
    """The student of a pack, ready to evaluate. Raises ModelError where the pack holds other networks than ours.

    Its first weights are divided by the textures' scale again, which the export has multiplied them by.
    """
    arrays = {
        f"{part}.{name}": array
        for part in ("denoiser", "conditioner")
        for name, array in weights_of(pack / manifest.parts[part].file).items()
    }
    textures = read_textures(pack, manifest)
    look = f"denoiser.{LOOK}.weight"
    if look in arrays:
        arrays[look] = arrays[look] / textures.scale[:, None, None]
    sizes = {name: len(slot.values) for name, slot in manifest.vocabulary.items()}
    shape = Shape(
        slots=tuple(sizes.values()), noise=manifest.noise.size, subjects=sizes["subject"], colours=sizes["colour"],
        keys=manifest.latent.keys, latent=manifest.latent.channels, place=list(sizes).index("background"),
        variants=manifest.textures.variants, chooser=manifest.textures.chooser, width=1, deep=1, shades=1,
    )  # fmt: skip
    student = Student(shape, textures)
    try:
        put_weights(student, {name: torch.tensor(array) for name, array in arrays.items()})
    except KeyError as exc:
        raise ModelError(
            f"{pack}: its networks are not those of edgereel's own generator: there is no {exc.args[0]}. Nothing was "
            "written.", hint="Take a pack that tools/convert/tinyvideo made, such as models/tinyreel.",
        ) from exc  # fmt: skip
    return student.eval()


def put_weights(student: Student, arrays: Mapping[str, torch.Tensor]) -> None:
    """Give a student these weights by their names, whatever their sizes, and as many blocks as they have.

    Raises KeyError with the name of one that is missing.
    """
    kernels = [array.shape[-1] for name, array in arrays.items() if re.fullmatch(BLOCK, name)]
    student.denoiser.blocks = nn.ModuleList(Block(1, 1, 1, kernel) for kernel in kernels)
    for name, _ in list(student.named_parameters()):
        module, leaf = name.rsplit(".", 1)
        put(student.get_submodule(module), leaf, arrays[name])


def put(layer: nn.Module, leaf: str, values: torch.Tensor) -> None:
    """Replace a weight or bias of a layer, which then has the size of it."""
    setattr(layer, leaf, nn.Parameter(values.detach().clone()))
    if leaf == "weight" and isinstance(layer, nn.Conv2d):
        layer.out_channels, layer.in_channels = values.shape[:2]
    elif leaf == "weight" and isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = values.shape


def weights_of(path: Path) -> dict[str, Array]:
    """The float weights of an ONNX file by the names that they had in torch."""
    graph = onnx.load(str(path)).graph
    held = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    found = {name: array for name, array in held.items() if array.dtype == np.float32}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in held:
            found[node.output[0]] = held[node.input[0]].astype(np.float32)
        elif node.op_type == "DequantizeLinear" and all(name in held for name in node.input):
            found[node.output[0].removesuffix(UNPACKED)] = _dequantised(*(held[name] for name in node.input))
        elif node.op_type == "Conv" and node.input[-1] == f"{LOOK}.bias":
            found[f"{LOOK}.weight"] = held[node.input[1]]  # the exporter has multiplied it by the scale and renamed it
    return found


def _dequantised(whole: NDArray[np.integer], scale: Array, zero: NDArray[np.integer]) -> Array:
    """What an array of integers stands for, each of its first rows with a scale of its own, or all with one."""
    rows = (-1,) + (1,) * (whole.ndim - 1) if scale.size > 1 else ()
    return ((whole.astype(np.int64) - zero.reshape(rows)) * scale.reshape(rows)).astype(np.float32)


def read_textures(pack: Path, manifest: VideoManifest) -> Textures:
    """The textures of a pack, as they were baked; `scale` gives each feature power 1 anew."""
    wanted = manifest.textures
    arrays = {}
    for name in ("far", "near", "subjects"):
        with np.load(pack / getattr(wanted, name)) as file:
            arrays[name] = np.stack([file[str(number)] for number in range(len(file.files))])
    features = len(wanted.photo)
    kinds = (arrays["subjects"].reshape(len(arrays["subjects"]), features, -1), arrays["far"], arrays["near"])
    power = [np.mean(np.square(kind, dtype=np.float32), axis=(0, *range(2, kind.ndim))) for kind in kinds]
    scale = 1 / np.sqrt(np.maximum(np.concatenate(power), 1e-6))
    return Textures(**arrays, scale=scale.astype(np.float32), photo=np.array(wanted.photo, np.float32))


def read_components(pack: Path, manifest: VideoManifest) -> Components:
    """What the latents stand for, read from the part of the pack's decoder that is linear in them; the mean is left out."""
    config = sizes_of(manifest)
    trunk, tail = (weights_of(pack / manifest.parts[name].file) for name in ("trunk", "tail"))
    base, details = (
        trunk[f"{name}.weight"].reshape(config.keys, -1, 4, config.channels) for name in ("base", "details")
    )
    out = tail["out.weight"][:, : details.shape[1], 0, 0]
    blocks = np.einsum("bd,kdpc->kbpc", out, details) + base[:, Spread(config).planes.numpy()]
    basis = np.ascontiguousarray(blocks.reshape(-1, config.channels), np.float32)
    return Components(np.zeros(len(basis), np.float32), basis)
