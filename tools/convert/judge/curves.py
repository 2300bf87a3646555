"""Least squares for curves over time: straight lines, swings, turns, hops and legs, each of at least a given size.

Every method returns what is left: the weighted mean square of the residual.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating]
STARTS = np.arange(0, 1, 0.1)


class Curves:
    """One time axis in seconds and the weight of each sample."""

    def __init__(self, seconds: Reals, weight: Reals) -> None:
        self.weight = weight / max(float(weight.sum()), 1e-9)
        self.time = seconds - self._mean(seconds)
        self.duration = float(np.ptp(seconds)) or 1.0

    def still(self, values: Reals) -> float:
        """A constant."""
        return self._left(values - self._mean(values))

    def line(self, values: Reals, least: float) -> float:
        """A straight line that goes at least `least`, with its sign, over the clip."""
        slope = self._slope(values)
        bound = least / self.duration
        return self._along(values, min(slope, bound) if least < 0 else max(slope, bound))

    def drift(self, values: Reals, most: float) -> float:
        """A straight line that goes at most `most` either way over the clip."""
        bound = most / self.duration
        return self._along(values, float(np.clip(self._slope(values), -bound, bound)))

    def swing(self, values: Reals, rates: Reals, least: float) -> float:
        """A sine of any start at one of the rates (per second), with an amplitude of at least `least`."""
        return self._best(values, np.sin(2 * np.pi * self._turns(rates)), least)

    def hops(self, values: Reals, rates: Reals, least: float) -> float:
        """Upward half waves (y grows downwards) of at least that height."""
        return self._best(values, -np.abs(np.sin(np.pi * self._turns(rates))), least)

    def legs(self, values: Reals, rates: Reals, least: float) -> float:
        """Up and down in straight legs with at least that amplitude."""
        return self._best(values, 2 / np.pi * np.arcsin(np.sin(2 * np.pi * self._turns(rates))), least)

    def turn(self, x: Reals, y: Reals, rates: Reals, least: tuple[float, float]) -> float:
        """Round an ellipse, either way, with half axes of at least `least`."""
        turns = 2 * np.pi * self._turns(np.concatenate([rates, -rates]))
        return float((self._scaled(x, np.cos(turns), least[0]) + self._scaled(y, np.sin(turns), least[1])).min())

    def _turns(self, rates: Reals) -> Reals:
        """[rates * STARTS, samples]"""
        return (rates[:, None, None] * self.time + STARTS[:, None]).reshape(-1, len(self.time))

    def _best(self, values: Reals, shapes: Reals, least: float) -> float:
        return float(self._scaled(values, shapes, least).min())

    def _scaled(self, values: Reals, shapes: Reals, least: float) -> Reals:
        """What is left of `values` after a constant and each of `shapes` [n, samples] times at least `least`."""
        shapes = shapes - (shapes @ self.weight)[:, None]
        values = values - self._mean(values)
        energy = np.maximum(shapes**2 @ self.weight, 1e-9)
        scale = np.maximum(shapes @ (self.weight * values) / energy, least)
        return (values - scale[:, None] * shapes) ** 2 @ self.weight

    def _slope(self, values: Reals) -> float:
        return self._mean(self.time * values) / max(self._mean(self.time**2), 1e-9)

    def _along(self, values: Reals, slope: float) -> float:
        return self._left(values - self._mean(values) - slope * self.time)

    def _mean(self, values: Reals) -> float:
        return float((self.weight * values).sum())

    def _left(self, residual: Reals) -> float:
        return float((self.weight * residual**2).sum())
