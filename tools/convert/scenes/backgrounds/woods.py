"""A background among trees: forest."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, backdrop, clear, edge, mix, ramp, scenery, times
from tools.convert.scenes.backgrounds.scenery import Image, Rgb, Scenery
from tools.convert.scenes.backgrounds.shapes import ground, hills, level, noise, places

# x, lean, half width
TRUNKS = ((-0.42, 0.03, 0.06), (0.02, -0.02, 0.05), (0.5, 0.02, 0.034), (1.36, -0.03, 0.04), (1.84, 0.02, 0.056),
          (2.26, 0.0, 0.05))  # fmt: skip


def forest(x: Image, y: Image, lift: float) -> Scenery:
    """Between tall trunks: misty green light, slanting shafts, ferns and toadstools on the ground."""
    far = backdrop(x, y, (0, (58, 112, 80)), (0.35, (140, 186, 122)), (0.65, (188, 214, 146)), (1, (96, 144, 92)))
    far.blend(0.5 * ramp(noise(x * 7, y * 7, 71), 0.45, 0.75) * ramp(y, 0.5, 0.0), (44, 96, 66))
    floor = 0.78 - 0.06 * lift
    for count, seed, wide, colour, foot in (
        (26, 72, 0.011, (120, 164, 118), floor - 0.02), (15, 73, 0.02, (82, 122, 88), floor + 0.02),
    ):  # fmt: skip
        for cx, lean, size in places(count, seed):
            _trunk(far, cx, foot, wide * (0.7 + 0.6 * size), 0.05 * (lean - 0.5), colour)
        ground(far, hills(x, foot - 0.01, 0.02, 0.01 * seed), times(colour, 1.05), times(colour, 0.8))
    shafts = _shafts(x, y)
    far.glow(shafts, (66, 62, 26))
    near = clear(x, y)
    for cx, lean, wide in TRUNKS:
        _trunk(near, cx, floor + 0.14, wide, lean, (84, 66, 50))
    line = hills(x, floor + 0.1, 0.025, 0.2)
    ground(near, line, (84, 128, 62), (34, 70, 42))
    for cx, size, turn in places(22, 74):
        _fern(near, cx, level(near, line, cx) + 0.05, 0.07 + 0.06 * size, turn)
    for cx in (0.16, 0.9, 1.2, 2.0):
        _toadstool(near, cx, level(near, line, cx) + 0.07)
    return scenery(far, near, shafts[..., None] * np.array([30, 30, 14], np.float32))


def _shafts(x: Image, y: Image) -> Image:
    lean = x - 0.55 * y
    bars = np.sin(9 * lean) + 0.6 * np.sin(17 * lean + 1) + 0.4 * np.sin(31 * lean)
    return ramp(bars, 0.3, 1.7) * ramp(y, 0.95, 0.2)


def _trunk(layer: Layer, cx: float, foot: float, wide: float, lean: float, colour: Rgb) -> None:
    """A trunk from above the picture down to `foot`, wider at its root, lit from the left."""
    part = layer.part(cx - 3 * wide - abs(lean), -0.1, cx + 3 * wide + abs(lean), foot)
    across = part.x - cx - lean * (foot - part.y)
    half = wide * (1 + 0.9 * np.exp(-(foot - part.y) / 0.05) + 0.1 * np.sin(23 * part.y + 40 * cx))
    bark = 0.1 * np.sin(across / wide * 9 + 2 * np.sin(16 * part.y + cx))
    shade = np.clip(0.5 + 0.55 * across / wide + bark, 0, 1)
    part.blend(edge(half - np.abs(across)), mix(times(colour, 1.25), times(colour, 0.62), shade))


def _fern(layer: Layer, cx: float, foot: float, size: float, turn: float) -> None:
    for k in range(7):
        angle = (k - 3) * 0.42 + 0.3 * (turn - 0.5)
        tip_x, tip_y = cx + size * float(np.sin(angle)), foot - size * (0.35 + 0.65 * float(np.cos(angle)))
        green = ((66, 128, 58), (96, 158, 70), (50, 106, 56))[k % 3]
        bend_x, bend_y = 0.5 * (cx + tip_x), 0.5 * (foot + tip_y) - 0.2 * size
        layer.stroke(cx, foot, bend_x, bend_y, green, r0=0.05 * size, r1=0.1 * size)
        layer.stroke(bend_x, bend_y, tip_x, tip_y, green, r0=0.1 * size, r1=0.01)


def _toadstool(layer: Layer, cx: float, foot: float) -> None:
    layer.box(cx - 0.008, foot - 0.04, cx + 0.008, foot, (236, 226, 206))
    part = layer.part(cx - 0.04, foot - 0.08, cx + 0.04, foot - 0.035)
    part.oval(cx, foot - 0.035, 0.034, 0.032, (190, 74, 62))
    for dx, dy in ((-0.014, 0.046), (0.01, 0.054), (0.018, 0.042)):
        part.disc(cx + dx, foot - dy, 0.0045, (246, 238, 226))
