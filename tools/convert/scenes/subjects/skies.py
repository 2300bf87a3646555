"""Things of the sky: star, moon, cloud, sun."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import Pen
from tools.convert.scenes.subjects.outline import TURN, arc, body, dot, poly, puffs, rim, shade, spikes, turned

_MOON = np.concatenate([arc(0, 0, 1.04, 1.04, 0.1456, 0.8544, 26), arc(0.52, 0, 0.832, 0.832, 0.772, 0.228, 20)[1:-1]])
_MOON_EDGE = arc(0.44, 0, 0.84, 0.84, 0.66, 0.34, 12)
_CRATERS = ((-0.7, -0.24, 0.13), (-0.6, 0.42, 0.16), (-0.18, 0.8, 0.08), (-0.82, 0.12, 0.07), (-0.3, -0.76, 0.1))
_RAY = poly((0.7, -0.2), (1.1, 0), (0.7, 0.2))


def star(pen: Pen, phase: float) -> None:
    """Five points, each with a lit and a shaded side; it twinkles."""
    twinkle = float(np.sin(phase))
    outline = spikes(5, 1.1, 0.5) * (1 + 0.05 * twinkle)
    body(pen, outline)
    for k in range(0, 10, 2):
        pen.shape(np.stack([outline[k], outline[k + 1], (0.0, 0.0)]), shade(pen, 0.18))
    pen.shape(outline * 0.34, pen.tone(0.3 + 0.16 * twinkle))


def moon(pen: Pen, phase: float) -> None:
    """A crescent with craters; its inner edge gleams."""
    body(pen, _MOON)
    pen.line(_MOON_EDGE, pen.tone(0.3 + 0.2 * float(np.sin(phase))), 0.08)
    for u, v, r in _CRATERS:
        dot(pen, u, v, r, shade(pen, 0.2))


def cloud(pen: Pen, phase: float) -> None:
    """A heap of puffs on a flat base; they breathe."""
    grow = 0.035 * float(np.sin(phase))
    heap = ((-0.66, 0.16, 0.46, 0.44), (-0.24, -0.36 - grow, 0.52 + grow, 0.52 + grow),
            (0.4, -0.16, 0.48, 0.46 - grow), (0.76, 0.24, 0.4 + grow, 0.38), (0.05, 0.34, 0.84, 0.32))  # fmt: skip
    puffs(pen, heap)
    pen.oval(-0.14, 0.5, 0.82, 0.14, shade(pen, 0.15))
    pen.oval(0.6, 0.48, 0.42, 0.13, shade(pen, 0.15))
    for u, v, ru, rv in ((-0.34, -0.54 - grow, 0.27, 0.21), (0.38, -0.34, 0.2, 0.14), (-0.76, 0.02, 0.2, 0.15)):
        pen.oval(u, v, ru, rv, pen.tone(0.34))


def sun(pen: Pen, phase: float) -> None:
    """A disc with long and short rays that turn by one pair of them in a cycle."""
    for k in range(12):
        ray = _RAY * ((1.14 if k % 2 else 1.0), 1)
        turn = phase / 6 + k * TURN / 12
        pen.shape(turned(ray, turn), rim(pen))
        pen.shape(turned(ray * 0.62 + (0.33, 0), turn), pen.base)
    puffs(pen, ((0, 0, 0.6, 0.6),))
    pen.oval(0, 0, 0.47, 0.47, pen.tone(0.16))
    pen.oval(-0.17, -0.2, 0.2, 0.14, pen.tone(0.5), -0.7)
