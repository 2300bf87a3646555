"""Outlines: point lists that subjects are made of, and the rim that keeps a subject off its background."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tools.convert.scenes.ink import Rgb
from tools.convert.scenes.pen import Pen, Points

RIM_WIDTH = 0.055
DARK_BELOW = 80.0  # a base of less luma gets lighter rims and lines
TURN = 2 * np.pi


def poly(*pairs: tuple[float, float]) -> Points:
    """Corners as [n, 2]."""
    return np.array(pairs, np.float64)


def smooth(*pairs: tuple[float, float], steps: int = 4) -> Points:
    """A closed curve through the given points (a Catmull-Rom spline), `steps` points for each: [n * steps, 2]."""
    return _spline(len(pairs), steps) @ np.array(pairs, np.float64)


@lru_cache(maxsize=64)
def _spline(count: int, steps: int) -> Points:
    """The weights [count * steps, count] of the control points in each point of a closed spline."""
    here = np.eye(count)
    before, after, second = np.roll(here, -1, 1), np.roll(here, 1, 1), np.roll(here, 2, 1)
    t = (np.arange(steps) / steps)[None, :, None]
    before, here, after, second = (weights[:, None] for weights in (before, here, after, second))
    square = before - 2.5 * here + 2 * after - 0.5 * second
    cube = 1.5 * (here - after) + 0.5 * (second - before)
    return (here + t * 0.5 * (after - before) + t**2 * square + t**3 * cube).reshape(count * steps, count)


def arc(u: float, v: float, ru: float, rv: float, start: float, end: float, count: int = 12) -> Points:
    """`count` points along an ellipse between two shares of a full turn (0 is right, 0.25 is down)."""
    t = np.linspace(TURN * start, TURN * end, count)
    return np.stack([u + ru * np.cos(t), v + rv * np.sin(t)], axis=1)


def drum(half: float, top: float, low: float, bulge: float) -> Points:
    """An upright cylinder seen a little from above: [24, 2]."""
    return np.concatenate([arc(0, top, half, bulge, 0.5, 1.0), arc(0, low, half, bulge, 0.0, 0.5)])


def spikes(count: int, outer: float, inner: float, turn: float = 0.0) -> Points:
    """A star of `count` points, the first one up: [2 * count, 2]."""
    t = np.arange(2 * count) * np.pi / count - np.pi / 2 + turn
    reach = np.where(np.arange(2 * count) % 2 == 0, outer, inner)
    return np.stack([reach * np.cos(t), reach * np.sin(t)], axis=1)


def ring(u: float, v: float, ru: float, rv: float, share: float) -> Points:
    """The band between an ellipse and a smaller one, `share` of its axes wide, as one outline: [48, 2]."""
    circle = arc(0, 0, ru, rv, 0, 1, 24)
    return np.concatenate([circle, circle[::-1] * (1 - share)]) + np.array([u, v])


def ribbon(u: Points, v: Points, half: Points | float) -> Points:
    """A band along a more or less upright line, `half` wide to either side: [2 * n, 2]."""
    left, right = np.stack([u - half, v], axis=1), np.stack([u + half, v], axis=1)
    return np.concatenate([left, right[::-1]])


def tube(line: Points, half: Points | float) -> Points:
    """A band along any smooth line [n, 2], `half` wide to either side: [2 * n, 2]."""
    along = np.gradient(line, axis=0)
    side = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(along[:, 0], along[:, 1])[:, None]
    return np.concatenate([line + side * half, (line - side * half)[::-1]])


def turned(points: Points, angle: float, u: float = 0.0, v: float = 0.0) -> Points:
    """Points turned by `angle` radians about (u, v)."""
    c, s = np.cos(angle), np.sin(angle)
    return (points - (u, v)) @ np.array([[c, s], [-s, c]]) + (u, v)


def is_dark(pen: Pen) -> bool:
    """True for a base colour on which only lighter tones show."""
    red, green, blue = pen.base
    return 0.3 * red + 0.59 * green + 0.11 * blue < DARK_BELOW


def rim(pen: Pen) -> Rgb:
    """The tone of outlines: darker than the base colour, or lighter where that is nearly black."""
    return pen.tone(0.4) if is_dark(pen) else pen.tone(-0.42)


def shade(pen: Pen, amount: float) -> Rgb:
    """A shaded tone; on a nearly black base, where darker tones do not show, a lighter one."""
    return pen.tone(0.8 * amount) if is_dark(pen) else pen.tone(-amount)


def body(pen: Pen, points: Points, colour: Rgb | None = None, width: float = RIM_WIDTH) -> None:
    """Fill an outline, in the base colour unless told otherwise, inside a thin rim."""
    pen.shape(points, pen.base if colour is None else colour)
    pen.line(np.concatenate([points, points[:1]]), rim(pen), width)


def dot(pen: Pen, u: float, v: float, r: float, colour: Rgb) -> None:
    """Fill a small circle of 14 corners."""
    pen.shape(arc(u, v, r, r, 0, 1, 15)[:-1], colour)


def puffs(pen: Pen, ovals: tuple[tuple[float, float, float, float], ...]) -> None:
    """Fill the union of ovals (u, v, ru, rv) in the base colour inside one common rim."""
    for u, v, ru, rv in ovals:
        pen.oval(u, v, ru + RIM_WIDTH, rv + RIM_WIDTH, rim(pen))
    for u, v, ru, rv in ovals:
        pen.oval(u, v, ru, rv, pen.base)


def flame(pen: Pen, u: float, v: float, size: float, lean: float) -> None:
    """A candle flame that stands on (u, v), `size` high, its tip leaning by `lean`."""
    for share, colour in ((1.0, (250, 146, 32)), (0.62, (255, 224, 110))):
        high, wide = size * share, 0.27 * size * share
        tip = (u + 0.22 * high * lean, v - high)
        pen.shape(smooth(tip, (u + wide, v - 0.36 * high), (u, v + 0.02), (u - wide, v - 0.36 * high)), colour)
