"""How sharp a picture is: the width of its edges, and the strength of its fine detail."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Reals = NDArray[np.float32]

REACH = 20  # pixels to either side of an edge in which its two levels are looked for
LEAST_STEP = 40.0  # grey levels between the two sides of a strong edge
LEAST_SLOPE = 3.0  # grey levels per pixel at its middle
MOST_EDGES = 4000  # per picture and direction


def edge_widths(luma: Bytes, mask: NDArray[np.bool_] | None = None) -> Reals:
    """The 10-90 % rise widths in pixels of the strong edges of luma [h, w], where `mask` is True."""
    picture = cv2.GaussianBlur(luma, (0, 0), 0.7).astype(np.float32)  # rise, not noise
    inside = np.ones(luma.shape, bool) if mask is None else mask
    return np.concatenate([_across(picture, inside), _across(picture.T, inside.T)])


def detail(luma: Bytes) -> float:
    """Mean absolute Laplacian of luma [h, w], in grey levels."""
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F)).mean())


def _across(picture: Reals, inside: NDArray[np.bool_]) -> Reals:
    """Widths of the edges that run down the picture, measured along its rows."""
    slope = np.zeros_like(picture)
    slope[:, 1:-1] = (picture[:, 2:] - picture[:, :-2]) / 2
    steep = np.abs(slope)
    along = np.abs(cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3)) / 8
    peak = (steep >= LEAST_SLOPE) & (steep > 2 * along) & inside
    peak[:, 1:-1] &= (steep[:, 1:-1] >= steep[:, :-2]) & (steep[:, 1:-1] > steep[:, 2:])
    peak[:, :REACH] = peak[:, -REACH:] = False
    rows, columns = np.nonzero(peak)
    every = max(1, len(rows) // MOST_EDGES)
    rows, columns = rows[::every], columns[::every]
    profiles = picture[rows[:, None], columns[:, None] + np.arange(-REACH, REACH + 1)]
    return _rise(profiles * np.sign(slope[rows, columns])[:, None])


def _rise(profiles: Reals) -> Reals:
    """10-90 % widths of profiles [n, 2 * REACH + 1] that rise through their middle; weak ones are left out."""
    right = _climb(profiles[:, REACH:])
    left = _climb(-profiles[:, REACH::-1])
    low = np.take_along_axis(profiles, REACH - left[:, None], axis=1)[:, 0]
    high = np.take_along_axis(profiles, REACH + right[:, None], axis=1)[:, 0]
    strong = high - low >= LEAST_STEP
    share = (profiles[strong] - low[strong, None]) / (high - low)[strong, None]
    return _crossing(share[:, REACH:], 0.9) + _crossing(1 - share[:, REACH::-1], 0.9)


def _climb(values: Reals) -> NDArray[np.int64]:
    """How many samples [n, m] go on rising from the first, by more than a tenth of the first two steps."""
    steps = np.diff(values, axis=1)
    flat = steps <= 0.1 * np.maximum(steps[:, :2].max(axis=1, keepdims=True), 0.5)
    return np.where(flat.any(axis=1), flat.argmax(axis=1), steps.shape[1])


def _crossing(shares: Reals, level: float) -> Reals:
    """Where rising shares [n, m] first reach the level, in samples from the first, between samples by a straight line."""
    at = np.argmax(shares >= level, axis=1)
    before = np.maximum(at - 1, 0)
    index = np.arange(len(shares))
    step = np.maximum(shares[index, at] - shares[index, before], 1e-6)
    between = np.clip((level - shares[index, before]) / step, 0, 1)
    return np.where(at > 0, before + between, 0.0).astype(np.float32)
