"""Where things lie on the latent grid: the screen's places in the scenery, and particles in their cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.video.layout import ASPECT, Layout

Array = NDArray[np.float32]
Reals = NDArray[np.floating]

FAR_PARALLAX, NEAR_PARALLAX = 0.4, 1.0
REACH = 2.6  # in subject radii: beyond it the subject's channels are zero


def number_of(name: str, value: str, values: Sequence[str]) -> int:
    """The place of a slot's value in the pack's order; ModelError where the pack does not have it."""
    if value not in values:
        raise ModelError(f"This pack cannot draw {name} {value!r}.", hint=f"It knows: {', '.join(values)}.")
    return list(values).index(value)


def at(values: Array, frame: float) -> float:
    """A track's value at a frame number; fractions are interpolated."""
    return float(np.interp(frame, np.arange(len(values)), values))


def to_scenery(x: Reals, y: Reals, *, shift: float, zoom: float, parallax: float) -> tuple[Reals, Reals]:
    """Screen to scenery coordinates: nearer layers (larger parallax) shift and grow more."""
    scale = zoom ** (0.5 + 0.5 * parallax)
    return (x - ASPECT / 2) / scale + ASPECT / 2 + parallax * shift, (y - 0.5) / scale + 0.5


def particle_planes(layout: Layout, frame: float, shape: tuple[int, ...]) -> Array:
    """Count, offset from the cell centre (x, y), and its squares' sum for the particles in each cell."""
    height, width = shape
    planes = np.zeros((5, height, width), np.float32)
    now = layout.particles[min(round(frame), layout.frames - 1)]
    for x, y, strength in now:
        column, row = x / ASPECT * width, y * height
        i, j = int(np.floor(row)), int(np.floor(column))
        if strength > 0 and 0 <= i < height and 0 <= j < width:
            a, b = column - j - 0.5, row - i - 0.5
            planes[:, i, j] += np.array([1.0, 2 * a, 2 * b, 4 * a * b, 4 * (a * a - b * b)], np.float32) * strength
    return planes
