"""A path that was asked for: one smooth curve through its points, walked evenly with a soft start and a soft end.

The curve is a Catmull-Rom spline with centripetal knots, which makes no loops between points at uneven distances
(Yuksel, Schaefer and Keyser 2011, "Parameterization and applications of Catmull-Rom curves").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.video.motions import ASPECT

Doubles = NDArray[np.float64]

EASE = 0.2  # share of the time in which the pace grows at the start and falls at the end
FINE = 200  # straight pieces for each leg of the curve
ROUNDING = 0.06  # heights to either side
SAME_PLACE = 1e-4  # heights: points nearer than this are one


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How far a group reaches from its middle to either side, up and down, in radii of one member."""

    side: float
    above: float
    below: float

    @property
    def largest(self) -> float:
        """The largest radius with which the group fits into the frame, in canvas heights."""
        return min(1 / (self.above + self.below), ASPECT / 2 / self.side)

    def inside(self, places: Doubles) -> Doubles:
        """Move places [n, 3] (x, y, radius in canvas heights) so that the group is whole in the frame there."""
        x, y, radius = places.T
        radius = np.minimum(radius, self.largest)
        x = np.clip(x, self.side * radius, ASPECT - self.side * radius)
        y = np.clip(y, self.above * radius, 1 - self.below * radius)
        return np.stack([x, y, radius], axis=1)


def walk(points: Sequence[Sequence[float]], share: Doubles, *, radius: Doubles, extent: Extent) -> Doubles:
    """Where the middle of the group is, and the radius of its members: [frames, 3] in canvas heights.

    `points` are (x, y) or (x, y, size) in shares of the frame; `share` [frames] is the progress along the whole path,
    0 to 1. Without any size the members have `radius` [frames]; between points with a size it changes smoothly.
    """
    places = extent.inside(_places(points, float(radius.max())))
    far = np.linalg.norm(np.diff(places, axis=0), axis=1) > SAME_PLACE
    places = places[np.concatenate([[True], far])]
    curve = _curve(places, extent) if len(places) > 1 else places
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = ease(share) * way[-1]
    # The mean of a short piece of the curve rounds the corners that no curve inside the frame can do without.
    piece = np.minimum(np.minimum(at, way[-1] - at), ROUNDING)[:, None] * np.linspace(-1, 1, 9)
    x, y, size = (np.interp(at[:, None] + piece, way, column).mean(axis=1) for column in curve.T)
    sized = any(len(point) > 2 for point in points)
    return extent.inside(np.stack([x, y, size if sized else radius], axis=1))


def ease(share: Doubles) -> Doubles:
    """Progress 0 to 1 whose pace rises from nothing, holds, and falls to nothing; it never turns back."""
    share = np.clip(share, 0, 1)
    ahead = np.minimum(share, 1 - share)  # the end is the start in a mirror
    half = np.where(ahead < EASE, ahead**2 / (2 * EASE), ahead - EASE / 2) / (1 - EASE)
    return np.where(share < 0.5, half, 1 - half)


def _places(points: Sequence[Sequence[float]], radius: float) -> Doubles:
    """Shares of the frame -> canvas heights [n, 3]; a size that is not given lies between its neighbours'."""
    xy = np.array([[point[0] * ASPECT, point[1]] for point in points])
    sized = [index for index, point in enumerate(points) if len(point) > 2]
    if not sized:
        return np.column_stack([xy, np.full(len(xy), radius)])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(xy, axis=0), axis=1) + SAME_PLACE)])
    radii = np.interp(way, way[sized], [points[index][2] / 2 for index in sized])
    return np.column_stack([xy, radii])


def _curve(places: Doubles, extent: Extent) -> Doubles:
    """Fine points [m, 3] of the spline through `places` [n, 3]."""
    steps = np.sqrt(np.linalg.norm(np.diff(places, axis=0), axis=1))[:, None]
    slopes = _slopes(places, steps)
    before = _kept(places, -slopes[1:] * steps / 3, extent, at=1)
    after = _kept(places, slopes[:-1] * steps / 3, extent, at=0)
    # One slope for both sides of a point, short enough for both, so that the curve has no corner there.
    slopes[1:] = _shorter(slopes[1:], -3 * before / steps)
    slopes[:-1] = _shorter(slopes[:-1], 3 * after / steps)
    t = np.linspace(0, 1, FINE, endpoint=False)[:, None]
    legs = [
        (1 + 2 * t) * (1 - t) ** 2 * places[i] + t * (1 - t) ** 2 * slopes[i] * steps[i]
        + t**2 * (3 - 2 * t) * places[i + 1] + t**2 * (t - 1) * slopes[i + 1] * steps[i]
        for i in range(len(places) - 1)
    ]  # fmt: skip
    return np.concatenate([*legs, places[-1:]])


def _slopes(places: Doubles, steps: Doubles) -> Doubles:
    """The slope of the curve at every point [n, 3]: of the parabola through it and its neighbours."""
    straight = np.diff(places, axis=0) / steps
    if len(places) == 2:
        return np.repeat(straight, 2, axis=0)
    inner = (straight[:-1] * steps[1:] + straight[1:] * steps[:-1]) / (steps[:-1] + steps[1:])
    first, last = 1.5 * straight[0] - inner[0] / 2, 1.5 * straight[-1] - inner[-1] / 2
    return np.concatenate([[first], inner, [last]])


def _kept(places: Doubles, reach: Doubles, extent: Extent, *, at: int) -> Doubles:
    """How much of each leg's first (`at` 0) or last (1) control point is inside the frame: its reach, shortened."""
    ends = places[at : at + len(reach)]
    lows, highs = np.sort(np.stack([places[:-1, 2], places[1:, 2]]), axis=0)
    wanted = ends + reach
    wanted[:, 2] = np.clip(wanted[:, 2], lows, highs)
    size = ends[:, 2:]
    wanted[:, :2] = extent.inside(np.concatenate([wanted[:, :2], size], axis=1))[:, :2]
    return wanted - ends


def _shorter(one: Doubles, two: Doubles) -> Doubles:
    return np.where(np.abs(one) < np.abs(two), one, two)
