"""Fields over the screen or over a body that do not change: the vignette, the grain of paper, uneven pigment."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from tools.convert.scenes.stage import Lighting

GRAIN = 2  # levels
WASHED = 0.36  # the most that uneven pigment lets through of the white paper


def vignette(height: int, light: Lighting) -> NDArray[np.float64]:
    """What is left of the light at each place of the screen, at a quarter of its height: [height / 4, width / 4]."""
    rows, columns = height // 4, round(height * ASPECT) // 4
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    return 1 - (1 - light.corner) * np.clip((np.hypot(x, 0.8 * y) - 0.25) / 1.0, 0, 1) ** 1.5


@lru_cache(maxsize=4)
def grain(height: int) -> NDArray[np.uint8]:
    """How much paper grain takes from each pixel of the screen: [height, width, 4], the fourth channel empty."""
    fine = np.random.default_rng(0x6A).normal(size=(240, round(240 * ASPECT))).astype(np.float32)
    rough = cv2.GaussianBlur(fine, (0, 0), 0.8)
    size = round(height * ASPECT), height
    bumps = cv2.resize(rough / rough.std(), size, interpolation=cv2.INTER_LINEAR)
    depth = np.clip(np.round(GRAIN * (1 + bumps)), 0, 3 * GRAIN)
    return np.stack([depth, depth, depth, 0 * depth], axis=2).astype(np.uint8)


@lru_cache(maxsize=4)
def pigment(height: int) -> NDArray[np.uint8]:
    """How far a watercolour body is from its full colour towards white, around its centre: [3 h, 3 h, 4] of 255.

    The centre of the body lies in the middle. The fourth channel is as the others.
    """
    rng = np.random.default_rng(0x7B)
    size = 3 * height
    broad, fine = (
        cv2.resize(rng.uniform(size=(cells, cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        for cells in (19, 47)
    )
    thin = np.clip(WASHED * (0.7 * broad + 0.3 * fine), 0, 1)
    return np.repeat(np.round(255 * thin).astype(np.uint8)[..., None], 4, axis=2)


def pigment_corner(x: float, y: float, box: tuple[int, int], height: int) -> tuple[int, int]:
    """The column and row of `pigment` at the first pixel of a tile at `box` of a body at (x, y)."""
    middle = 3 * height // 2
    return middle + box[0] - round(x), middle + box[1] - round(y)
