"""Small changes from frame to frame are taken over slowly, so that what stands still does not shimmer.

Why: INT8 arithmetic is a grey level or two off, differently in every frame, and near a moving thing so is the decoder.
Where the change averaged over `AREA` x `AREA` samples is larger than `LIMIT` levels, or twice that at one sample, it is
shown at once; elsewhere it enters with a share of `SHARE` per frame (a recursive temporal filter with motion detection,
as in video noise reduction). Slow fades follow within a few frames. A difference below half a step would never show, so
twice a second everything goes half the way: what a moving thing has left behind is gone then.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
LIMIT = 4
AREA = 5
SHARE = 0.125
CATCH_UP, CATCH_UP_SHARE = 12, 0.5  # frames


class Steady:
    """Remembers the frame that was shown last; `reset` at a cut."""

    def __init__(self) -> None:
        self._shown: Frame | None = None
        self._count = 0

    def reset(self) -> None:
        """Forget what was shown."""
        self._shown, self._count = None, 0

    def show(self, frame: Frame) -> Frame:
        """The frame to show for a planar frame uint8 [h * 3 / 2, w]; all frames between resets have one size."""
        if self._shown is None:
            self._shown = frame
            return frame
        change = cv2.absdiff(frame, self._shown)
        _, spot = cv2.threshold(change, 2 * LIMIT, 255, cv2.THRESH_BINARY)
        _, area = cv2.threshold(cv2.blur(change, (AREA, AREA)), LIMIT, 255, cv2.THRESH_BINARY)
        self._count += 1
        share = SHARE if self._count % CATCH_UP else CATCH_UP_SHARE
        shown = cv2.addWeighted(self._shown, 1 - share, frame, share, 0)
        cv2.copyTo(frame, cv2.bitwise_or(spot, area), shown)
        self._shown = np.asarray(shown, np.uint8)
        return self._shown
