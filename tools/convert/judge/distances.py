"""How far two sets of clips are apart, by their features: the Frechet distance, and a kernel distance beside it.

The Frechet distance (Heusel et al. 2017, arXiv 1706.08500) compares means and covariances; it is hungry for samples and
sees little of motion when content is in the same features (Ge et al. 2024, arXiv 2404.12391), so both distances are
taken of content and motion apart, and the kernel distance (Binkowski et al. 2018, arXiv 1801.01401) needs fewer clips.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


def frechet(one: Features, other: Features) -> float:
    """Squared Frechet distance of two normal distributions fitted to features [n, d] and [m, d]; n, m >= 2."""
    shift = one.mean(axis=0, dtype=np.float64) - other.mean(axis=0, dtype=np.float64)
    first, second = (np.cov(part.astype(np.float64), rowvar=False) for part in (one, other))
    root = _root(first)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return float(max(shift @ shift + np.trace(first) + np.trace(second) - 2 * cross, 0.0))


def kernel_distance(one: Features, other: Features) -> float:
    """Squared maximum mean discrepancy with the kernel (x.y / d + 1) ** 3, never negative (the biased estimate)."""
    scale = max(float(np.sqrt((other.astype(np.float64) ** 2).mean())), 1e-9)  # so that the cube stays of order one
    x, y = one.astype(np.float64) / scale, other.astype(np.float64) / scale
    return float(max(_kernel(x, x).mean() + _kernel(y, y).mean() - 2 * _kernel(x, y).mean(), 0.0))


def spread(features: Features) -> float:
    """Total variance of features [n, d]; for several seeds of one prompt, how much they differ."""
    return float(features.astype(np.float64).var(axis=0, ddof=1).sum())


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x @ y.T / x.shape[1] + 1) ** 3
