"""Backgrounds of water: deep sea, beach."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, backdrop, clear, edge, gradient, mix, ramp, scenery
from tools.convert.scenes.backgrounds.scenery import Image, Rgb, Scenery
from tools.convert.scenes.backgrounds.shapes import cumulus, ground, hills, level, noise, places


def deep_sea(x: Image, y: Image, lift: float) -> Scenery:
    """Under water: slanting light, rocks in the blue distance, weed and coral on the sand."""
    far = backdrop(x, y, (0, (58, 176, 206)), (0.3, (22, 116, 176)), (0.7, (10, 62, 126)), (1, (6, 34, 88)))
    lean = x - 0.42 * (1 - y) + 0.02 * np.sin(9 * y)
    bars = np.sin(11 * lean) + 0.6 * np.sin(19 * lean + 1) + 0.4 * np.sin(33 * lean)
    rays = ramp(bars, 0.2, 1.7) * ramp(y, 0.9, -0.1)
    far.glow(rays, (34, 62, 56))
    up = 0.06 * lift
    for base, height, phase, top, low in (
        (0.72, 0.1, 0.1, (20, 92, 150), (16, 74, 132)), (0.8, 0.09, 0.55, (16, 72, 124), (12, 58, 108)),
    ):  # fmt: skip
        line = hills(x, base - up, height, phase) + 0.05 * (noise(8 * x, 0 * y, 101) - 0.5)
        ground(far, line, top, low)
    for cx, tall, turn in places(16, 102):
        _weed(far, cx, 0.84 - up, 0.1 + 0.12 * tall, turn, (18, 96, 116))
    near = clear(x, y)
    line = hills(x, 0.92 - 0.3 * up, 0.03, 0.7)
    _garden(near, line)
    ground(near, line, (214, 192, 142), (122, 112, 108))
    waves = ramp(np.sin(120 * (y - line) + 4 * np.sin(6 * x)), 0.2, 1)
    near.blend(0.25 * waves * edge(y - line - 0.01), (176, 156, 120))
    for cx, down, size in places(10, 104):
        at = level(near, line, cx) + 0.03 + 0.08 * down
        near.oval(cx, at, 0.016 + 0.02 * size, 0.01 + 0.01 * size, (108, 112, 124))
    return scenery(far, near, rays[..., None] * np.array([24, 46, 42], np.float32))


def _garden(near: Layer, line: Image) -> None:
    """Weed and coral, in turn, along the sea floor."""
    for k, (cx, tall, turn) in enumerate(places(15, 103)):
        foot = level(near, line, cx) + 0.03
        if k % 3 == 1:
            _coral(near, cx, foot, 0.1 + 0.05 * tall, ((216, 92, 104), (226, 138, 84))[k % 2])
        else:
            _weed(near, cx, foot, 0.18 + 0.16 * tall, turn, ((42, 138, 96), (66, 160, 92))[k % 2])


def _weed(layer: Layer, cx: float, foot: float, tall: float, turn: float, colour: Rgb) -> None:
    """Three ribbons that wind upwards."""
    for k, dx in enumerate((-0.03, 0.0, 0.032)):
        high = tall * (0.75, 1.0, 0.6)[k]
        part = layer.part(cx + dx - 0.05, foot - high, cx + dx + 0.05, foot)
        rise = np.clip((foot - part.y) / high, 0, 1)
        middle = cx + dx + (0.018 * np.sin(26 * part.y + 6 * turn + k) + 0.05 * (turn - 0.5)) * rise
        half = 0.011 * (1 - rise) ** 0.6
        tone = tuple(channel * (0.88 + 0.12 * k) for channel in colour)
        part.blend(edge(half - np.abs(part.x - middle)), mix(tone, (150, 220, 150), 0.3 * rise))


def _coral(layer: Layer, cx: float, foot: float, tall: float, colour: Rgb) -> None:
    for angle, share in ((-0.75, 0.7), (-0.3, 1.0), (0.15, 0.8), (0.6, 0.95), (0.95, 0.6)):
        size = tall * share
        layer.stroke(cx, foot, cx + size * np.sin(angle), foot - size * np.cos(angle), colour, r0=0.014, r1=0.009)
        mid_x, mid_y = cx + 0.55 * size * np.sin(angle), foot - 0.55 * size * np.cos(angle)
        for side in (angle - 0.6, angle + 0.5):
            tip_x, tip_y = mid_x + 0.3 * size * np.sin(side), mid_y - 0.3 * size * np.cos(side)
            layer.stroke(mid_x, mid_y, tip_x, tip_y, colour, r0=0.009, r1=0.006)


def beach(x: Image, y: Image, lift: float) -> Scenery:
    """A turquoise bay with foam, yellow sand, palms, parasols, shells."""
    horizon = 0.52 - 0.07 * lift
    far = backdrop(x, y, (0, (96, 188, 240)), (0.3, (172, 222, 248)), (horizon, (236, 246, 244)))
    for cx, cy, size in places(6, 111):
        cumulus(far, cx, 0.12 + 0.22 * cy, 0.05 + 0.05 * size, (255, 255, 255), (206, 230, 244))
    isle = hills(x, horizon + 0.02, 0.06, 0.2) + 0.04 * np.cos(2.5 * x)
    far.blend(edge(y - isle) * edge(horizon - y + 0.003), mix((120, 176, 168), (150, 196, 190), ramp(y, 0.4, horizon)))
    glint = _bay(far, horizon)
    near = clear(x, y)
    line = hills(x, 0.9 - 0.02 * lift, 0.02, 0.8)
    for cx, side in ((-0.36, 1), (1.78, -1)):
        _palm(near, cx, level(near, line, cx) + 0.04, side)
    for cx, colour in ((0.26, (226, 84, 76)), (1.18, (70, 140, 200)), (2.22, (236, 150, 60))):
        _parasol(near, cx, level(near, line, cx) + 0.04, colour)
    ground(near, line, (248, 226, 172), (222, 188, 132))
    near.blend(0.35 * ramp(noise(x * 30, y * 60, 113), 0.5, 0.8) * edge(y - line - 0.015), (232, 202, 146))
    for k, (cx, down, size) in enumerate(places(11, 114)):
        _shell(near, cx, level(near, line, cx) + 0.04 + 0.06 * down, 0.013 + 0.01 * size, k)
    return scenery(far, near, glint[..., None] * np.array([40, 36, 26], np.float32))


def _bay(far: Layer, horizon: float) -> Image:
    """Sea, foam and wet sand below the horizon; returns where the water glints, 0..1."""
    x, y = far.x, far.y
    sea = gradient(y, (horizon, (26, 128, 190)), (horizon + 0.1, (42, 178, 206)), (horizon + 0.24, (132, 222, 214)))
    shore = horizon + 0.2 + 0.018 * np.sin(5 * x) + 0.008 * np.sin(13 * x + 1)
    glint = ramp(noise(x * 9, (y - horizon) * 90, 112), 0.6, 0.8) * edge(y - horizon - 0.01) * edge(shore - y)
    far.blend(edge(y - horizon), sea + 34 * glint[..., None])
    ground(far, shore, (206, 172, 122), (240, 214, 158), 0.07)
    for at, colour in ((-0.05, (216, 244, 238)), (0.0, (255, 255, 252))):
        foam = 0.009 + 0.005 * np.sin(17 * x + 40 * at)
        far.blend(0.9 * edge(foam - np.abs(y - shore - at - 0.006 * np.sin(31 * x))), colour)
    return glint


def _palm(layer: Layer, cx: float, foot: float, side: int) -> None:
    """A bent trunk in rings, drooping fronds, two nuts; it leans to `side`."""
    steps = 7
    bend = [(cx + side * 0.12 * (k / steps) ** 1.6, foot - 0.56 * k / steps) for k in range(steps + 1)]
    for k, (start, end) in enumerate(pairwise(bend)):
        brown = ((150, 112, 74), (132, 96, 62))[k % 2]
        layer.stroke(*start, *end, brown, r0=0.024 - 0.0015 * k, r1=0.0225 - 0.0015 * k)
    top_x, top_y = bend[-1]
    for k, angle in enumerate((-2.75, -2.2, -1.6, -1.0, -0.5, 0.1, -3.3)):
        green, px, py = ((70, 150, 84), (54, 126, 74), (96, 170, 92))[k % 3], top_x, top_y
        droop = 0.34 if np.cos(angle) >= 0 else -0.34
        for piece in range(4):
            qx, qy = px + 0.062 * np.cos(angle + droop * piece), py + 0.062 * np.sin(angle + droop * piece)
            layer.stroke(px, py, qx, qy, green, r0=0.017 - 0.004 * piece, r1=0.013 - 0.004 * piece)
            px, py = qx, qy
    for dx in (-0.018, 0.012):
        layer.disc(top_x + dx, top_y + 0.02, 0.016, (120, 84, 58))


def _parasol(layer: Layer, cx: float, foot: float, colour: Rgb) -> None:
    """A striped umbrella on a pole."""
    top = foot - 0.3
    layer.stroke(cx, foot, cx, top, (236, 232, 224), r0=0.006)
    part = layer.part(cx - 0.17, top - 0.02, cx + 0.17, top + 0.1)
    u, v = (part.x - cx) / 0.16, (part.y - top - 0.095) / 0.1
    inside = edge(1 - np.hypot(u, v), 0.06) * edge(0.085 - 0.012 * np.abs(np.sin(u * np.pi * 2.5)) - part.y + top)
    across = np.clip(u / np.sqrt(np.maximum(1 - v**2, 0.05)), -1, 1)
    stripes = np.sin(5 * np.arcsin(across) + np.pi / 2)
    part.blend(inside, mix((250, 244, 234), colour, ramp(stripes, -0.15, 0.15)))


def _shell(layer: Layer, cx: float, cy: float, r: float, kind: int) -> None:
    colour = ((250, 236, 226), (240, 180, 164), (226, 196, 210))[kind % 3]
    part = layer.part(cx - r, cy - r, cx + r, cy + r)
    fan = np.arctan2(part.x - cx, cy + 0.8 * r - part.y)
    ribs = mix(colour, (188, 132, 118), 0.35 * ramp(np.sin(11 * fan), 0.2, 1))
    part.blend(edge(1.7 * r - np.hypot(part.x - cx, cy + 0.8 * r - part.y)) * edge(0.75 - np.abs(fan), 0.2), ribs)
