"""Plants: flower, tree, leaf."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.pen import Pen
from tools.convert.scenes.subjects.outline import TURN, body, dot, poly, puffs, rim, shade, smooth, turned

STEM = (64, 136, 62)
BARK = (104, 74, 54)
HONEY = ((252, 206, 66), (255, 228, 120))
UMBER = ((150, 88, 40), (176, 110, 54))
_LEAF = smooth((0, -1.2), (0.34, -0.74), (0.58, -0.1), (0.42, 0.44), (0, 0.72), (-0.42, 0.44), (-0.58, -0.1), (-0.34, -0.74),
               steps=5)  # fmt: skip


def flower(pen: Pen, phase: float) -> None:
    """Six petals about an eye, on a stem with one leaf: it sways."""
    sway = 0.14 * float(np.sin(phase))
    v = np.linspace(0.3, 1.5, 6)
    pen.line(np.stack([sway * (0.4 - v), v], 1), STEM, 0.12)
    pen.oval(0.3 - 0.6 * sway, 1.1, 0.3, 0.12, STEM, -0.5)
    for k in (0, 2, 4, 1, 3, 5):
        a = k * TURN / 6 + 0.5 * sway
        u, w = 0.58 * np.cos(a), 0.58 * np.sin(a) - 0.12
        pen.oval(u, w, 0.46, 0.36, rim(pen), a)
        pen.oval(u, w, 0.42, 0.32, pen.base if k % 2 else shade(pen, 0.13), a)
    red, green, blue = pen.base
    outer, inner = UMBER if red > 200 and green > 110 and blue < 100 else HONEY  # an orange flower has a brown eye
    pen.oval(0, -0.12, 0.26, 0.26, outer)
    dot(pen, -0.04, -0.16, 0.15, inner)


def tree(pen: Pen, phase: float) -> None:
    """A round crown on a trunk: the crown sways over its foot."""
    sway = 0.07 * float(np.sin(phase))
    trunk = poly((-0.12 + sway, 0.1), (0.12 + sway, 0.1), (0.13, 0.95), (0.3, 1.16), (-0.3, 1.16), (-0.13, 0.95))
    pen.shape(trunk, BARK)
    pen.shape(poly((0, 0.7), (0.1, 0.56), (0.34 + sway, 0.22), (0.24 + sway, 0.22), (0, 0.52)), BARK)
    puffs(pen, ((-0.52 + sway, 0.02, 0.46, 0.42), (0.52 + sway, 0.02, 0.46, 0.42), (0.02 + 1.3 * sway, -0.16, 0.6, 0.56),
                (-0.3 + 1.6 * sway, -0.56, 0.44, 0.42), (0.3 + 1.6 * sway, -0.58, 0.44, 0.42)))  # fmt: skip
    pen.oval(0.38 + sway, 0.16, 0.42, 0.2, shade(pen, 0.18))
    pen.oval(-0.36 + sway, 0.24, 0.34, 0.15, shade(pen, 0.18))
    for u, v in ((-0.36, -0.68), (0.24, -0.76), (-0.62, -0.08), (0.04, -0.26)):
        pen.oval(u + 1.3 * sway, v, 0.18, 0.12, pen.tone(0.24), -0.4)


def leaf(pen: Pen, phase: float) -> None:
    """One pointed leaf with its veins, leaning to the right: it rocks."""
    rock = 0.62 + 0.2 * float(np.sin(phase))
    curl = np.array([1 - 0.14 * float(np.cos(phase)), 1.0])
    pen.line(turned(poly((0, 0.6), (-0.05, 0.92), (-0.18, 1.16)), rock), rim(pen), 0.1)
    body(pen, turned(_LEAF * curl, rock))
    pen.shape(turned(_LEAF[:21] * curl, rock), shade(pen, 0.14))
    pen.line(turned(poly((0, -1.02), (0, 0.64)), rock), pen.tone(0.42), 0.07)
    for v in (-0.5, -0.12, 0.26):
        vein = poly((-0.36, v - 0.12), (0, v + 0.16), (0.36, v - 0.12)) * curl
        pen.line(turned(vein, rock), pen.tone(0.32), 0.045)
