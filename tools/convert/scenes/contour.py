"""Contours: lines turned into polygons, so that rasterisers need only know how to fill, and the breadth of polygons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Indices = NDArray[np.integer]

MITRE = 0.35  # how pointed a bend may become on its outer side: the least 1 + cosine between its two edges
TINY = 1e-6
_CAP = np.linspace(0, np.pi, 7)[1:-1]
_CAP_SIDE, _CAP_AHEAD = np.cos(_CAP)[:, None], np.sin(_CAP)[:, None]


def bands(lines: Sequence[Points], thickness: Sequence[float]) -> list[Points]:
    """The polygon of each line [n, 2] of that thickness: round ends, or a ring where the line ends where it began."""
    if not lines:
        return []
    points, ends = np.concatenate(lines), np.cumsum([len(line) for line in lines])
    starts = np.concatenate([[0], ends[:-1]])
    rings = is_ring(points[starts], points[ends - 1], np.asarray(thickness))
    side = _sides(points, starts, ends, rings) * (0.5 * np.repeat(thickness, ends - starts))[:, None]
    left, right = points + side, points - side
    outlines = []
    for a, b, ring in zip(starts.tolist(), ends.tolist(), rings.tolist(), strict=True):
        back = right[a:b][::-1]
        if ring:
            outlines.append(np.concatenate([left[a:b], back]))
        else:
            outlines.append(
                np.concatenate([left[a:b], _cap(points[b - 1], side[b - 1]), back, _cap(points[a], -side[a])])
            )
    return outlines


def widened(points: Points, ends: Sequence[int], amount: float) -> Points:
    """The joined polygons with every edge moved outwards by `amount` pixels."""
    before, after, starts = _neighbours(ends)
    edge = points - points[before]
    edge /= np.maximum(np.hypot(edge[:, 0], edge[:, 1]), TINY)[:, None]
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    other = normal[after]
    mitre = (normal + other) / np.maximum(1 + np.einsum("ij,ij->i", normal, other), MITRE)[:, None]
    sense = np.sign(_twice_areas(points, after, starts)) * amount
    return np.asarray(points + mitre * np.repeat(sense, np.diff([0, *ends]))[:, None])


def is_ring(first: Points, last: Points, thickness: Points | float) -> NDArray[np.bool_]:
    """True for each line that ends where it began."""
    gap = last - first
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]) < 0.02 * thickness)


def breadth(points: Points, ends: Sequence[int]) -> Points:
    """About how broad each of the joined polygons is, in pixels: exact for long strips, the radius for a disc."""
    _, after, starts = _neighbours(ends)
    way = points[after] - points
    around = np.add.reduceat(np.hypot(way[:, 0], way[:, 1]), starts)
    return np.asarray(np.abs(_twice_areas(points, after, starts)) / np.maximum(around, TINY))


def _neighbours(ends: Sequence[int]) -> tuple[Indices, Indices, Indices]:
    """For every point of the joined polygons the one before and the one after it; and where each polygon starts."""
    last = np.asarray(ends)
    starts = np.concatenate([[0], last[:-1]])
    before, after = np.arange(-1, last[-1] - 1), np.arange(1, last[-1] + 1)
    before[starts], after[last - 1] = last - 1, starts
    return before, after, starts


def _twice_areas(points: Points, after: Indices, starts: Indices) -> Points:
    """Positive for polygons that go clockwise on the screen."""
    ahead = points[after]
    return np.asarray(np.add.reduceat(points[:, 0] * ahead[:, 1] - ahead[:, 0] * points[:, 1], starts))


def _sides(points: Points, starts: Points, ends: Points, rings: NDArray[np.bool_]) -> Points:
    """For every point of the joined lines: the way to their left side, 1 long on straight stretches."""
    edge = np.diff(points, axis=0)
    length = np.sqrt(np.einsum("ij,ij->i", edge, edge))
    edge /= np.maximum(length, TINY)[:, None]
    arriving, leaving = np.concatenate([edge[:1], edge]), np.concatenate([edge, edge[-1:]])
    arriving[starts] = np.where(rings[:, None], arriving[ends - 1], leaving[starts])
    leaving[ends - 1] = np.where(rings[:, None], leaving[starts], arriving[ends - 1])
    along = arriving + leaving  # where two points are one, only one of the two edges is more than zero
    along /= np.maximum(1 + np.einsum("ij,ij->i", arriving, leaving), MITRE)[:, None]
    return np.stack([along[:, 1], -along[:, 0]], axis=1)


def _cap(end: Points, side: Points) -> Points:
    """Half a circle around the end of a line, from its one side to the other."""
    return end + _CAP_SIDE * side + _CAP_AHEAD * np.array([-side[1], side[0]])
