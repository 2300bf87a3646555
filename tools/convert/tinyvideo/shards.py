"""What the student learns from: slots of random scenes with their layout and their latents, written once."""

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
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import Scene
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, load_vocabulary, random_scene, scene_map, slot_frames
from tools.convert.tinyvideo.loop import write_array

PARTS = ("attributes", "z", "layout", "focus", "latents")
Row = tuple[NDArray[np.generic], ...]


def write_shards(config: Config, out: Path, latents: Path, *, part: int = 0, parts: int = 1) -> None:
    """Render, encode and write `shards/NUMBER.PART.npy`, one row per slot; several processes may each take a part.

    attributes int64 [n, slots], z float32 [n, k], layout float16 [n, l, h, w], focus uint8 [n, 2, h, w] (where a
    subject is, and where particles are, 0..255) and latents float16 [n, c, h, w]. Whole shards are kept.
    """
    vocabulary = load_vocabulary()
    encoder = Encoder(config.autoencoder, load_components(latents))
    folder = out / "shards"
    folder.mkdir(exist_ok=True)
    for number in range(part, config.shards, parts):
        if (folder / f"{number:04d}.latents.npy").exists():
            continue
        first = number * config.clips_per_shard
        clips = [_rows(config, vocabulary, encoder, seed) for seed in range(first, first + config.clips_per_shard)]
        rows = [row for clip in clips for row in clip]
        for name, values in zip(PARTS, zip(*rows, strict=True), strict=True):  # latents last: they mark it complete
            write_array(folder / f"{number:04d}.{name}.npy", np.stack(values))


def _rows(config: Config, vocabulary: Mapping[str, Slot], encoder: Encoder, seed: int) -> list[Row]:
    """One row for each of a few slots of the scene with that seed."""
    scene = random_scene(vocabulary, seed=seed)
    every = scene.layout.frames // config.autoencoder.slot_frames
    chosen = np.random.default_rng([seed, 0x4D]).permutation(every)[: config.slots_per_clip]
    return [_row(config, vocabulary, encoder, scene, int(slot)) for slot in sorted(chosen)]


def _row(config: Config, vocabulary: Mapping[str, Slot], encoder: Encoder, scene: Scene, slot: int) -> Row:
    ae = config.autoencoder
    pictures = render(scene, slot_frames(ae, slot), height=ae.height)
    blocks = np.stack([to_blocks(to_i420(picture)) for picture in pictures]).reshape(1, -1, *(2 * s for s in ae.cells))
    latents = encoder(torch.from_numpy(blocks).float() / 255)[0].numpy()
    layout = scene_map(ae, vocabulary, scene, slot)[0]
    return (
        attributes(vocabulary, scene.shot.slots), scene.z, layout.astype(np.float16), focus_of(layout, vocabulary, ae.keys),
        latents.astype(np.float16),
    )  # fmt: skip


def focus_of(layout: NDArray[np.float32], vocabulary: Mapping[str, Slot], keys: int) -> NDArray[np.uint8]:
    """Where a subject is, and where particles are, as `slot_map` orders its channels."""
    subjects = len(vocabulary["subject"].values)
    first = len(ONCE) + subjects + len(vocabulary["colour"].values)
    near = layout[len(ONCE) : len(ONCE) + subjects].max(axis=0)
    moving = layout[first:].reshape(keys, len(PER_KEY), *layout.shape[1:])
    particles = moving[:, PER_KEY.index("particles")].max(axis=0)
    return (np.stack([near, particles]).clip(0, 1) * 255).astype(np.uint8)
