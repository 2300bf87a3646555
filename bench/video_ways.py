"""Networks of published video and picture generators with random weights, in torch; runs where diffusers is (.venv-bench).

The shapes are those of the models' public configurations: SD-Turbo (the network of Stable Diffusion 2.1), its decoder
and the tiny one (TAESD), and Wan 2.1 T2V 1.3B. Text encoders are left out: they favour the peer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderKLWan, AutoencoderTiny, UNet2DConditionModel, WanTransformer3DModel
from torch.utils.flop_counter import FlopCounterMode

Made = tuple[torch.nn.Module, Callable[[], Any]]
WIDE, TIGHT = 8, 4  # pixels and frames that share a latent


def run(piece: str, width: int, height: int, frames: int, threads: int) -> dict[str, float]:
    """Seconds of one run of a piece, and TFLOP of it."""
    torch.set_num_threads(threads)
    with torch.inference_mode(), torch.device("meta"):
        model, _ = PIECES[piece](width, height, frames, "meta")
    model.to_empty(device="cpu")
    for parameter in [*model.parameters(), *model.buffers()]:
        if parameter.is_floating_point():
            parameter.data.uniform_(-0.02, 0.02)
    with torch.inference_mode():
        _, call = PIECES[piece](width, height, frames, "cpu", model)
        began = time.perf_counter()
        call()
        seconds = time.perf_counter() - began
    return {"seconds": seconds} | count(piece, width, height, frames)


def count(piece: str, width: int, height: int, frames: int) -> dict[str, float]:
    """TFLOP of one run, without running it, and the millions of its weights."""
    with torch.inference_mode(), torch.device("meta"), FlopCounterMode(display=False) as counter:
        model, call = PIECES[piece](width, height, frames, "meta")
        call()
    return {"tflop": counter.get_total_flops() / 1e12, "million": sum(p.numel() for p in model.parameters()) / 1e6}


def _unet(width: int, height: int, _frames: int, device: str, model: Any = None) -> Made:
    model = model or UNet2DConditionModel(
        sample_size=64, cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True
    )
    latents = torch.zeros(1, 4, height // WIDE, width // WIDE, device=device)
    text = torch.zeros(1, 77, 1024, device=device)
    step = torch.tensor([999], device=device)
    return model, lambda: model(latents, step, text)


def _decoder(width: int, height: int, _frames: int, device: str, model: Any = None) -> Made:
    model = model or AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512,
    )  # fmt: skip
    latents = torch.zeros(1, 4, height // WIDE, width // WIDE, device=device)
    return model, lambda: model.decode(latents)


def _tiny_decoder(width: int, height: int, _frames: int, device: str, model: Any = None) -> Made:
    model = model or AutoencoderTiny()
    latents = torch.zeros(1, 4, height // WIDE, width // WIDE, device=device)
    return model, lambda: model.decode(latents)


def _wan(width: int, height: int, frames: int, device: str, model: Any = None) -> Made:
    model = model or WanTransformer3DModel(
        num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30, in_channels=16, out_channels=16,
        text_dim=4096, freq_dim=256,
    )  # fmt: skip
    if device == "cpu":  # what is computed once, and not learnt, was lost on the way from nothing
        from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed

        model.rope = WanRotaryPosEmbed(128, (1, 2, 2), 1024)
    latents = torch.zeros(1, 16, 1 + (frames - 1) // TIGHT, height // WIDE, width // WIDE, device=device)
    text = torch.zeros(1, 512, 4096, device=device)
    step = torch.tensor([999], device=device)
    return model, lambda: model(latents, step, text)


def _wan_decoder(width: int, height: int, frames: int, device: str, model: Any = None) -> Made:
    model = model or AutoencoderKLWan()
    latents = torch.zeros(1, 16, 1 + (frames - 1) // TIGHT, height // WIDE, width // WIDE, device=device)
    return model, lambda: model.decode(latents)


PIECES: dict[str, Callable[..., Made]] = {
    "unet": _unet, "decoder": _decoder, "tiny_decoder": _tiny_decoder, "wan": _wan, "wan_decoder": _wan_decoder,
}  # fmt: skip
