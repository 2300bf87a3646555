"""Things that travel: balloon, boat, car, rocket, kite."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import CREAM, DARK_INK, GLASS, Pen
from tools.convert.scenes.subjects.outline import body, dot, poly, shade, smooth

LAMP = (255, 236, 150)
STEEL = (206, 208, 216)
PORTHOLE = (96, 170, 226)
FIRE = ((1.0, (250, 140, 30)), (0.6, (255, 226, 110)))
_BALLOON = smooth((0, -1.04), (0.56, -0.84), (0.8, -0.28), (0.5, 0.34), (0, 0.68), (-0.5, 0.34), (-0.8, -0.28),
                  (-0.56, -0.84), steps=5)  # fmt: skip
_BALLOON_SHADE = smooth((0.2, 0.56), (0.7, -0.1), (0.48, -0.84), (0.5, -0.2))
_STRING = np.linspace(0.84, 1.72, 8)
_CAR = smooth((-1.12, 0.28), (-1.08, -0.14), (-0.74, -0.26), (-0.46, -0.74), (0.26, -0.76), (0.62, -0.26), (1.06, -0.12),
              (1.14, 0.28), (0.9, 0.42), (-0.9, 0.42))  # fmt: skip
_PANES = (
    poly((-0.58, -0.2), (-0.4, -0.6), (-0.1, -0.61), (-0.1, -0.2)),
    poly((0, -0.2), (0, -0.61), (0.22, -0.6), (0.48, -0.2)),
)
_SILL = poly((-1.1, 0.22), (1.12, 0.22), (1.0, 0.4), (-1.0, 0.4))
_GLEAM = poly((-0.98, -0.1), (0.92, -0.07), (0.92, 0.0), (-0.98, -0.03))
_HULL = smooth((0, -1.14), (0.32, -0.64), (0.42, -0.05), (0.28, 0.64), (-0.28, 0.64), (-0.42, -0.05), (-0.32, -0.64))
_NOSE = poly((-0.33, -0.62), (0.33, -0.62), (0.22, -0.86), (0, -1.14), (-0.22, -0.86))
_FINS = poly((0.3, 0), (0.8, 0.54), (0.78, 0.94), (0.26, 0.66), (-0.26, 0.66), (-0.78, 0.94), (-0.8, 0.54), (-0.3, 0))
_BOW = poly((-0.2, -0.13), (0.2, 0.13), (0.2, -0.13), (-0.2, 0.13))


def balloon(pen: Pen, phase: float) -> None:
    """A party balloon: the string waves, the light on it drifts."""
    wave = 0.14 * np.sin(phase + 3.4 * (_STRING - 0.84)) * (_STRING - 0.74)
    pen.line(np.stack([wave, _STRING], 1), DARK_INK, 0.045)
    body(pen, poly((-0.15, 0.88), (0.15, 0.88), (0, 0.6)), shade(pen, 0.3))
    body(pen, _BALLOON)
    pen.shape(_BALLOON_SHADE, shade(pen, 0.18))
    pen.oval(-0.32 + 0.03 * float(np.sin(phase)), -0.54, 0.15, 0.26, pen.tone(0.62), 0.5)


def boat(pen: Pen, phase: float) -> None:
    """A sailing boat: the sails fill and the pennant flies."""
    fill = 0.08 * float(np.sin(phase))
    pen.line(poly((0, 0.4), (0, -1.14)), DARK_INK, 0.08)
    body(pen, smooth((0.08, -1.0), (0.5 + fill, -0.46), (0.9 + fill, 0.2), (0.5, 0.24), (0.08, 0.24), (0.08, -0.4)))
    jib = smooth((-0.09, -0.78), (-0.09, -0.2), (-0.09, 0.24), (-0.4, 0.24), (-0.72 + fill, 0.2), (-0.4 + fill, -0.26))
    body(pen, jib, shade(pen, 0.2))
    pen.shape(poly((0, -1.2), (-0.36, -1.08 + fill), (0, -0.98)), CREAM)
    body(pen, poly((-1.14, 0.34), (1.18, 0.34), (0.82, 0.92), (-0.82, 0.92)))
    pen.shape(poly((-1.04, 0.5), (1.08, 0.5), (1.02, 0.6), (-0.98, 0.6)), CREAM)
    pen.shape(poly((-0.9, 0.76), (0.92, 0.76), (0.82, 0.92), (-0.82, 0.92)), shade(pen, 0.28))


def car(pen: Pen, phase: float) -> None:
    """Seen from the side: the wheels turn, the coachwork rocks on them."""
    rock = np.array([0, 0.03 * float(np.sin(phase))])
    body(pen, _CAR + rock)
    for pane in _PANES:
        pen.shape(pane + rock, GLASS)
    pen.shape(_SILL + rock, shade(pen, 0.26))
    pen.shape(_GLEAM + rock, pen.tone(0.36))
    pen.oval(1.0, 0.08 + rock[1], 0.09, 0.1, LAMP)
    spoke = 0.15 * np.array([np.cos(phase), np.sin(phase)])
    for u in (-0.6, 0.62):
        hub = np.array([u, 0.43])
        pen.oval(u, 0.43, 0.28, 0.28, DARK_INK)
        dot(pen, u, 0.43, 0.16, STEEL)
        pen.line(np.stack([hub - spoke, hub + spoke]), DARK_INK, 0.06)


def rocket(pen: Pen, phase: float) -> None:
    """Upright: the exhaust flame flickers."""
    flicker = float(np.sin(phase))
    high = 0.62 + 0.14 * flicker
    for share, colour in FIRE:
        pen.shape(smooth((-0.24 * share, 0.66), (0.24 * share, 0.66), (0.05 * flicker, 0.7 + high * share)), colour)
    body(pen, _FINS, shade(pen, 0.26))
    body(pen, _HULL)
    pen.shape(smooth((0.02, -1.04), (0.34, -0.4), (0.22, 0.6), (0.18, -0.3)), shade(pen, 0.16))
    pen.shape(_NOSE, shade(pen, 0.3))
    pen.oval(0, -0.2, 0.22, 0.22, CREAM)
    dot(pen, 0, -0.2, 0.15, PORTHOLE)
    pen.shape(poly((-0.07, 0.22), (0.07, 0.22), (0.06, 0.84), (-0.06, 0.84)), shade(pen, 0.4))


def kite(pen: Pen, phase: float) -> None:
    """A diamond on a string: the tail with its bows waves."""
    t = np.linspace(0, 1, 9)
    wave = phase + 5 * t
    tail = np.stack([-0.06 + 0.2 * np.sin(wave) * t, 0.76 + 0.82 * t], 1)
    pen.line(tail, DARK_INK, 0.05)
    for k in (3, 5, 8):
        pen.shape(_BOW * (1, 1 + 0.4 * float(np.cos(wave[k]))) + tail[k], shade(pen, 0.12))
    top, left, right, low, cross = (0, -1.14), (-0.84, -0.32), (0.84, -0.32), (0, 0.84), (0, -0.32)
    body(pen, poly(top, right, low, left))
    pen.shape(poly(top, right, cross), shade(pen, 0.2))
    pen.shape(poly(left, cross, low), pen.tone(0.22))
    pen.line(poly(left, right), DARK_INK, 0.05)
    pen.line(poly(top, low), DARK_INK, 0.05)
