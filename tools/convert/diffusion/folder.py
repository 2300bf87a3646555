"""A diffusers pipeline folder: what it holds, read from its small files and the heads of its weight files.

Only safetensors are read, and no Python file of the folder is ever run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edge.diffusers_manifest import Scheduler
from edge.errors import ModelError
from tools.convert.diffusion.scheduler import read_scheduler
from tools.convert.licence import CARDS, licence_of
from tools.convert.weight_heads import shapes_of

INDEX = "model_index.json"
PIPELINES = ("StableDiffusionPipeline", "LatentConsistencyModelPipeline", "AnimateDiffPipeline")
KINDS = {
    "text_encoder": ("CLIPTextModel",),
    "unet": ("UNet2DConditionModel", "UNetMotionModel"),
    "motion_adapter": ("MotionAdapter",),
    "vae": ("AutoencoderKL", "AutoencoderTiny"),
}
TOKENIZERS = ("tokenizer.json", "vocab.json")
HALF = ".fp16"


@dataclass(frozen=True, kw_only=True)
class Component:
    """One network of the pipeline: its folder, the name of its class, its config and its weight files."""

    folder: Path
    kind: str
    config: dict[str, Any]
    weights: tuple[Path, ...]
    shapes: dict[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        """How many numbers its weights hold."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def variant(self) -> str | None:
        """`fp16` where only that variant of the weights is there."""
        return HALF[1:] if all(HALF in path.name for path in self.weights) else None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the result depends on."""
        return (self.folder / "config.json", *self.weights)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One folder. `motion` is what makes a film of a UNet for pictures, where that is a part of its own."""

    folder: Path
    kind: str
    licence: str
    text_encoder: Component
    unet: Component
    vae: Component
    motion: Component | None
    scheduler: Scheduler
    tokenizer: Path

    @property
    def components(self) -> tuple[Component, ...]:
        """Every network, in the order of their use."""
        return tuple(one for one in (self.text_encoder, self.unet, self.motion, self.vae) if one)

    @property
    def moves(self) -> bool:
        """Whether it draws films."""
        return self.motion is not None or self.unet.kind == "UNetMotionModel"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the result depends on."""
        small = [*self.tokenizer.glob("*.json"), *self.tokenizer.glob("*.txt"), self.folder / INDEX]
        cards = [self.folder / name for name in CARDS if (self.folder / name).is_file()]
        return (*sorted(small), *cards, *(path for one in self.components for path in one.files))


def read_pipeline(
    folder: Path, *, licence: str = "", scheduler: str = "", vae: Path | None = None, motion: Path | None = None
) -> Pipeline:
    """Look at a pipeline; `vae` and `motion` are folders that take the place of its own parts.

    Raises ModelError where it is none, its class or that of a part is unknown, or it lacks tokenizer, weights or licence.
    """
    index = _json(folder / INDEX, hint="Give the folder that a pipeline's `save_pretrained` wrote.")
    kind = str(index.get("_class_name", "none"))
    if kind not in PIPELINES:
        raise ModelError(
            f"{folder} is of the pipeline class {kind}, which is not known here. Nothing was written.",
            hint=f"Known are {', '.join(PIPELINES)}: a CLIP text encoder, a UNet and a VAE of the size class of SD 1.5.",
        )
    tokenizer = _tokenizer(folder)
    unet = _component(folder / "unet", "unet")
    _check_unet(unet)
    has_own = unet.kind == "UNet2DConditionModel" and (folder / "motion_adapter").is_dir()
    adapter = motion or (folder / "motion_adapter" if has_own else None)
    return Pipeline(
        folder=folder, kind=kind, licence=licence or licence_of(folder), tokenizer=tokenizer, unet=unet,
        text_encoder=_component(folder / "text_encoder", "text_encoder"), vae=_component(vae or folder / "vae", "vae"),
        motion=_component(adapter, "motion_adapter") if adapter else None,
        scheduler=read_scheduler(folder / "scheduler", wanted=scheduler),
    )  # fmt: skip


def _component(folder: Path, name: str) -> Component:
    config = _json(folder / "config.json", hint=f"The pipeline's own folder {name} is needed whole.")
    kind = str(config.get("_class_name") or (config.get("architectures") or ["none"])[0])
    if kind not in KINDS[name]:
        raise ModelError(
            f"{folder} is of the class {kind}; as {name} only {' and '.join(KINDS[name])} are known. Nothing was written.",
            hint="A pipeline of the class of SD 1.5 or AnimateDiff can be converted, others cannot yet.",
        )
    weights = _weights(folder)
    shapes, _ = shapes_of(weights)
    return Component(folder=folder, kind=kind, config=config, weights=weights, shapes=shapes)


def _weights(folder: Path) -> tuple[Path, ...]:
    every = sorted(folder.glob("*.safetensors"))
    weights = tuple(path for path in every if HALF not in path.name) or tuple(every)
    if weights:
        return weights
    pickled = next(iter(folder.glob("*.bin")), None)
    said = f"only {pickled.name}, which is pickled and could run code when it is read" if pickled else "no weights"
    raise ModelError(
        f"{folder} has {said}. Nothing was written.",
        hint="Weights are read from *.safetensors. Where you trust the file, load the pipeline with diffusers once and "
        "save it with `save_pretrained`.",
    )


def _check_unet(unet: Component) -> None:
    """Raise ModelError for a UNet that wants more than latents, a timestep and a text."""
    config = unet.config
    extras = [name for name in ("addition_embed_type", "class_embed_type", "encoder_hid_dim_type") if config.get(name)]
    if extras or config.get("in_channels", 4) != config.get("out_channels", 4):
        said = f"is given more than that ({', '.join(extras) or 'more channels than it returns'})"
        raise ModelError(
            f"The UNet of {unet.folder} {said}: latents, a timestep and a text are all that a board gives it. Nothing was "
            "written.",
            hint="SDXL, inpainting and image-to-video models cannot be converted yet; those of the class of SD 1.5 can.",
        )


def _tokenizer(folder: Path) -> Path:
    if not any((folder / "tokenizer" / name).is_file() for name in TOKENIZERS):
        raise ModelError(
            f"{folder} has no tokenizer: none of {', '.join(TOKENIZERS)} is in its folder tokenizer, and a model without "
            "its tokenizer cannot be spoken to. Nothing was written.",
            hint="Copy the folder tokenizer of the pipeline into it (vocab.json, merges.txt, tokenizer_config.json).",
        )
    return folder / "tokenizer"


def _json(path: Path, *, hint: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ModelError(
            f"{path.parent} is no part of a diffusers pipeline: {path.name}: {exc.strerror}. Nothing was written.",
            hint=hint,
        ) from exc
    except ValueError as exc:
        raise ModelError(f"{path} is not JSON: {exc}.", hint="Fetch the pipeline again.") from exc
    return found if isinstance(found, dict) else {}
