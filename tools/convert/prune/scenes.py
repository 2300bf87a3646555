"""What a student is shown while it is looked at or tuned: random scenes of the pack's vocabulary. Nothing is rendered."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.manifest import Slot
from tools.convert.latents.config import Config
from tools.convert.scenes.scene import NUISANCE, random_slots
from tools.convert.tinyvideo.data import attributes, random_scene, scene_map
from tools.convert.tinyvideo.shards import focus_of
from tools.convert.tinyvideo.store import cropped

Row = tuple[NDArray[np.generic], ...]
SEEDS = 1 << 30  # below are those that are learnt from, as in training


class Scenes:
    """An endless set: attributes int64 [n, slots], noise [n, k], layout [n, l, h, w] and where a subject is, [n, 2, h, w]."""

    def __init__(self, config: Config, vocabulary: Mapping[str, Slot]) -> None:
        self._config, self._vocabulary = config, vocabulary

    def row(self, seed: int) -> Row:
        """One slot of the scene with that seed."""
        scene = random_scene(self._vocabulary, seed=seed)
        slot = seed % (scene.layout.frames // self._config.slot_frames)
        layout = scene_map(self._config, self._vocabulary, scene.layout, slot)[0]
        focus = focus_of(layout, self._vocabulary, self._config.keys)
        return attributes(self._vocabulary, scene.shot.slots), scene.z, layout, focus

    def slots(self, count: int) -> tuple[Tensor, Tensor]:
        """Attributes int64 [count, slots] and noise [count, k] of as many scenes, without any layout."""
        values, rng = {name: list(slot.values) for name, slot in self._vocabulary.items()}, np.random.default_rng(1)
        rows = [attributes(self._vocabulary, random_slots(values, rng)) for _ in range(count)]
        noise = rng.standard_normal((count, NUISANCE), np.float32)
        return torch.from_numpy(np.stack(rows)), torch.from_numpy(noise)

    def whole(self, seed: int) -> tuple[Tensor, ...]:
        """A batch of one: a whole slot."""
        return _batch([self.row(seed)])

    def batch(self, size: int, rng: np.random.Generator, *, crop: int) -> tuple[Tensor, ...]:
        """Squares of `crop` cells, most of them around a subject, each from another scene."""
        return _batch([cropped(self.row(int(rng.integers(SEEDS))), crop, rng) for _ in range(size)])


def _batch(rows: list[Row]) -> tuple[Tensor, ...]:
    row, noise, layout, focus = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
    return row, noise, layout.contiguous(memory_format=torch.channels_last), focus.float() / 255
