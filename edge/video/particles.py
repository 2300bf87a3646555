"""Particles of one shot: snow, bubbles, sparkles, rain, leaves and fireflies, each by its own law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating]

AMOUNT = {"snow": 36, "bubbles": 24, "sparkles": 30, "rain": 60, "leaves": 18, "fireflies": 22}
# Canvas heights per second, slowest and quickest; bubbles rise, and what floats has no fall.
FALL = {"snow": (0.12, 0.24), "bubbles": (-0.22, -0.12), "rain": (1.0, 1.5), "leaves": (0.13, 0.22)}
DRIFT = {"snow": 0.03, "bubbles": 0.03, "leaves": 0.10}  # canvas heights to either side
DRIFTS_PER_SECOND = {"snow": 0.4, "bubbles": 0.4, "leaves": 0.45}
BIRTH_S = 0.3  # in which a particle of a loop fades in, and out
MARGIN = 0.05  # they come and go this far outside the canvas


def make_particles(
    kind: str, clock: Reals, *, width: float, rng: np.random.Generator, period: float | None = None
) -> NDArray[np.float32]:
    """float32 [frames, P, 3]: x, y in canvas heights, and strength 0..1 which is also the size; P depends on the kind.

    `clock` is seconds since the start of the chain, so a chained shot goes on where the one before stopped. An
    unknown kind, as "none", gives P = 0. With a `period` in seconds everything comes round in it: each particle lives as
    long, from a moment of its own, and fades in and out.
    """
    amount = AMOUNT.get(kind, 0)
    x0 = (np.arange(amount) + rng.uniform(size=amount)) * width / max(amount, 1)
    y0, start, depth = rng.uniform(size=(3, amount))
    time = clock[:, None]
    if period is not None:
        time = (time + period * rng.uniform(size=amount)) % period
    x: Reals
    y: Reals
    match kind:
        case "sparkles":
            x, y = x0 + 0 * time, y0 + 0 * time
            strength = (0.5 + 0.5 * depth) * np.clip(np.sin(2 * np.pi * (0.7 * time + start)), 0, 1)
        case "fireflies":
            x, y = _wander(x0, y0, time, start, depth)
            strength = (0.5 + 0.5 * depth) * np.clip(0.35 + np.sin(2 * np.pi * (0.45 * time + depth * 7)), 0, 1)
        case "rain":
            y = _falling(kind, y0, depth, time)
            slant = rng.uniform(-0.22, 0.22)
            x, strength = x0 + slant * (y - 0.5), 0.5 + 0.5 * depth + 0 * time
        case _:
            y = _falling(kind, y0, depth, time) if amount else y0 + 0 * time
            swing = np.sin(2 * np.pi * (DRIFTS_PER_SECOND.get(kind, 0.0) * time + start))
            x, strength = x0 + DRIFT.get(kind, 0.0) * swing, 0.5 + 0.5 * depth + 0 * time
    if period is not None:
        strength = strength * np.clip(np.minimum(time, period - time) / BIRTH_S, 0, 1)
    return np.stack([x, y, strength], axis=2).astype(np.float32)


def _falling(kind: str, y0: Reals, depth: Reals, time: Reals) -> Reals:
    """The near ones, which are large, fall quicker."""
    slowest, quickest = sorted(FALL[kind], key=abs)
    return (y0 + (slowest + (quickest - slowest) * depth) * time) % (1 + 2 * MARGIN) - MARGIN


def _wander(x0: Reals, y0: Reals, time: Reals, start: Reals, depth: Reals) -> tuple[Reals, Reals]:
    """Aimless slow flight around a place."""
    x = x0 + 0.05 * np.sin(2 * np.pi * ((0.16 + 0.14 * depth) * time + start))
    y = 0.15 + 0.75 * y0 + 0.05 * np.sin(2 * np.pi * ((0.30 - 0.14 * depth) * time + 3 * start))
    return x, y
