"""Which channels matter least, and what the layer after them has to become: in closed form, from second moments.

Removing one channel after the other, each time the one whose loss can be made good best by the others, is the optimal
brain surgeon (Hassibi and Stork 1993) for whole channels; that the layer after them is fitted again is in He et al. 2017
(arXiv 1707.06168) and ThiNet (arXiv 1707.06342). How much an error there matters in the end is the Gauss-Newton matrix of
that layer's outputs, as in Theis et al. 2018 (arXiv 1801.05787).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAMPING = 1e-5  # of the mean power: channels may be copies of each other


def eliminate(weight: Floats, gram: Floats, root: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The n channels in the order in which they can go, and the squared error when the first 0 to n of them are gone.

    `weight` [d, n] takes the channels, `gram` [n + 1, n + 1] is their second moment with a one behind them, `root` [k, d]
    times its own transpose says how much an error of the d outputs matters.
    """
    inverse = np.linalg.inv(_damped(gram))
    seen = root @ weight
    order, errors = [], [0.0]
    left = np.ones(weight.shape[1], bool)
    for _ in range(weight.shape[1]):
        costs = np.where(left, np.sum(seen**2, axis=0) / np.diag(inverse)[:-1], np.inf)
        gone = int(np.argmin(costs))
        order.append(gone)
        errors.append(errors[-1] + float(costs[gone]))
        left[gone] = False
        share = inverse[gone] / inverse[gone, gone]
        seen = seen - np.outer(seen[:, gone], share[:-1])
        inverse = inverse - np.outer(inverse[:, gone], share)
        inverse[gone, gone] = 1.0  # not looked at again
    return np.array(order), np.array(errors)


def refit(weight: Floats, bias: Floats, gram: Floats, kept: Sequence[int]) -> tuple[Floats, Floats]:
    """The weight [d, k] and bias [d] that come nearest to the same outputs from the `kept` channels alone."""
    damped = _damped(gram)
    some = [*kept, len(gram) - 1]
    both = np.column_stack([weight, bias])
    made = np.linalg.solve(damped[np.ix_(some, some)], damped[some] @ both.T).T
    return made[:, :-1], made[:, -1]


def balance(reached: Floats, seen: Floats) -> Floats:
    """Directions [n, n] of a space that is only added to and read linearly, the most important first.

    `reached` [n, n] is the covariance of what is in it, `seen` [n, n] how much an error of what is read matters: balanced
    truncation (Moore 1981). Take the first r columns v: the kept numbers are v.T @ x.
    """
    one, two = _root(reached), _root(seen)
    left, strength, _ = np.linalg.svd(two.T @ one)
    return two @ left / np.sqrt(np.maximum(strength, 1e-12 * strength[0]))


def truncate(directions: Floats, count: int, *, seed: int = 0) -> Floats:
    """The first `count` directions [n, count], mixed so that they share power evenly: INT8 has one range for all of them."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(count, count)))[0]
    return directions[:, :count] @ turn


def restore(covariance: Floats, directions: Floats) -> Floats:
    """The matrix [n, r] that comes nearest to giving x back from directions.T @ x, where x has that covariance [n, n]."""
    inside = directions.T @ covariance @ directions
    return np.linalg.solve(_damped(inside), directions.T @ covariance).T


def _damped(gram: Floats) -> Floats:
    return gram + np.eye(len(gram)) * DAMPING * np.trace(gram) / len(gram)


def _root(matrix: Floats) -> Floats:
    """[n, n] whose product with its own transpose is the matrix, which is positive."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 1e-9 * values[-1]))


def root_of(matrix: Floats) -> Floats:
    """[n, n] whose transpose times itself is the matrix, which is positive."""
    return _root(matrix).T
