"""Things of physics: atom, ripple."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import Pen
from tools.convert.scenes.subjects.outline import TURN, arc, body, dot, poly, puffs, rim, ring, shade, smooth, turned

_ORBIT = arc(0, 0, 1.08, 0.42, 0, 1, 31)
_GRAINS = ((-0.22, -0.12), (0.22, -0.14), (0.0, 0.22), (0.0, -0.02))


def atom(pen: Pen, phase: float) -> None:
    """A nucleus of round grains; three electrons run on tilted orbits."""
    for k in range(3):
        pen.line(turned(_ORBIT, k * np.pi / 3), shade(pen, 0.2), 0.085)
    puffs(pen, tuple((u, v, 0.27, 0.27) for u, v in _GRAINS[:3]))
    for k, (u, v) in enumerate(_GRAINS):
        dot(pen, u, v, 0.24, shade(pen, 0.16) if k % 2 else pen.base)
        dot(pen, u - 0.08, v - 0.08, 0.07, pen.tone(0.55))
    for k in range(3):
        a = phase + k * TURN / 3
        ((u, v),) = turned(poly((1.08 * np.cos(a), 0.42 * np.sin(a))), k * np.pi / 3)
        dot(pen, u, v, 0.2, rim(pen))
        dot(pen, u, v, 0.15, pen.base)


def ripple(pen: Pen, phase: float) -> None:
    """Rings that spread over a round of water from where a drop falls."""
    age = (phase / TURN) % 1
    body(pen, arc(0, 0.36, 1.2 + 0.03 * float(np.sin(phase)), 0.56, 0, 1, 37)[:-1])
    for k in (2, 1, 0):
        grown = (age + k) / 3
        r, fade = 0.14 + 1.0 * grown, min(1.0, 2.6 * (1 - grown))
        pen.shape(ring(0, 0.36, r, 0.46 * r, 0.3 - 0.14 * grown), pen.tone(0.36), fade)
        pen.shape(ring(0, 0.38, r * (0.8 + 0.1 * grown), 0.46 * r * (0.8 + 0.1 * grown), 0.16), shade(pen, 0.24), fade)
    fall = -0.85 + 1.1 * age**1.6
    body(pen, smooth((0, fall - 0.4), (0.23, fall + 0.06), (0, fall + 0.28), (-0.23, fall + 0.06), steps=5))
    dot(pen, -0.08, fall + 0.06, 0.07, pen.tone(0.62))
