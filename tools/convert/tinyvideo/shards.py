"""What the student learns from: slots of clips of a world with their layout and their latents, written once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge.manifest import Slot
from edge.video.slot_map import ONCE, PER_KEY
from tools.convert.latents.components import load_components
from tools.convert.latents.network import Encoder
from tools.convert.latents.pixels import to_blocks
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, scene_map, slot_frames
from tools.convert.tinyvideo.loop import write_array
from tools.convert.tinyvideo.world import RENDERER, Example, World

PARTS = ("attributes", "z", "layout", "focus", "latents")
Row = tuple[NDArray[np.generic], ...]


def write_shards(
    config: Config, out: Path, latents: Path, *, world: World = RENDERER, part: int = 0, parts: int = 1
) -> None:
    """Draw, encode and write `shards/NUMBER.PART.npy`, one row per slot; several processes may each take a part.

    attributes int64 [n, slots], z float32 [n, k], layout float16 [n, l, h, w], focus uint8 [n, 2, h, w] (where a
    subject is, and where particles are, 0..255) and latents float16 [n, c, h, w]. Whole shards are kept.
    """
    encoder = Encoder(config.autoencoder, load_components(latents))
    folder = out / "shards"
    folder.mkdir(exist_ok=True)
    for shard in range(part, config.shards, parts):
        if (folder / f"{shard:04d}.latents.npy").exists():
            continue
        first = shard * config.clips_per_shard
        clips = [_rows(config, world, encoder, number) for number in range(first, first + config.clips_per_shard)]
        rows = [row for clip in clips for row in clip]
        for name, values in zip(PARTS, zip(*rows, strict=True), strict=True):  # latents last: they mark it complete
            write_array(folder / f"{shard:04d}.{name}.npy", np.stack(values))


def _rows(config: Config, world: World, encoder: Encoder, number: int) -> list[Row]:
    """One row for each of a few slots of the clip of that number."""
    example = world.example(number)
    every = example.layout.frames // config.autoencoder.slot_frames
    chosen = np.random.default_rng([number, 0x4D]).permutation(every)[: config.slots_per_clip]
    return [_row(config, world.vocabulary, encoder, example, int(slot)) for slot in sorted(chosen)]


def _row(config: Config, vocabulary: Mapping[str, Slot], encoder: Encoder, example: Example, slot: int) -> Row:
    ae = config.autoencoder
    pictures = example.stage(slot_frames(ae, slot), ae.height)
    blocks = np.stack([to_blocks(picture) for picture in pictures]).reshape(1, -1, *(2 * s for s in ae.cells))
    latents = encoder(torch.from_numpy(blocks).float() / 255)[0].numpy()
    layout = scene_map(ae, vocabulary, example.layout, slot)[0]
    return (
        attributes(vocabulary, example.slots), example.z, layout.astype(np.float16),
        focus_of(layout, vocabulary, ae.keys), latents.astype(np.float16),
    )  # fmt: skip


def focus_of(layout: NDArray[np.float32], vocabulary: Mapping[str, Slot], keys: int) -> NDArray[np.uint8]:
    """Where a subject is, and where particles are, as `slot_map` orders its channels."""
    subjects = len(vocabulary["subject"].values)
    first = len(ONCE) + subjects + len(vocabulary["colour"].values)
    near = layout[len(ONCE) : len(ONCE) + subjects].max(axis=0)
    moving = layout[first:].reshape(keys, len(PER_KEY), *layout.shape[1:])
    particles = moving[:, PER_KEY.index("particles")].max(axis=0)
    return (np.stack([near, particles]).clip(0, 1) * 255).astype(np.uint8)
