"""Things of a feast: heart, cake, candle, lantern, fireworks."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import CREAM, DARK_INK, Pen
from tools.convert.scenes.subjects.outline import TURN, arc, body, dot, drum, flame, poly, ribbon, shade, turned

GOLD = (226, 178, 76)
GLOW = (255, 196, 96)
PLATE = (218, 220, 230)
_T = np.linspace(0, TURN, 41)[:-1]
_HEART = np.stack([
    1.06 * np.sin(_T) ** 3,
    -(13 * np.cos(_T) - 5 * np.cos(2 * _T) - 2 * np.cos(3 * _T) - np.cos(4 * _T)) / 16 - 0.1,
], axis=1)  # fmt: skip
_HEART_SHADE = np.concatenate([_HEART[4:19], _HEART[18:3:-1] * 0.8 + (0.02, -0.02)])
_WAX = poly((-0.46, -0.3), (-0.16, -0.22), (-0.14, 0.14), (-0.22, 0.22), (-0.28, -0.02), (-0.36, 0.34), (-0.46, 0.3))
_SIDE = np.linspace(1, -1, 29)
_HEIGHTS = np.linspace(-0.72, 0.72, 13)
_WIDTHS = 0.8 * np.sqrt(1 - 0.68 * (_HEIGHTS / 0.72) ** 2) * (1 - 0.06 * (np.arange(13) % 2 == 0))
_PAPER = ribbon(np.zeros(13), _HEIGHTS, _WIDTHS)
_PLEATS = tuple(arc(0, v, half, 0.07, 0.5, 0.0, 7) for v, half in zip(_HEIGHTS[2:-1:2], _WIDTHS[2:-1:2], strict=True))
_SPARK = np.array([(0, 0), (0.72, -1), (1, 0), (0.72, 1)])


def heart(pen: Pen, phase: float) -> None:
    """It beats."""
    beat = 1 + 0.08 * float(np.sin(phase))
    body(pen, _HEART * beat)
    pen.shape(_HEART_SHADE * beat, shade(pen, 0.18))
    pen.oval(-0.48 * beat, -0.46 * beat, 0.15, 0.25, pen.tone(0.62), 0.6)


def cake(pen: Pen, phase: float) -> None:
    """Two tiers with icing and three lit candles."""
    for k, u in enumerate((-0.38, 0.0, 0.38)):
        pen.shape(poly((u - 0.055, -0.7), (u + 0.055, -0.7), (u + 0.055, -0.3), (u - 0.055, -0.3)), CREAM)
        flicker = float(np.sin(phase + 2.1 * k))
        flame(pen, u, -0.7, 0.38 + 0.05 * flicker, flicker)
    pen.oval(0, 0.93, 1.17, 0.16, DARK_INK)
    pen.oval(0, 0.91, 1.14, 0.14, PLATE)
    for half, top, low in ((0.66, -0.36, 0.24), (1.0, 0.16, 0.9)):
        body(pen, drum(half, top, low, 0.09))
        drip = np.stack([half * _SIDE, top + 0.09 + 0.055 * np.cos(4 * np.pi * _SIDE) + 0.07 * (1 - _SIDE**2)], 1)
        pen.shape(np.concatenate([arc(0, top, half, 0.09, 0.5, 1.0), drip]), CREAM)
        hem = np.concatenate([arc(0, low - 0.14, half, 0.08, 0.5, 0.0), arc(0, low, half, 0.09, 0.0, 0.5)])
        pen.shape(hem, shade(pen, 0.2))


def candle(pen: Pen, phase: float) -> None:
    """One thick candle on a saucer: the flame flickers in its glow."""
    flicker = float(np.sin(phase) + 0.4 * np.sin(2 * phase))
    pen.oval(0, 0.98, 0.82, 0.19, DARK_INK)
    pen.oval(0, 0.95, 0.78, 0.16, GOLD)
    body(pen, drum(0.46, -0.3, 0.9, 0.1))
    pen.shape(poly((0.2, -0.24), (0.46, -0.3), (0.46, 0.9), (0.2, 0.98)), shade(pen, 0.18))
    pen.oval(0, -0.3, 0.46, 0.1, pen.tone(0.2))
    pen.shape(_WAX, pen.tone(0.34))
    pen.line(poly((0, -0.28), (0.02 * flicker, -0.46)), DARK_INK, 0.06)
    pen.light(0, -0.76, 0.8, GLOW, 0.34 + 0.05 * flicker)
    flame(pen, 0, -0.4, 0.78 + 0.05 * flicker, flicker)


def lantern(pen: Pen, phase: float) -> None:
    """A pleated paper lantern on a cord: it swings, and shines from within."""
    swing, shine = 0.16 * float(np.sin(phase)), 0.5 + 0.5 * float(np.sin(2 * phase))
    lag = 0.1 * float(np.cos(phase))
    hook = (0.0, -1.25)
    pen.line(turned(poly(hook, (0, -0.8)), swing, *hook), DARK_INK, 0.05)
    for u in (-0.1, 0.1):
        tassel = ribbon(np.array([u, u + 0.5 * lag, 1.4 * u + lag]), np.array([0.8, 1.04, 1.3]), 0.07)
        pen.shape(turned(tassel, swing, *hook), GOLD)
    body(pen, turned(_PAPER, swing, *hook))
    pen.shape(turned(arc(0, 0, 0.46, 0.62, 0, 1, 25)[:-1], swing, *hook), pen.tone(0.1 + 0.1 * shine))
    pen.shape(turned(arc(0, 0, 0.26, 0.44, 0, 1, 21)[:-1], swing, *hook), pen.tone(0.28 + 0.2 * shine))
    for pleat in _PLEATS:
        pen.line(turned(pleat, swing, *hook), shade(pen, 0.28), 0.045)
    for v in (-0.78, 0.78):
        pen.shape(
            turned(poly((-0.4, v - 0.1), (0.4, v - 0.1), (0.4, v + 0.1), (-0.4, v + 0.1)), swing, *hook), DARK_INK
        )
        pen.shape(
            turned(poly((-0.4, v - 0.04), (0.4, v - 0.04), (0.4, v + 0.04), (-0.4, v + 0.04)), swing, *hook), GOLD
        )


def fireworks(pen: Pen, phase: float) -> None:
    """A burst: streaks shoot out with a spark before each, droop and burn away, then the next one."""
    age = (phase / TURN) % 1
    reach, left = 0.62 + 0.44 * (1 - (1 - age) ** 2), 1 - 0.45 * age**2
    droop = (0, 0.1 * age**2)
    for count, share, tone in ((7, 0.6, shade(pen, 0.22)), (11, 1.0, pen.base)):
        for k in range(count):
            far, turn = reach * share, k * TURN / count - TURN / 4
            tail = far * (0.78 - 0.3 * age)
            streak = _SPARK * (tail, 0.115 * left) + (far - tail, 0)
            pen.shape(turned(streak, turn) + droop, tone)
            if share == 1:
                u, v = 1.14 * far * np.cos(turn), 1.14 * far * np.sin(turn)
                dot(pen, u, v + droop[1], 0.075 * left, tone)
    if age < 0.6:
        dot(pen, 0, 0, 0.26 * (1 - age / 0.6) + 0.02, pen.tone(0.6))
