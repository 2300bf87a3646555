"""What a painted background is: two layers of scenery and a pulse of light, on a canvas wider than the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Rgb = tuple[float, float, float]

LEFT, RIGHT = -0.55, 2.35  # of the canvas, in canvas heights; the screen at rest shows 0 to 1.8


@dataclass(frozen=True)
class Scenery:
    """`far` [h, w, 3] and `near` [h, w, 3] in 0..255, `cover` [h, w] 0..1 (where near hides far), `pulse` [h, w, 3]
    is added to far, brighter and darker with the ambient phase. All float32."""

    far: Image
    near: Image
    cover: Image
    pulse: Image


def grid(height: int) -> tuple[Image, Image]:
    """The scenery coordinates x, y [height, width] of every pixel centre of a canvas `height` pixels high."""
    width = round((RIGHT - LEFT) * height)
    xs = (np.arange(width, dtype=np.float32) + 0.5) / height + LEFT
    ys = (np.arange(height, dtype=np.float32) + 0.5) / height
    x, y = np.meshgrid(xs, ys)
    return x, y
