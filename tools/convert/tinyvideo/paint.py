"""Every place and subject of the renderer's world, painted once from all sides: what textures are baked from."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.slot_map import FAR_X, NEAR_X
from edge.video.textures import BODY, POSES
from tools.convert.scenes.backgrounds import LEFT
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.pen import Pen
from tools.convert.scenes.raster_cv import draw, lay
from tools.convert.scenes.scenery import VARIANTS, plates
from tools.convert.scenes.stage import bounds, coarse_pixels, reach_of
from tools.convert.scenes.styles import FINISH, STYLES, bright, dress
from tools.convert.scenes.subjects import SUBJECTS

TINTS = ("red", "blue", "grey")  # base colours that the others lie between
FINER = 3  # pixels that a texel of a place is averaged from, in each direction
RADIUS = 0.17  # canvas heights, of a subject
Array = NDArray[np.float32]


def paint_places(names: Sequence[str], rows: int) -> tuple[Array, Array]:
    """Far [tiles, 1, 24, rows, columns]: RGB per style, and how much brighter a pulse makes it; near: RGBA per style."""
    far, near = [], []
    for name in names:
        for variant in range(VARIANTS):
            styles = [plates(name, variant, style, FINER * rows) for style in STYLES]
            plates.cache_clear()
            dark = [style.far[..., :3].astype(np.float32) for style in styles]
            more = [
                np.zeros_like(one) if style.bright is None else style.bright[..., :3] - one
                for style, one in zip(styles, dark, strict=True)
            ]
            above = [np.pad(style.near, ((style.top, 0), (0, 0), (0, 0))).astype(np.float32) for style in styles]
            far.append(np.concatenate([_shrunk(layer, FAR_X, rows) for layer in (*dark, *more)]))
            near.append(np.concatenate([_shrunk(layer, NEAR_X, rows) for layer in above]))
    return np.stack(far)[:, None], np.stack(near)[:, None]


def _shrunk(layer: Array, reach: tuple[float, float], rows: int) -> Array:
    """The part of a painted layer between two places, in canvas heights, as [channels, rows, columns] from 0 to 1."""
    low, high = (round((edge - LEFT) * FINER * rows) for edge in reach)
    size = round(rows * (reach[1] - reach[0])), rows
    return np.moveaxis(cv2.resize(layer[:, low:high], size, interpolation=cv2.INTER_AREA), 2, 0) / 255


def paint_subjects(names: Sequence[str], texels: int) -> Array:
    """[subjects, POSES, 40, texels, texels]: RGB per style and tint, then alpha per style."""
    turns = 2 * np.pi * np.arange(POSES) / POSES
    return np.stack([np.stack([_posed(name, turn, texels) for turn in turns]) for name in names])


def _posed(name: str, phase: float, texels: int) -> Array:
    """One subject in one phase in every style: [40, texels, texels]."""
    colours, alphas = [], []
    for style in STYLES:
        cutouts = [_alone(name, phase, tint, style, 4 * texels) for tint in TINTS]
        colours += [part[..., :3] for part in cutouts]
        alphas.append(cutouts[0][..., 3:])
    whole = np.concatenate([*colours, *alphas], axis=2)
    return np.moveaxis(cv2.resize(whole, (texels, texels), interpolation=cv2.INTER_AREA), 2, 0)


def _alone(name: str, phase: float, tint: str, style: str, size: int) -> Array:
    """A subject as the renderer lays it on the picture, premultiplied RGBA [size, size, 4] from 0 to 1."""
    radius = size / (2 * BODY)
    height, base = round(radius / RADIUS), COLOURS[tint]
    finish = FINISH[style]
    pen = Pen(size / 2, size / 2, radius, 0.0, 1.0, base)
    SUBJECTS[name](pen, phase)
    cut = dress(pen.ink(), style, height=height)
    coarse = coarse_pixels(height)
    laid = [np.full((size, size, 4), value, np.uint8) for value in (0, 255)]
    box = bounds(cut, margin=reach_of(finish) * height, step=coarse, width=size, height=size)
    if box is not None:
        for picture in laid:
            tile = draw(cut, box)
            edge = finish.edge or bright(base)
            lay(picture, tile, box, finish, edge=edge, height=height, coarse=coarse, light=1.0)
    black, white = (picture[..., :3].astype(np.float32) / 255 for picture in laid)
    return np.concatenate([black, 1 - (white - black).mean(axis=2, keepdims=True)], axis=2)
