"""The brush: how much of a shape covers each place, and a layer of paint that takes it.

Shapes are functions of places x, y (float32 arrays, in canvas heights) with values 0..1; edges are soft by about one
pixel at 240 lines, so that nothing is jagged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tools.convert.scenes.backgrounds.scenery import Image, Rgb, Scenery

SOFT = 0.005
Paint = Rgb | Image | Callable[[Image, Image], Image]  # one colour, one for each place, or a function of place


@dataclass(frozen=True)
class Layer:
    """Paint over a regular grid of places. `rgb` [h, w, 3] is premultiplied by `cover` [h, w]; both change in place."""

    x: Image
    y: Image
    rgb: Image
    cover: Image

    def blend(self, share: Image, paint: Paint) -> None:
        """Paint where `share` is 1, and mix the paint in where that is between 0 and 1."""
        colour = paint(self.x, self.y) if callable(paint) else paint
        self.rgb[...] += (np.asarray(colour, np.float32) - self.rgb) * share[..., None]
        self.cover[...] += (1 - self.cover) * share

    def glow(self, share: Image, colour: Rgb) -> None:
        """Add light."""
        self.rgb[...] += np.asarray(colour, np.float32) * share[..., None]

    def part(self, x0: float, y0: float, x1: float, y1: float) -> Layer:
        """A view of the places within a box: painting it paints this layer, at a fraction of the cost."""
        xs, ys = self.x[0], self.y[:, 0]
        across = slice(int(np.searchsorted(xs, x0 - SOFT)), int(np.searchsorted(xs, x1 + SOFT)))
        down = slice(int(np.searchsorted(ys, y0 - SOFT)), int(np.searchsorted(ys, y1 + SOFT)))
        return Layer(self.x[down, across], self.y[down, across], self.rgb[down, across], self.cover[down, across])

    def disc(self, cx: float, cy: float, r: float, paint: Paint, *, share: float = 1, soft: float = SOFT) -> None:
        """Paint a disc."""
        self.oval(cx, cy, r, r, paint, share=share, soft=soft)

    def oval(
        self, cx: float, cy: float, rx: float, ry: float, paint: Paint, *, share: float = 1, soft: float = SOFT
    ) -> None:
        """Paint an ellipse with half axes rx, ry."""
        part = self.part(cx - rx - soft, cy - ry - soft, cx + rx + soft, cy + ry + soft)
        part.blend(share * oval(part.x, part.y, cx, cy, rx, ry, soft), paint)

    def polygon(self, points: Sequence[tuple[float, float]], paint: Paint, *, share: float = 1) -> None:
        """Paint a convex polygon whose corners are given clockwise on the screen."""
        xs, ys = zip(*points, strict=True)
        part = self.part(min(xs), min(ys), max(xs), max(ys))
        part.blend(share * convex(part.x, part.y, points), paint)

    def box(self, x0: float, y0: float, x1: float, y1: float, paint: Paint, *, share: float = 1) -> None:
        """Paint an upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], paint, share=share)

    def stroke(
        self, x0: float, y0: float, x1: float, y1: float, paint: Paint, *, r0: float, r1: float | None = None
    ) -> None:
        """Paint a straight stroke with round ends, half as wide as r0 at its start and r1 at its end."""
        r1 = r0 if r1 is None else r1
        r = max(r0, r1)
        part = self.part(min(x0, x1) - r, min(y0, y1) - r, max(x0, x1) + r, max(y0, y1) + r)
        part.blend(stroke(part.x, part.y, (x0, y0), (x1, y1), r0, r1), paint)


def backdrop(x: Image, y: Image, *stops: tuple[float, Rgb]) -> Layer:
    """A fully painted layer: a vertical gradient through the given (y, colour) stops."""
    return Layer(x, y, gradient(y, *stops), np.ones_like(x))


def clear(x: Image, y: Image) -> Layer:
    """A layer with nothing on it yet."""
    return Layer(x, y, np.zeros((*x.shape, 3), np.float32), np.zeros_like(x))


def scenery(far: Layer, near: Layer, pulse: Image | None = None) -> Scenery:
    """Two painted layers as scenery; where near covers nothing it takes the colours of far, so that no rim shows."""
    cover = near.cover[..., None]
    colours = near.rgb / np.maximum(cover, 1e-3)
    blank = np.clip(1 - cover / 0.02, 0, 1)
    filled = colours + (far.rgb - colours) * blank
    light = np.zeros_like(far.rgb) if pulse is None else pulse.astype(np.float32)
    return Scenery(np.clip(far.rgb, 0, 255), np.clip(filled, 0, 255), near.cover, light)


def mix(low: Rgb | Image, high: Rgb | Image, share: Image | float) -> Image:
    """Colours between two, `share` [h, w] (or one number) of the way."""
    a, b = np.asarray(low, np.float32), np.asarray(high, np.float32)
    return np.asarray(a + (b - a) * np.asarray(share, np.float32)[..., None], np.float32)


def times(colour: Rgb, factor: float) -> Rgb:
    """A colour made brighter or darker."""
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def gradient(along: Image, *stops: tuple[float, Rgb]) -> Image:
    """Colours [h, w, 3] along a value, through (value, colour) stops."""
    at = [stop[0] for stop in stops]
    planes = [np.interp(along, at, [stop[1][c] for stop in stops]) for c in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def edge(distance: Image, soft: float = SOFT) -> Image:
    """1 where distance > 0, 0 where it is < 0, smooth across `soft`."""
    return np.clip(distance / soft + 0.5, 0, 1).astype(np.float32)


def ramp(value: Image, low: float, high: float) -> Image:
    """0 below `low`, 1 above `high` (or the other way round when low > high), smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def oval(x: Image, y: Image, cx: float, cy: float, rx: float, ry: float, soft: float = SOFT) -> Image:
    """Inside an ellipse."""
    return edge((1 - np.hypot((x - cx) / rx, (y - cy) / ry)) * min(rx, ry), soft)


def convex(x: Image, y: Image, points: Sequence[tuple[float, float]]) -> Image:
    """Inside a convex polygon whose corners go clockwise on the screen (y down)."""
    share = np.ones_like(x)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        length = float(np.hypot(bx - ax, by - ay)) or 1.0
        share = np.minimum(share, edge(((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length))
    return share


def stroke(x: Image, y: Image, start: tuple[float, float], end: tuple[float, float], r0: float, r1: float) -> Image:
    """Inside a straight stroke whose radius goes from r0 to r1."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    return edge(r0 + (r1 - r0) * t - np.hypot(x - start[0] - t * dx, y - start[1] - t * dy))
