"""Training data: random scenes of the vocabulary, and what the denoiser sees of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot
from edge.video.layout import Layout
from edge.video.slot_map import slot_channels, slot_map
from tools.convert.latents.config import Config
from tools.convert.scenes.scene import Scene, make_scene, random_slots
from tools.convert.tinyvideo.vocabulary import load_vocabulary

__all__ = ["attributes", "layout_channels", "load_vocabulary", "random_scene", "scene_map", "slot_frames"]


def attributes(vocabulary: Mapping[str, Slot], slots: Mapping[str, str]) -> NDArray[np.int64]:
    """Slot values as their numbers, int64 [slots], in vocabulary order."""
    return np.array([list(slot.values).index(slots[name]) for name, slot in vocabulary.items()], np.int64)


def random_scene(vocabulary: Mapping[str, Slot], *, seed: int) -> Scene:
    """Scene number `seed` of the endless training set."""
    rng = np.random.default_rng([seed, 0x3C])
    slots = random_slots({name: list(slot.values) for name, slot in vocabulary.items()}, rng)
    return make_scene(slots, seed=seed, seconds=float(rng.choice([2.0, 4.0])))


def slot_frames(config: Config, slot: int) -> list[int]:
    """The frame numbers of one slot."""
    return list(range(slot * config.slot_frames, (slot + 1) * config.slot_frames))


def layout_channels(config: Config, vocabulary: Mapping[str, Slot]) -> int:
    """How many channels `scene_map` gives."""
    return slot_channels(len(vocabulary["subject"].values), len(vocabulary["colour"].values), keys=config.keys)


def scene_map(config: Config, vocabulary: Mapping[str, Slot], layout: Layout, slot: int) -> NDArray[np.float32]:
    """The denoiser's layout channels for one slot of a clip: float32 [1, layout_channels, h, w]."""
    frames = np.array(slot_frames(config, slot)).reshape(config.keys, -1)
    return slot_map(
        layout, list(frames.mean(axis=1)), height=config.cells[0], width=config.cells[1],
        subjects=list(vocabulary["subject"].values), colours=list(vocabulary["colour"].values),
    )  # fmt: skip
