"""The parts of a pipeline as torch modules with the inputs and outputs of the pack's parts. One is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from edge.errors import ModelError
from tools.convert.diffusion.folder import Component, Pipeline


@dataclass(frozen=True, kw_only=True)
class Network:
    """A module, the shapes and types of its inputs in their order, and the name of its only output."""

    module: nn.Module
    inputs: Mapping[str, tuple[tuple[int, ...], torch.dtype]]
    output: str

    def examples(self) -> dict[str, torch.Tensor]:
        """Inputs to export it with."""
        return {
            name: torch.randn(shape) if kind.is_floating_point else torch.zeros(shape, dtype=kind)
            for name, (shape, kind) in self.inputs.items()
        }


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is drawn: pixels, frames (1 is a picture), tokens of a text, and how a guided network is guided."""

    width: int
    height: int
    frames: int
    tokens: int
    guidance: float

    def latents(self, pipeline: Pipeline) -> tuple[int, ...]:
        """The shape of the latents that the UNet sees."""
        channels, down = int(pipeline.unet.config.get("in_channels", 4)), enlargement(pipeline.vae)
        frames = (self.frames,) if pipeline.moves else ()
        return (1, channels, *frames, self.height // down, self.width // down)


def enlargement(vae: Component) -> int:
    """How many pixels wide a latent is."""
    blocks = vae.config.get("block_out_channels") or vae.config.get("decoder_block_out_channels", [1] * 4)
    return int(2 ** (len(blocks) - 1))


def open_text_encoder(pipeline: Pipeline, shape: Shape) -> Network:
    """Tokens to the text that the UNet is given."""
    from transformers import CLIPTextModel  # noqa: PLC0415 - seconds to import

    model = _opened(CLIPTextModel, pipeline.text_encoder, dtype=torch.float32, attn_implementation="eager")
    return Network(
        module=_Text(model).eval(), inputs={"tokens": ((1, shape.tokens), torch.int64)}, output="text"
    )  # fmt: skip


def open_unet(pipeline: Pipeline, shape: Shape) -> Network:
    """Latents, a timestep and a text to what the scheduler is told."""
    import diffusers  # noqa: PLC0415 - seconds to import

    model = _opened(getattr(diffusers, pipeline.unet.kind), pipeline.unet, torch_dtype=torch.float32)
    if pipeline.motion:
        adapter = _opened(diffusers.MotionAdapter, pipeline.motion, torch_dtype=torch.float32)
        model = diffusers.UNetMotionModel.from_unet2d(model, adapter)
    text = (1, shape.tokens, int(pipeline.unet.config["cross_attention_dim"]))
    return Network(
        module=_Unet(model, guidance=shape.guidance, frames=shape.frames if pipeline.moves else 1).eval(),
        inputs={
            "latents": (shape.latents(pipeline), torch.float32), "timestep": ((1,), torch.float32),
            "text": (text, torch.float32),
        },
        output="prediction",
    )  # fmt: skip


def open_decoder(pipeline: Pipeline, shape: Shape) -> Network:
    """The latents of one frame to its picture, red, green and blue from 0 to 1."""
    import diffusers  # noqa: PLC0415 - seconds to import

    model = _opened(getattr(diffusers, pipeline.vae.kind), pipeline.vae, torch_dtype=torch.float32)
    model.encoder = None
    whole = shape.latents(pipeline)
    latents = (*whole[:2], *whole[-2:])
    return Network(module=_Decoder(model).eval(), inputs={"latents": (latents, torch.float32)}, output="picture")


OPEN = {"text_encoder": open_text_encoder, "unet": open_unet, "decoder": open_decoder}


class _Text(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.model(tokens).last_hidden_state


class _Unet(nn.Module):
    """A UNet that was distilled with its guidance as an input is given that of the pack, once and for all."""

    def __init__(self, model: Any, *, guidance: float, frames: int) -> None:
        super().__init__()
        self.model, self.frames = model, frames
        size = model.config.time_cond_proj_dim
        self.moves = hasattr(model.config, "motion_max_seq_length") or hasattr(
            model.config, "motion_num_attention_heads"
        )
        self.register_buffer("guided", None if size is None else _guidance_embedding(guidance - 1, size))

    def forward(self, latents: torch.Tensor, timestep: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        said = text.repeat_interleave(self.frames, dim=0) if self.moves else text
        return self.model(latents, timestep, said, timestep_cond=self.guided, return_dict=False)[0]


class _Decoder(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.scale = 1 / float(model.config.scaling_factor)
        self.shift = float(getattr(model.config, "shift_factor", None) or 0.0)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        pictures = self.model.decode(latents * self.scale + self.shift, return_dict=False)[0]
        return (pictures / 2 + 0.5).clamp(0, 1)


def _guidance_embedding(guidance: float, size: int) -> torch.Tensor:
    """How the distillation of LCM writes a guidance scale: sines and cosines of it at many frequencies."""
    half = size // 2
    rates = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angles = 1000.0 * guidance * rates[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _opened(kind: Any, component: Component, **options: Any) -> Any:
    try:
        return kind.from_pretrained(
            component.folder, variant=component.variant, use_safetensors=True, local_files_only=True, **options
        )
    except (ValueError, OSError, KeyError, RuntimeError) as exc:
        raise ModelError(
            f"{component.kind} cannot be opened from {component.folder}: {str(exc).splitlines()[0]}",
            hint="The config and the weights must belong together; its own Python code is never run.",
        ) from exc
