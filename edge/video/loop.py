"""A clip without a seam: everything that moves is drawn so that it is at its start again when the clip ends.

Nothing runs backwards and no picture is laid over another one: what repeats itself does so in whole turns, what goes
somewhere leaves the frame on one side and comes in on the other, cameras go there and back. What the decoder still
remembers of the frames before is different at the start, so the first frames are drawn a second time and passed into
the ones that were drawn first. Where a storyboard of several shots comes back to its first shot, that is a cut like others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

MIDDLE = 0.2  # of a loop: then what travels through the frame is in the middle of it
OVERLAP = 12  # frames that are drawn twice, where the clip is long enough


@dataclass(frozen=True, kw_only=True)
class Loop:
    """That a clip shall be one, and how much of the frame's width and height will be seen of it, around the middle."""

    width: float = 1.0
    height: float = 1.0


def overlap(frames: int) -> int:
    """How many frames more a loop of that many is drawn with."""
    return min(OVERLAP, frames // 2)


def meet(drawn: Iterator[Frame], *, over: int) -> Iterator[Frame]:
    """Yield all but `over` of the frames uint8 [h, w], of which the last `over` show what the first ones show.

    The first ones are kept, and come at the end: the last ones pass into them.
    """
    first = [next(drawn).copy() for _ in range(over)]
    last: list[Frame] = []
    for frame in drawn:
        last.append(frame)
        if len(last) > over:
            yield last.pop(0)
    for number, (late, early) in enumerate(zip(last, first, strict=True), 1):
        share = number / (over + 1)
        yield np.asarray(cv2.addWeighted(early, share, late, 1 - share, 0), np.uint8)
