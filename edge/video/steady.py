"""Small changes from frame to frame are taken over slowly, so that what stands still does not shimmer.

Why: INT8 arithmetic is a grey level or two off, differently in every frame. A change larger than `LIMIT` levels is shown
at once; a smaller one enters with a share of `SHARE` per frame (a recursive temporal filter with motion detection, as
in video noise reduction). Slow fades follow within a few frames; a difference below half a step never shows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
LIMIT = 6
SHARE = 0.25


class Steady:
    """Remembers the frame that was shown last; `reset` at a cut."""

    def __init__(self) -> None:
        self._shown: Frame | None = None

    def reset(self) -> None:
        """Forget what was shown."""
        self._shown = None

    def show(self, frame: Frame) -> Frame:
        """The frame to show for a planar frame uint8 [h * 3 / 2, w]; all frames between resets have one size."""
        if self._shown is None:
            self._shown = frame
            return frame
        _, moving = cv2.threshold(cv2.absdiff(frame, self._shown), LIMIT, 255, cv2.THRESH_BINARY)
        shown = cv2.addWeighted(self._shown, 1 - SHARE, frame, SHARE, 0)
        cv2.copyTo(frame, moving, shown)
        self._shown = np.asarray(shown, np.uint8)
        return self._shown
