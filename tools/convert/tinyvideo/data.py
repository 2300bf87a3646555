"""Training data: scenes rendered to packed pixels, and the vocabulary they are drawn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot
from edge.video.layout import FPS
from edge.video.layout_map import layout_map
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import Scene, make_scene, random_slots
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.vocabulary import load_vocabulary

__all__ = [
    "all_keys", "attributes", "key_frames", "load_vocabulary", "pack", "random_scene", "render_keys", "scene_map",
    "to_blocks",
]  # fmt: skip


def attributes(vocabulary: dict[str, Slot], slots: dict[str, str]) -> NDArray[np.int64]:
    """Slot values as their numbers, int64 [slots], in vocabulary order."""
    return np.array([list(slot.values).index(slots[name]) for name, slot in vocabulary.items()], np.int64)


def random_scene(vocabulary: dict[str, Slot], *, seed: int) -> Scene:
    """Scene number `seed` of the endless training set."""
    rng = np.random.default_rng([seed, 0x3C])
    slots = random_slots({name: list(slot.values) for name, slot in vocabulary.items()}, rng)
    return make_scene(slots, seed=seed, seconds=float(rng.choice([2.0, 4.0])))


def pack(i420: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Planar 4:2:0 [h * 3 / 2, w] to 24 channels [24, h / 4, w / 4]: 16 of Y, 4 of U, 4 of V."""
    h = i420.shape[0] * 2 // 3
    w = i420.shape[1]
    y = i420[:h].reshape(h // 4, 4, w // 4, 4).transpose(1, 3, 0, 2).reshape(16, h // 4, w // 4)
    chroma = i420[h:].reshape(2, h // 4, 2, w // 4, 2).transpose(0, 2, 4, 1, 3).reshape(8, h // 4, w // 4)
    return np.concatenate([y, chroma])


def key_frames(config: Config, key: int) -> list[int]:
    """The frame numbers of one key."""
    return list(range(key * config.frames_per_key, (key + 1) * config.frames_per_key))


def render_keys(config: Config, scene: Scene, keys: list[int]) -> NDArray[np.uint8]:
    """Packed pixels of the given keys, uint8 [keys, frames_per_key * 24, h / 4, w / 4]."""
    numbers = [frame for key in keys for frame in key_frames(config, key)]
    packed = [pack(to_i420(frame)) for frame in render(scene, numbers, height=config.height)]
    rows, columns = config.height // 4, config.width // 4
    return np.stack(packed).reshape(len(keys), config.frames_per_key * 24, rows, columns)


def scene_map(config: Config, vocabulary: dict[str, Slot], scene: Scene, keys: list[int]) -> NDArray[np.float32]:
    """The denoiser's layout channels for the given keys of a scene."""
    middle = [float(np.mean(key_frames(config, key))) for key in keys]
    return layout_map(
        scene.layout, middle, height=config.cells[0], width=config.cells[1],
        subjects=list(vocabulary["subject"].values), colours=list(vocabulary["colour"].values),
    )  # fmt: skip


def all_keys(config: Config, scene: Scene) -> int:
    """How many whole keys a scene has."""
    return round(scene.shot.seconds * FPS) // config.frames_per_key


def to_blocks(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Packed keys [n, p, 4 * rows, 4 * cols] to one vector per latent cell, float32 [n, rows, cols, p * 16], 0..1."""
    n, p, h, w = packed.shape
    blocks = packed.reshape(n, p, h // 4, 4, w // 4, 4).transpose(0, 2, 4, 1, 3, 5)
    return blocks.reshape(n, h // 4, w // 4, p * 16).astype(np.float32) / 255
