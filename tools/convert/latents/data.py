"""Training crops of the autoencoder: clips of a world as blocks, written once, read by memory map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.convert.latents.config import Config
from tools.convert.latents.pixels import to_blocks
from tools.convert.tinyvideo.loop import write_array
from tools.convert.tinyvideo.world import RENDERER, Example, World

Bytes = NDArray[np.uint8]
SLOTS = 2
CLIPS_PER_FILE = 100
TRAIN_SEED, HELD_SEED = 1 << 29, (1 << 30) + 7_000
SUBJECT_SHARE = 0.6  # of the crops lie around a subject, the others anywhere


def write_crops(config: Config, out: Path, *, world: World = RENDERER, part: int = 0, parts: int = 1) -> None:
    """Cut crops out of `clips` clips into `crops/*.npy`, uint8 [n, SLOTS, keys * block, 2 * crop_cells, 2 * crop_cells].

    Whole files that exist are kept; several processes may each take a part.
    """
    folder = out / "crops"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(part, -(-config.clips // CLIPS_PER_FILE), parts):
        path = folder / f"{number:04d}.npy"
        if not path.exists():
            first = TRAIN_SEED + number * CLIPS_PER_FILE
            crops = [crop for seed in range(first, first + CLIPS_PER_FILE) for crop in clip_crops(config, seed, world)]
            write_array(path, np.stack(crops))


def read_crops(out: Path) -> list[Bytes]:
    """Memory maps of the files that `write_crops` has finished."""
    return [np.load(path, mmap_mode="r") for path in sorted((out / "crops").glob("*.npy"))]


def clip_crops(config: Config, number: int, world: World) -> list[Bytes]:
    """Two crops of two consecutive slots of the clip with that number."""
    example, frames = _moment(config, number, world)
    blocks = _slots(config, example, frames)
    rng = np.random.default_rng([number, 0x6A])
    return [_crop(config, example, frames[len(frames) // 2], blocks, rng) for _ in range(2)]


def held_crops(config: Config, number: int, *, world: World = RENDERER) -> list[Bytes]:
    """Two crops of held-out clip `number`."""
    return clip_crops(config, HELD_SEED + number, world)


def held_clip(config: Config, number: int, *, world: World = RENDERER) -> Bytes:
    """Held-out clip `number`, whole frames: uint8 [SLOTS, keys * block, height / 8, width / 8]."""
    return _slots(config, *_moment(config, HELD_SEED + number, world))


def _moment(config: Config, number: int, world: World) -> tuple[Example, list[int]]:
    example = world.example(number)
    length = SLOTS * config.slot_frames
    first = int(np.random.default_rng([number, 0x69]).integers(example.layout.frames - length + 1))
    return example, list(range(first, first + length))


def _slots(config: Config, example: Example, frames: list[int]) -> Bytes:
    made = [to_blocks(frame) for frame in example.frames(frames, config.height)]
    return np.stack(made).reshape(SLOTS, -1, config.height // 8, config.width // 8)


def _crop(config: Config, example: Example, frame: int, blocks: Bytes, rng: np.random.Generator) -> Bytes:
    rows, columns = config.cells
    side = min(config.crop_cells, rows)
    i, j = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
    if rng.uniform() < SUBJECT_SHARE:
        track = example.layout.tracks[int(rng.integers(len(example.layout.tracks)))]
        place = np.array([track.y[frame], track.x[frame]]) * rows + rng.uniform(-4, 4, size=2) - side / 2
        i, j = (int(np.clip(value, 0, limit - side)) for value, limit in zip(place, config.cells, strict=True))
    return blocks[:, :, 2 * i : 2 * (i + side), 2 * j : 2 * (j + side)]
