"""The noise and its schedule: what a seed becomes, and at which timesteps the denoiser is asked, from 1 (nothing known) towards 0 (the picture)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NOISE_TAG = 0x2B


def choose_steps(asked: int, trained: Sequence[int]) -> int:
    """The most steps that the pack was trained for and that do not exceed `asked`; its least if all do."""
    return max((steps for steps in trained if steps <= asked), default=min(trained))


def timesteps(steps: int) -> list[float]:
    """1, 1/2, 1/4, ...: each step starts from the estimate of the one before."""
    return [0.5**index for index in range(steps)]


def draw_noise(seed: int, size: int) -> NDArray[np.float32]:
    """The noise vector of a seed: float32 [size] from N(0, I)."""
    return np.random.default_rng([seed, NOISE_TAG]).standard_normal(size).astype(np.float32)
