"""Small changes from frame to frame are taken over slowly, so that what stands still does not shimmer.

Why: INT8 arithmetic is a grey level or two off, differently in every frame, and near a moving thing so is the decoder.
Where the change averaged over `AREA` x `AREA` samples is larger than `LIMIT` levels, or twice that at one sample, it is
shown at once; elsewhere it enters with a share of `SHARE` per frame (a recursive temporal filter with motion detection,
as in video noise reduction). Slow fades follow within a few frames; a difference below half a step never shows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
LIMIT = 6
AREA = 5
SHARE = 0.125


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
        change = cv2.absdiff(frame, self._shown)
        _, spot = cv2.threshold(change, 2 * LIMIT, 255, cv2.THRESH_BINARY)
        _, area = cv2.threshold(cv2.blur(change, (AREA, AREA)), LIMIT, 255, cv2.THRESH_BINARY)
        shown = cv2.addWeighted(self._shown, 1 - SHARE, frame, SHARE, 0)
        cv2.copyTo(frame, cv2.bitwise_or(spot, area), shown)
        self._shown = np.asarray(shown, np.uint8)
        return self._shown
