"""Which picture each frame of a clip shows, where a pack draws only so many: they run to and fro, and a single one nears."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
NEARER = 0.08  # how much larger a single picture is at the end


def order(frames: int, *, pictures: int, rate: float, loop: bool) -> list[int]:
    """The number of the picture that each of so many `frames` shows; `rate` pictures pass in the time of a frame.

    They run to the last one and back again. A `loop` ends where it begins.
    """
    turn = 2 * max(1, pictures - 1)
    if loop:
        turns = max(1, round(frames * rate / turn))
        ways = [number / frames * turns * turn for number in range(frames)]
    else:
        ways = [number * rate for number in range(frames)]
    return [min(int(way % turn), turn - int(way % turn), pictures - 1) for way in ways]


def nearer(picture: Picture, *, share: float) -> Picture:
    """A picture as seen a little nearer; at `share` 1 it is enlarged by NEARER, around its middle."""
    height, width = picture.shape[:2]
    scale = 1 + NEARER * share
    moved = np.array([[scale, 0, (1 - scale) * (width - 1) / 2], [0, scale, (1 - scale) * (height - 1) / 2]])
    return np.asarray(cv2.warpAffine(picture, moved, (width, height), flags=cv2.INTER_CUBIC), np.uint8)


def approach(frames: int, *, loop: bool) -> list[float]:
    """How near a single picture is seen in each frame, 0 to 1; a `loop` goes back."""
    ways = [number / max(1, frames if loop else frames - 1) for number in range(frames)]
    return [1 - abs(2 * way - 1) if loop else way for way in ways]
