"""The vectors of the library that are nearest to one: the whole file mapped and scanned, so the answer is exact.

Why no graph index: OpenCV, which is here anyway, compares 100,000 vectors of 128 bytes in two milliseconds
(`bench/library.py`), a row is added or taken away with one small write, and nothing has to be kept in memory.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vectors import HEAD_BYTES, LENGTH, head_of

MOST = 16

log = logging.getLogger(__name__)


def nearest(vector: bytes, *, file: Path, recipe: str, most: int = MOST) -> list[tuple[int, float]]:
    """The places in the file of the `most` nearest vectors, nearest first, each with its similarity.

    Nothing where there is no file of this recipe: whoever writes it sees to that.
    """
    rows = _mapped(file, recipe=recipe, dims=len(vector))
    if rows is None:
        return []
    one = np.frombuffer(vector, np.uint8)[None]
    apart, places = cv2.batchDistance(
        one, rows, cv2.CV_32S, normType=cv2.NORM_L2SQR, K=min(most, len(rows)), update=0, crosscheck=False
    )
    alike = 1 - apart[0] / (2 * LENGTH**2)
    return [(int(place), float(value)) for place, value in zip(places[0], alike, strict=True)]


def _mapped(file: Path, *, recipe: str, dims: int) -> NDArray[np.uint8] | None:
    """The vectors, uint8 [count, dims]; only pages that are read take memory, and the kernel may take them back."""
    try:
        whole = np.memmap(file, np.uint8, "r")
    except (OSError, ValueError) as exc:  # not there yet, or without a byte
        log.info("No library to look in at %s: %s.", file, exc)
        return None
    count = (len(whole) - HEAD_BYTES) // dims
    if count < 1 or whole[:HEAD_BYTES].tobytes() != head_of(recipe):
        return None
    return whole[HEAD_BYTES : HEAD_BYTES + count * dims].reshape(count, dims)
