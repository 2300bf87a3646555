"""What a conversion will take, told before it begins: sizes, disk, memory and time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from edge.memory_plan import BASE_MIB
from tools.convert.diffusion.folder import Pipeline
from tools.convert.diffusion.networks import Shape

FULL_BYTES = 4
PACKED = 1.02  # bytes of a weight in INT8, with the scales and what stays in fp32
GRAPH_BYTES = 2 << 20
SPARE_BYTES = 256 << 20
MIB = 1 << 20
BASE_BYTES = 1100 << 20  # torch, diffusers and optimum themselves
COPIES = 3.2  # of the largest part in fp32 in memory at once: the quantiser compares two
WORKING = 24  # numbers for each latent and first channel that are in memory while a UNet runs
BOARD_COPIES = 1.15  # of the packed weights in a board's memory
# Guesses for one desktop core: multiplications and weights a second. Only the order of magnitude is meant.
MULTIPLY_PER_S, WEIGHTS_PER_S, START_S = 20e9, 4e6, 60.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes of each part and of all that lies on the disk at once, bytes of memory here and on a board, and seconds."""

    parts: dict[str, int]
    disk: int
    memory: int
    board: int
    seconds: float


def estimate(
    pipeline: Pipeline, shape: Shape, *, prompts: int, runs: int, threads: int, keep_fp32: bool = False
) -> Estimate:
    """For that many `prompts` of the calibration, each of which runs the UNet that often."""
    weights = {
        "text_encoder": pipeline.text_encoder.parameters,
        "unet": pipeline.unet.parameters + (pipeline.motion.parameters if pipeline.motion else 0),
        "decoder": _decoder(pipeline),
    }
    parts = {name: int(count * (FULL_BYTES if keep_fp32 else PACKED)) + GRAPH_BYTES for name, count in weights.items()}
    largest = max(weights.values())
    latents = shape.latents(pipeline)
    spots = prod(latents[2:])
    working = spots * int(pipeline.unet.config["block_out_channels"][0]) * WORKING * FULL_BYTES
    multiplied = prompts * runs * _multiplications(pipeline.unet.shapes, spots)
    return Estimate(
        parts=parts, disk=2 * FULL_BYTES * largest + sum(parts.values()) + SPARE_BYTES,
        memory=BASE_BYTES + int(COPIES * FULL_BYTES * largest) + working, board=int(BASE_MIB) * MIB + int(BOARD_COPIES * max(parts.values())) + working,
        seconds=START_S + multiplied / MULTIPLY_PER_S / threads + sum(weights.values()) / WEIGHTS_PER_S,
    )  # fmt: skip


def _decoder(pipeline: Pipeline) -> int:
    """A VAE's encoder stays behind."""
    return sum(
        prod(shape) for name, shape in pipeline.vae.shapes.items() if not name.startswith(("encoder.", "quant_"))
    )


def _multiplications(shapes: dict[str, Any], spots: int) -> float:
    """Of one run of a UNet: its deeper layers have more weights and see fewer spots."""
    return sum(prod(shape) * spots / _shrunk(name) for name, shape in shapes.items() if len(shape) > 1)


def _shrunk(name: str) -> int:
    """How many spots share one in the layer of that name, about."""
    level = next((int(one) for one in name.split(".")[1:2] if one.isdigit()), 3)
    deep = level if name.startswith("down") else 3 - level if name.startswith("up") else 3
    return int(4 ** max(deep, 0))
