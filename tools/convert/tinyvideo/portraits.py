"""Single subjects as the renderer lays them on the picture: what the painter learns from.

A portrait shows a subject upright, facing to the right, without the shadow that it throws: that falls to one side of the
screen however the subject turns, and is the denoiser's business, as is what lies further out than BODY radii: towards
there a portrait fades, so that the glow of a small subject has no border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot
from edge.video.painter import PHASES
from edge.video.textures import BODY
from tools.convert.scenes.ink import Light, Rgb
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.pen import Pen
from tools.convert.scenes.raster_cv import draw, lay
from tools.convert.scenes.scene import NUISANCE, uniform
from tools.convert.scenes.stage import LIGHTING, SHINE, bounds, coarse_pixels, reach_of, vary
from tools.convert.scenes.styles import FINISH, bright, dress
from tools.convert.scenes.subjects import SUBJECTS

RADII = 0.035, 0.27  # canvas heights: from the smallest of three that are far away to a huge one that comes closer
FADE = 0.1  # of a portrait's half
Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """A subject with its slot values, nuisance values `z` [NUISANCE], radius in canvas heights and phase 0..PHASES - 1.

    `picture` is premultiplied RGBA uint8 [4, size, size]; what glows adds to the picture below it.
    """

    slots: Mapping[str, str]
    z: Array
    radius: float
    phase: int
    picture: Bytes


def random_portrait(vocabulary: Mapping[str, Slot], rng: np.random.Generator, *, size: int) -> Portrait:
    """One of any subject in any colour, style, light, size and phase."""
    slots = {name: str(rng.choice(list(slot.values))) for name, slot in vocabulary.items()}
    z = rng.standard_normal(NUISANCE).astype(np.float32)
    radius = float(np.exp(rng.uniform(*np.log(RADII))))
    phase = int(rng.integers(PHASES))
    picture = portray(
        slots["subject"], 2 * np.pi * phase / PHASES, vary(COLOURS[slots["colour"]], uniform(z)),
        style=slots["style"], light=slots["light"], radius=radius, size=size,
    )  # fmt: skip
    return Portrait(slots=slots, z=z, radius=radius, phase=phase, picture=picture)


def portray(name: str, phase: float, base: Rgb, *, style: str, light: str, radius: float, size: int) -> Bytes:
    """A subject alone: premultiplied RGBA uint8 [4, size, size]."""
    pixels = size / (2 * BODY)
    height = round(pixels / radius)
    finish = replace(FINISH[style], shadow=0.0)
    pen = Pen(size / 2, size / 2, pixels, 0.0, 1.0, base)
    SUBJECTS[name](pen, phase)
    cut = dress(pen.ink(), style, height=height)
    if light == "glowing":
        cut.marks.append(Light(size / 2, size / 2, pixels, base, SHINE))
    coarse = coarse_pixels(height)
    laid = [np.full((size, size, 4), value, np.uint8) for value in (0, 255)]
    box = bounds(cut, margin=reach_of(finish) * height, step=coarse, width=size, height=size)
    if box is not None:
        for picture in laid:
            lay(picture, draw(cut, box), box, finish, edge=finish.edge or bright(base), height=height, coarse=coarse,
                light=LIGHTING[light].body)  # fmt: skip
    black, white = (picture[..., :3] for picture in laid)
    alpha = 255 - (white - black).min(axis=2, keepdims=True)
    return np.rint(np.moveaxis(np.concatenate([black, alpha], axis=2) * _faded(size), 2, 0)).astype(np.uint8)


def _faded(size: int) -> Array:
    """1, falling to 0 at the border: [size, size, 1]."""
    away = np.abs(np.arange(size, dtype=np.float32) + 0.5 - size / 2) / (size / 2)
    return np.clip((1 - np.maximum(away, away[:, None])) / FADE, 0, 1)[..., None]
