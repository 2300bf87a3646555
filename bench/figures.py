"""Repeated figures: their median and spread, runs that take turns, and the smallest size that works."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TypeVar

Way = TypeVar("Way")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of `count` values, the lowest and the highest."""

    median: float
    low: float
    high: float
    count: int

    def text(self) -> str:
        """As a table shows it: three digits that count, and the spread where there is one."""
        middle = digits(self.median)
        ends = [digits(self.low), digits(self.high)]
        return middle if self.count == 1 or ends == [middle, middle] else f"{middle} ({ends[0]}–{ends[1]})"


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median=median(values), low=min(values), high=max(values), count=len(values))


def digits(value: float) -> str:
    """Three digits that count, without an exponent: 0.00123, 1.23, 123, 1234."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    places = 2 - max(-6, _exponent(value))
    return f"{value:.{max(0, places)}f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not pass (nearest rank)."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def take_turns(rounds: int, ways: Sequence[Way]) -> Iterator[tuple[int, Way]]:
    """Every way once a round: whatever else changes over time changes for all of them alike.

    The order is another one in each round, the same in every run: what ran just before, and how hot it left the
    processor, is no property of a way.
    """
    for number in range(rounds):
        for way in random.Random(number).sample(ways, len(ways)):  # noqa: S311 - an order
            yield number, way


def paired(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours / theirs in the same round: a machine that slows down slows both of a pair."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def smallest(works: Callable[[int], bool], *, low: int, high: int, step: int) -> int | None:
    """The smallest of low, low + step ... high that works, by halving; None when not even `high` does.

    `works` must not fail above a size where it worked. It is asked about each size once at most.
    """
    sizes = range(low, high + 1, step)
    first, last = 0, len(sizes) - 1
    if not works(sizes[last]):
        return None
    while first < last:
        middle = (first + last) // 2
        if works(sizes[middle]):
            last = middle
        else:
            first = middle + 1
    return sizes[last]


def line_error(points: Sequence[tuple[float, float]]) -> float:
    """How far the points (x, y) are from the straight line through the first and the last, at most, as a share of y."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0)
    return max(abs(y - (y0 + slope * (x - x0))) / y for x, y in points)


def _exponent(value: float) -> int:
    return int(f"{abs(value):e}".split("e")[1])
