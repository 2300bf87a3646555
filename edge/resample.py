"""Frames at another rate: at every moment of the clip the frame that is on the screen then, none mixed of two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]


def resampled(frames: Iterator[Frame], *, drawn_fps: int, fps: int) -> Iterator[Frame]:
    """Yield the frames of a clip drawn at `drawn_fps` that it shows at `fps`; some twice or never, the first always."""
    given = 0
    for number, frame in enumerate(frames):
        while given * drawn_fps // fps == number:
            yield frame
            given += 1


def resampled_count(frames: int, *, drawn_fps: int, fps: int) -> int:
    """How many frames `resampled` yields."""
    return -(-frames * fps // drawn_fps)
