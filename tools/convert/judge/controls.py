"""Broken clips that a motion metric has to find: one that stands still, and one whose frames are shuffled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Views = NDArray[np.uint8]
LEAST_RATIO = 3.0  # a broken clip's motion distance against that of whole clips; below it the metric is broken


def frozen(views: Views) -> Views:
    """Judge views [n, frames, ...] that show their middle frame all the time."""
    return np.repeat(views[:, views.shape[1] // 2, None], views.shape[1], axis=1)


def shuffled(views: Views, *, seed: int = 0) -> Views:
    """Judge views with their frames in an order of chance, another one for each clip."""
    rng = np.random.default_rng(seed)
    return np.stack([view[rng.permutation(len(view))] for view in views])
