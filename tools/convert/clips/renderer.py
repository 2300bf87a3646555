"""Clips from the scene renderer, drawn when they are asked for; held-out combinations are never among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.video.layout import FPS
from tools.convert.captions import caption
from tools.convert.clips.clip import Clip, ClipError
from tools.convert.scenes.render import render, to_i420
from tools.convert.tinyvideo.data import load_vocabulary, random_scene

SEEDS = 1 << 32  # so many clips of one seed before the next one's


@dataclass(frozen=True, kw_only=True)
class RendererSource:
    """`count` scenes of the endless training set, `height` pixels high. Another `seed` has no clip in common."""

    count: int
    height: int = 240
    seed: int = 0

    def __post_init__(self) -> None:
        if self.height % 20:
            raise ClipError(
                f"A canvas {self.height} pixels high cannot be drawn. Use a height that 20 divides, such as 240 or 480."
            )

    def __len__(self) -> int:
        return self.count

    def clip(self, number: int) -> Clip:
        """Draw clip `number`: two or four seconds, with one of its captions."""
        scene_seed = self.seed * SEEDS + number
        scene = random_scene(load_vocabulary(), seed=scene_seed)
        told = caption(scene.shot.slots, np.random.default_rng([scene_seed, 0x7C]))
        numbers = range(round(scene.shot.seconds * FPS))
        video = np.stack([to_i420(frame) for frame in render(scene, numbers, height=self.height)])
        return Clip(
            video=video, caption=told.text, language=told.language, origin="scenes", stated=told.stated,
            slots=scene.shot.slots, seed=scene_seed, tracks=scene.layout.tracks, camera=scene.layout.camera,
        )  # fmt: skip
