"""How many channels of each set stay: the error that their going makes against the work that it saves, set by set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.errors import RequestError
from tools.convert.prune.eliminate import balance, eliminate, restore, root_of
from tools.convert.prune.layers import STREAM, counts_of, hidden_of, multiplications, work
from tools.convert.prune.observe import LEAVE, Moments, readers_of
from tools.convert.tinyvideo.student import Student

BLOCK = "blocks."
Floats = NDArray[np.float64]
Orders = Mapping[str, NDArray[np.intp]]
Curves = Mapping[str, Floats]
WIDE, MANY, FEW = 64, 16, 8  # sets of 64 channels and more lose sixteen at a time: INT8 and AVX-512 like whole vectors


def next_count(count: int) -> int:
    """The next smaller number of channels that a processor likes."""
    step = MANY if count > WIDE else FEW
    return (count - 1) // step * step


def orders_of(student: Student, seen: Moments) -> tuple[Orders, Curves]:
    """For every hidden set the order in which its channels go, and for every set and the stream the error by how many went.

    Errors are squared errors of the result in one cell.
    """
    orders: dict[str, NDArray[np.intp]] = {}
    curves: dict[str, Floats] = {}
    for one in hidden_of(student):
        name = f"denoiser.{one.taker}"
        weight = weight_of(student, name)[0]
        order, errors = eliminate(weight, seen.gram[name], root_of(seen.matters[name]))
        orders[one.name], curves[one.name] = order, errors * one.samples
    curves[STREAM] = _stream_curve(student, seen)
    return orders, curves


def check_share(student: Student, share: float) -> None:
    """Raise RequestError where that share of the multiplications cannot go."""
    counts = counts_of(student)
    least = {name: 0 if name.startswith(BLOCK) else min(count, FEW) for name, count in counts.items()}
    most = 1 - multiplications(student, least) / multiplications(student, counts)
    if share > most:
        raise RequestError(
            f"--share {share:g}: at most {most:.0%} of this denoiser's multiplications can go. Nothing was written.",
            hint="Ask for less.",
        )


def choose(student: Student, counts: Mapping[str, int], curves: Curves, *, share: float) -> dict[str, int]:
    """How many channels stay when that share of the multiplications goes.

    Each time the set gives channels whose error is the least for the work that is saved. Only a block may lose all.
    """
    now = dict(counts)
    most = (1 - share) * multiplications(student, counts)
    while multiplications(student, now) > most:
        options = {name: _price(student, now, counts, curves, name) for name in now if _may(name, now[name])}
        cheapest = min(options, key=lambda name: options[name])
        now[cheapest] = next_count(now[cheapest])
    return now


def linear_order(student: Student, seen: Moments) -> tuple[NDArray[np.intp], Floats]:
    """As orders_of, for the conditioner's hidden channels."""
    return eliminate(weight_of(student, LEAVE)[0], seen.gram[LEAVE], root_of(seen.matters[LEAVE]))


def directions_of(student: Student, seen: Moments) -> Floats:
    """Directions of the stream, the most important first."""
    readers = [f"denoiser.{name}" for name in readers_of(student)]
    reached = sum(covariance_of(seen.gram[name]) for name in readers)
    return balance(reached / len(readers), sum(seen.matters[name] for name in readers))


def weight_of(student: Student, name: str) -> tuple[Floats, Floats]:
    """Weight [d, n] and bias [d] of a layer of one place: linear, or a convolution of 1 x 1."""
    layer = student.get_submodule(name)
    weight = layer.weight.detach().double().numpy()
    return weight.reshape(weight.shape[:2]), layer.bias.detach().double().numpy()


def covariance_of(gram: Floats) -> Floats:
    """Of the values whose second moment with a one behind them this is."""
    mean = gram[:-1, -1]
    return gram[:-1, :-1] - np.outer(mean, mean)


def _stream_curve(student: Student, seen: Moments) -> Floats:
    """The error of all layers that read the stream, by how many of its directions went."""
    directions = directions_of(student, seen)
    errors = np.zeros(len(directions) + 1)
    for name in (f"denoiser.{one}" for one in readers_of(student)):
        covariance = covariance_of(seen.gram[name])
        for count in range(1, len(directions)):
            kept = directions[:, :count]
            lost = np.eye(len(directions)) - restore(covariance, kept) @ kept.T
            errors[len(directions) - count] += np.sum(seen.matters[name] * (lost @ covariance @ lost.T))
        errors[-1] += np.sum(seen.matters[name] * covariance)
    return errors


def _may(name: str, count: int) -> bool:
    return count > 0 and (name.startswith(BLOCK) or next_count(count) > 0)


def _price(
    student: Student, now: Mapping[str, int], before: Mapping[str, int], curves: Curves, name: str
) -> float:  # fmt: skip
    """The error that the next step of a set makes, against the work that it saves."""
    then = next_count(now[name])
    more = curves[name][before[name] - then] - curves[name][before[name] - now[name]]
    return float(more / (work(student, now) - work(student, {**now, name: then})))
