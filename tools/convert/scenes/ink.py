"""The display list: what a pen leaves behind, in pixels, before any rasteriser has seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled polygon (even-odd rule): `points` [n, 2] in pixels, `colour` 0..255, `alpha` 0..1."""

    points: Points
    colour: Rgb
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """An open line with round ends that does not cross itself: `points` [n, 2] and `thickness` in pixels."""

    points: Points
    colour: Rgb
    thickness: float


@dataclass(frozen=True, slots=True)
class Light:
    """A round glow that is added to the picture: centre and radius in pixels, `strength` 0..1 at the centre."""

    x: float
    y: float
    radius: float
    colour: Rgb
    strength: float


Ink = Fill | Stroke | Light
