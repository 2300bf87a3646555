"""Which layer is stored how: always the next saving that costs the least error for each byte. Plain values, nothing is run.

The greedy solution of the multiple-choice knapsack problem: of each layer only the lower convex hull of error against
bytes counts (Sinha and Zoltners 1979, https://doi.org/10.1287/opre.27.3.503).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

K = TypeVar("K")


@dataclass(frozen=True)
class Option:
    """A layer stored as `kind`: the bytes of it, and the squared error of its part's answers in shares of their range."""

    kind: str
    bytes: int
    error: float


Layers = Mapping[K, Sequence[Option]]
Chosen = dict[K, Option]


def path(layers: Layers[K]) -> Iterator[Chosen[K]]:
    """From the best of all to the smallest of all, a saving at a time. Errors of layers add up, since they are small."""
    chosen: Chosen[K] = {name: _best(options) for name, options in layers.items()}
    yield dict(chosen)
    for name, option in _moves(layers, chosen):
        chosen[name] = option
        yield dict(chosen)


def to_fit(layers: Layers[K], *, most_bytes: int) -> Chosen[K]:
    """The best that takes no more than `most_bytes`, or the smallest of all; what is left over is given back."""
    chosen = next((found for found in path(layers) if total(found)[0] <= most_bytes), None)
    if chosen is None:
        return smallest(layers)
    spare = most_bytes - total(chosen)[0]
    for name in sorted(chosen, key=lambda one: -chosen[one].error):
        had = chosen[name]
        better = [one for one in layers[name] if one.error < had.error and one.bytes - had.bytes <= spare]
        if better:
            chosen[name] = min(better, key=lambda one: (one.error, one.bytes))
            spare -= chosen[name].bytes - had.bytes
    return chosen


def to_hold(layers: Layers[K], *, most_error: float) -> Chosen[K]:
    """The smallest whose errors add up to no more than `most_error`; the best of all where nothing does."""
    chosen: Chosen[K] = {name: _best(options) for name, options in layers.items()}
    spent, full = total(chosen)[1], set[K]()
    for name, option in _moves(layers, chosen):
        more = option.error - chosen[name].error
        if name in full or spent + more > most_error:
            full.add(name)  # what comes later for this layer costs more still
            continue
        chosen[name] = option
        spent += more
    return chosen


def smallest(layers: Layers[K]) -> Chosen[K]:
    """Of each layer what takes the fewest bytes."""
    return {name: min(options, key=lambda one: (one.bytes, one.error)) for name, options in layers.items()}


def total(chosen: Mapping[K, Option]) -> tuple[int, float]:
    """Bytes and error of all layers together."""
    return sum(one.bytes for one in chosen.values()), sum(one.error for one in chosen.values())


def _best(options: Sequence[Option]) -> Option:
    return min(options, key=lambda one: (one.error, one.bytes))


def _moves(layers: Layers[K], start: Mapping[K, Option]) -> list[tuple[K, Option]]:
    """Every worthwhile saving, cheapest error for a byte first. Within a layer they only get dearer, so their order holds."""
    found = [
        (price, number, name, option)
        for name, options in layers.items()
        for number, (price, option) in enumerate(_hull(options, start[name]))
    ]
    return [(name, option) for _, _, name, option in sorted(found, key=lambda one: one[:2])]


def _hull(options: Sequence[Option], at: Option) -> Iterator[tuple[float, Option]]:
    """The corners of the lower hull behind `at`, each with the error that it costs for every byte saved."""
    while True:
        price, saved, best = inf, 0, at
        for one in options:
            less = at.bytes - one.bytes
            if less > 0 and ((one.error - at.error) / less, -less) < (price, -saved):
                price, saved, best = (one.error - at.error) / less, less, one
        if best is at:
            return
        yield price, best
        at = best
