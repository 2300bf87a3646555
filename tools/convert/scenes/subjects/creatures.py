"""Creatures: jellyfish, fish, bird, butterfly, cat."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import CREAM, DARK_INK, Pen
from tools.convert.scenes.subjects.outline import arc, body, dot, poly, puffs, ribbon, rim, shade, smooth, tube, turned

BEAK = (250, 166, 40)
CAT_EYE = (226, 232, 110)
ROSE = (236, 150, 156)
_DOWN = np.linspace(0, 1.34, 12)
_HEM = np.linspace(1, -1, 22)[1:-1]
_FISH = smooth((-0.62, 0), (-0.1, -0.45), (0.48, -0.46), (1.0, 0.02), (0.48, 0.47), (-0.1, 0.46), steps=5)
_FISH_BELLY = smooth((-0.5, 0.08), (0.1, 0.2), (0.84, 0.16), (0.46, 0.4), (-0.1, 0.4))
_FISH_BACK = poly((-0.34, -0.34), (-0.16, -0.82), (0.36, -0.68), (0.5, -0.34))
_BIRD = smooth((-0.68, 0.02), (0.1, -0.28), (0.42, -0.52), (0.76, -0.48), (0.92, -0.2), (0.7, 0.2), (0.1, 0.46),
               (-0.4, 0.32))  # fmt: skip
_BIRD_BELLY = smooth((-0.4, 0.22), (0.2, 0.14), (0.76, -0.02), (0.6, 0.24), (0.1, 0.42))
_BIRD_TAIL = poly((-0.5, -0.1), (-1.16, -0.3), (-1.06, -0.02), (-1.14, 0.22), (-0.46, 0.2))
_FEATHERS = smooth((0.32, -0.1), (-0.18, -0.26), (-0.88, -0.1), (-0.8, 0.08), (-0.28, 0.26), (0.26, 0.22))
_FAR_FEATHERS = _FEATHERS + np.array([0.22, -0.16])
_WING = smooth((0.0, 0.16), (0.06, -0.2), (0.3, -0.7), (0.82, -0.96), (1.12, -0.64), (0.88, 0.0), (0.3, 0.2))
_HIND_WING = smooth((0.0, 0.0), (0.62, 0.1), (0.76, 0.5), (0.44, 0.9), (0.08, 0.44))
_CAT = smooth((0, -0.2), (0.42, 0.05), (0.6, 0.7), (0.4, 1.02), (-0.4, 1.02), (-0.6, 0.7), (-0.42, 0.05))
_TAIL = np.linspace(0, 1, 12)
_TAIL_HALF = (0.13 * np.sqrt(np.clip(1.04 - _TAIL**8, 0, 1)))[:, None]
_EARS = poly((-0.62, -0.4), (-0.64, -1.18), (-0.12, -0.86), (0.12, -0.86), (0.64, -1.18), (0.62, -0.4))


def jellyfish(pen: Pen, phase: float) -> None:
    """A bell that pulses; frilled arms and thin tentacles wave below it."""
    pulse = 0.08 * float(np.sin(phase))
    width = 0.88 + pulse
    taper = 0.075 * (1.35 - _DOWN) + 0.012
    for k, u in enumerate((-0.68, -0.42, 0.42, 0.68)):
        wave = 0.13 * np.sin(phase + 4.2 * _DOWN + 1.3 * k) * (0.25 + _DOWN)
        pen.shape(ribbon(u * width * (1 - 0.15 * _DOWN) + wave, _DOWN + 0.05, 0.8 * taper), shade(pen, 0.16))
    for side in (-0.18, 0.18):
        wave = 0.1 * np.sin(phase + 3.6 * _DOWN + side) * (0.3 + _DOWN)
        frill = 0.025 * np.cos(9 * _DOWN)
        pen.shape(ribbon(side * (1 + 0.4 * _DOWN) + wave, 0.9 * _DOWN, 1.6 * taper + frill), pen.base)
    hem = np.stack([_HEM * width, 0.15 + 0.09 * np.abs(np.sin(2.5 * np.pi * (_HEM + 1)))], 1)
    body(pen, np.concatenate([arc(0, 0.14, width, 1.0 - pulse, 0.5, 1.0, 20), hem]))
    pen.shape(arc(0, 0.0, width * 0.7, 0.66 - pulse, 0.5, 1.0, 16), pen.tone(0.22))
    for u, at in ((-0.36, -0.18), (0.0, -0.28), (0.36, -0.18)):
        dot(pen, u, at, 0.11, pen.tone(0.58))


def fish(pen: Pen, phase: float) -> None:
    """Seen from the side: the tail wags, the fins follow."""
    wag = 0.2 * float(np.sin(phase))
    body(pen, smooth((-0.45, 0), (-1.12, -0.58 + wag), (-0.94, wag), (-1.12, 0.58 + wag)), shade(pen, 0.16))
    pen.shape(_FISH_BACK, shade(pen, 0.3))
    pen.shape(poly((-0.1, 0.4), (-0.24 - 0.3 * wag, 0.78), (0.28, 0.42)), shade(pen, 0.3))
    body(pen, _FISH)
    pen.shape(_FISH_BELLY, pen.tone(0.26))
    pen.line(arc(-0.42, 0, 0.14, 0.24, -0.2, 0.2, 6), shade(pen, 0.24), 0.06)
    pen.line(arc(0.24, 0, 0.16, 0.36, -0.2, 0.2, 8), shade(pen, 0.32), 0.06)
    pen.shape(smooth((0.22, 0.0), (-0.12, -0.02 - 0.5 * wag), (-0.22, 0.2 - wag), (0.12, 0.24)), shade(pen, 0.26))
    dot(pen, 0.66, -0.12, 0.15, CREAM)
    dot(pen, 0.7, -0.12, 0.085, DARK_INK)


def bird(pen: Pen, phase: float) -> None:
    """Seen from the side: the near wing beats with the far one behind it."""
    beat = 0.3 + 1.05 * float(np.sin(phase))
    pen.shape(turned(_FAR_FEATHERS, 1.1 * beat + 0.15, 0.38, -0.14), shade(pen, 0.36))
    body(pen, _BIRD_TAIL, shade(pen, 0.2))
    pen.shape(poly((0.82, -0.36), (1.24, -0.2), (0.82, -0.08)), BEAK)
    body(pen, _BIRD)
    pen.shape(_BIRD_BELLY, pen.tone(0.34))
    body(pen, turned(_FEATHERS, beat, 0.16, 0.02), shade(pen, 0.16))
    dot(pen, 0.66, -0.28, 0.1, CREAM)
    dot(pen, 0.68, -0.28, 0.06, DARK_INK)


def butterfly(pen: Pen, phase: float) -> None:
    """Seen from above: both pairs of wings close and open."""
    open_ = 0.44 + 0.56 * abs(float(np.cos(phase / 2)))
    right, left = np.array([open_, 1.0]), np.array([-open_, 1.0])
    body(pen, np.concatenate([_HIND_WING * right, (_HIND_WING * left)[::-1]]), shade(pen, 0.18))
    body(pen, np.concatenate([_WING * right, (_WING * left)[::-1]]))
    for side in (-open_, open_):
        pen.oval(side * 0.76, -0.52, 0.2 * open_, 0.2, pen.tone(0.55))
        pen.oval(side * 0.46, 0.5, 0.13 * open_, 0.15, pen.tone(0.45))
    pen.line(poly((-0.5 * open_, -1.06), (-0.06, -0.5), (0.06, -0.5), (0.5 * open_, -1.06)), DARK_INK, 0.055)
    pen.oval(0, 0.02, 0.1, 0.64, DARK_INK)


def cat(pen: Pen, phase: float) -> None:
    """Sitting, seen from the front: the tail wags, the eyes blink once in a cycle."""
    wag = 0.18 * float(np.sin(phase))
    tail = np.stack([0.42 + 0.61 * np.sin(2.2 * _TAIL) + 0.8 * wag * _TAIL, 0.9 - 0.2 * _TAIL - 0.86 * _TAIL**2], 1)
    body(pen, tube(tail, _TAIL_HALF), shade(pen, 0.08))
    body(pen, _CAT)
    pen.oval(0, 0.58, 0.25, 0.36, pen.tone(0.28))
    pen.line(poly((0, 0.62), (0, 1.02)), rim(pen), 0.05)
    body(pen, _EARS)
    for side in (-1.0, 1.0):
        pen.shape(poly((0.53 * side, -0.6), (0.54 * side, -0.98), (0.24 * side, -0.8)), ROSE)
    puffs(pen, ((0, -0.4, 0.66, 0.52),))
    wide = 0.03 if np.cos(phase) > 0.93 else 0.16
    for side in (-1.0, 1.0):
        pen.oval(0.28 * side, -0.46, 0.15, wide, CAT_EYE)
        pen.oval(0.28 * side, -0.46, 0.06, 0.85 * wide, DARK_INK)
        pen.shape(poly((0.22 * side, -0.2), (0.86 * side, -0.3), (0.86 * side, -0.26)), rim(pen))
        pen.shape(poly((0.22 * side, -0.18), (0.84 * side, -0.12), (0.84 * side, -0.16)), rim(pen))
    pen.shape(poly((-0.09, -0.26), (0.09, -0.26), (0, -0.15)), ROSE)
