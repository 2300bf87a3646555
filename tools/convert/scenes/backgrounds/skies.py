"""Backgrounds of air and dark: sky, sunset, night sky, space."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, backdrop, clear, edge, gradient, mix, ramp, scenery
from tools.convert.scenes.backgrounds.scenery import Image, Rgb, Scenery
from tools.convert.scenes.backgrounds.shapes import (
    cumulus,
    grass,
    ground,
    hills,
    level,
    noise,
    peaks,
    pine,
    places,
    stars,
)

WHITE = (255.0, 255.0, 255.0)


def sky(x: Image, y: Image, lift: float) -> Scenery:
    """High above a sea of clouds: no ground anywhere."""
    far = backdrop(x, y, (0, (44, 120, 214)), (0.5, (120, 186, 244)), (0.85, (196, 228, 252)), (1, (226, 242, 254)))
    far.glow(np.exp(-(((x - 1.5) ** 2 + (y + 0.05) ** 2) / 0.16)), (70, 62, 36))
    veil = ramp(noise(x * 1.6 + y, y * 9, 4), 0.5, 0.85) * ramp(y, 0.5, 0.1)
    far.blend(0.45 * veil, WHITE)
    for k, (cx, cy, size) in enumerate(places(9, 21)):
        at = 0.5 + 0.2 * cy + 0.06 * (1 - lift)
        cumulus(far, cx, at, 0.07 + 0.05 * size, (250, 253, 255), (190, 216, 244), share=0.55 + 0.04 * k)
    near = clear(x, y)
    for row, (light, shade) in enumerate((((242, 248, 255), (176, 206, 240)), (WHITE, (196, 220, 246)))):
        for cx, cy, size in places(11, 22 + row):
            at = 0.96 + 0.13 * row + 0.05 * cy - 0.07 * lift
            cumulus(near, cx, at, 0.14 + 0.07 * size, light, shade)
    return scenery(far, near)


def sunset(x: Image, y: Image, lift: float) -> Scenery:
    """A low sun over the sea, bars of burning cloud, a dark shore with reeds."""
    horizon = 0.7 - 0.07 * lift
    far = backdrop(
        x, y, (0, (74, 50, 128)), (0.3, (190, 80, 126)), (0.5, (246, 132, 92)), (horizon, (255, 206, 122))
    )  # fmt: skip
    cx, cy = 0.82, horizon - 0.045
    far.glow(np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / 0.06)), (60, 46, 20))
    bars = ramp(noise(x * 1.3, y * 11, 8), 0.52, 0.72) * ramp(y, horizon, horizon - 0.25)
    far.blend(0.75 * bars, gradient(y, (0.1, (120, 62, 130)), (0.4, (236, 104, 108)), (horizon, (255, 170, 104))))
    far.disc(cx, cy, 0.125, lambda _, y: mix((255, 250, 214), (255, 196, 96), ramp(y, cy - 0.12, cy + 0.12)))
    sea = gradient(y, (horizon, (244, 150, 100)), (horizon + 0.08, (176, 84, 112)), (1, (70, 42, 104)))
    ripple = 0.5 + 0.5 * np.sin(150 * np.sqrt(np.maximum(y - horizon, 0) + 0.02) + 3 * np.sin(9 * x))
    path = np.exp(-(((x - cx) / (0.09 + 0.35 * np.maximum(y - horizon, 0))) ** 2)) * ramp(ripple, 0.25, 0.6)
    below = edge(y - horizon)
    far.blend(below, sea + 14 * ripple[..., None])
    far.blend(0.85 * below * path, (255, 226, 148))
    island = hills(x, horizon + 0.015, 0.05, 0.42) + 0.05 * np.cos(2.2 * x)
    far.blend(edge(y - island) * edge(horizon + 0.004 - y), (112, 58, 110))
    near = clear(x, y)
    line = hills(x, 0.95, 0.025, 0.3)
    grass(near, line, 0.24, 70, 31, ((52, 28, 62), (66, 34, 70), (42, 22, 54)))
    ground(near, line, (58, 30, 66), (34, 18, 46))
    glow = np.exp(-(((x - cx) ** 2 + (y - horizon) ** 2) / 0.1))[..., None] * np.array([38, 24, 8], np.float32)
    return scenery(far, near, glow + (below * path)[..., None] * np.array([0, 14, 26], np.float32))


def night_sky(x: Image, y: Image, lift: float) -> Scenery:
    """Stars and the Milky Way over blue hills, firs and a cabin with light in its window."""
    far = backdrop(x, y, (0, (8, 14, 46)), (0.45, (20, 40, 96)), (0.75, (50, 84, 146)), (0.9, (104, 134, 176)))
    band = np.exp(-(((y - 0.42 + 0.32 * (x - 0.9) * 0.7) / 0.13) ** 2))
    cloud = noise(x * 4, y * 4 + x, 12, 4)
    far.glow(band * ramp(cloud, 0.25, 0.8), (64, 72, 92))
    pulse = np.zeros((*x.shape, 3), np.float32)
    stars(far, 110, 5, depth=0.72, pulse=pulse)
    shift = 0.06 * (1 - lift)
    ridge = peaks(x, 0.78 + shift, 0.13, 0.35)
    ground(far, ridge, (38, 60, 112), (60, 88, 140))
    ground(far, hills(x, 0.8 + shift, 0.05, 0.85), (24, 42, 88), (34, 56, 104))
    near = clear(x, y)
    line = hills(x, 0.9 + 0.4 * shift, 0.04, 0.55)
    _cabins(near, line)
    for cx, size, shade in places(26, 41):
        foot = level(near, line, cx) + 0.03
        dark = 0.8 + 0.4 * shade
        pine(near, cx, foot, 0.11 + 0.12 * size, (14 * dark, 26 * dark, 54 * dark))
    ground(near, line, (18, 30, 64), (8, 12, 34))
    return scenery(far, near, pulse)


def _cabins(near: Layer, line: Image) -> None:
    for cx in (-0.18, 1.12, 2.2):
        foot = level(near, line, cx) + 0.015
        near.box(cx - 0.07, foot - 0.09, cx + 0.07, foot, (46, 36, 52))
        near.polygon([(cx, foot - 0.16), (cx + 0.095, foot - 0.085), (cx - 0.095, foot - 0.085)], (30, 26, 46))
        near.box(cx - 0.03, foot - 0.065, cx + 0.025, foot - 0.025, (255, 208, 110))
        near.glow(np.exp(-(((near.x - cx) ** 2 + (near.y - foot + 0.045) ** 2) / 0.004)) * near.cover, (70, 46, 14))


def space(x: Image, y: Image, lift: float) -> Scenery:
    """Black-violet depth with nebulas, a ringed planet and drifting rocks; no ground anywhere."""
    far = backdrop(x, y, (0, (10, 6, 24)), (0.5, (18, 8, 38)), (1, (8, 6, 26)))
    warp = noise(x * 2, y * 2, 51)
    veil = noise(x * 1.7 + 1.4 * warp, y * 2.2 + warp, 52, 4)
    far.glow(ramp(veil, 0.5, 0.86), (150, 34, 122))
    far.glow(ramp(noise(x * 1.9 - warp, y * 2 + 1.2 * warp, 53, 4), 0.55, 0.88), (24, 96, 124))
    far.glow(ramp(veil, 0.68, 0.9), (74, 66, 60))
    pulse = np.zeros((*x.shape, 3), np.float32)
    stars(far, 150, 54, depth=1.0, pulse=pulse, size=0.9)
    _planet(far, 1.32, 0.3 - 0.07 * lift, 0.13)
    _globe(far, 0.16, 0.74 + 0.06 * lift, 0.06, (96, 150, 196), (14, 24, 58))
    _globe(far, 2.02, 0.66, 0.045, (206, 170, 150), (40, 22, 40))
    near = clear(x, y)
    for cx, cy, size in places(9, 56):
        at = (0.83 + 0.15 * cy) if size > 0.3 else 0.05 + 0.08 * cy
        _rock(near, cx, at, 0.022 + 0.05 * size, int(1000 * cy))
    return scenery(far, near, pulse)


def _globe(layer: Layer, cx: float, cy: float, r: float, lit: Rgb, dark: Rgb) -> None:
    layer.disc(cx, cy, r, lambda x, y: mix(lit, dark, ramp((0.8 * (x - cx) + 0.6 * (y - cy)) / r, -0.5, 0.9)))


def _planet(sheet: Layer, cx: float, cy: float, r: float) -> None:
    """A banded globe whose ring passes behind it above and before it below."""
    layer = sheet.part(cx - 2.2 * r, cy - 2 * r, cx + 2.2 * r, cy + 2 * r)
    x, y = (layer.x - cx) / r, (layer.y - cy) / r
    u, v = x * np.cos(0.32) - y * np.sin(0.32), x * np.sin(0.32) + y * np.cos(0.32)
    out = np.hypot(u, v / 0.26)
    gap = 1 - 0.8 * edge(0.05 - np.abs(out - 1.72), 0.05)
    ring = 0.9 * gap * edge(2.1 - out, 0.1) * edge(out - 1.35, 0.1)
    dust = mix((236, 206, 160), (176, 120, 150), ramp(out, 1.35, 2.1))
    layer.blend(ring * edge(-v), dust)
    bands = mix((244, 190, 128), (206, 120, 100), 0.5 + 0.5 * np.sin(v * 13 + 0.6 * np.sin(u * 4)))
    globe = mix(bands, (44, 18, 54), 0.92 * ramp(0.8 * x + 0.6 * y, -0.2, 1.0))
    layer.blend(edge(1 - np.hypot(x, y), 0.04), globe)
    layer.blend(ring * edge(v), dust)


def _rock(layer: Layer, cx: float, cy: float, r: float, seed: int) -> None:
    part = layer.part(cx - 1.4 * r, cy - 1.4 * r, cx + 1.4 * r, cy + 1.4 * r)
    dx, dy = part.x - cx, part.y - cy
    rough = 0.82 + 0.3 * noise(3 + 1.6 * dx / r, 3 + 1.6 * dy / r, seed, 2)
    lit = mix((150, 132, 140), (44, 34, 58), ramp((0.8 * dx + 0.7 * dy) / r, -0.6, 0.7))
    part.blend(edge(r * rough - np.hypot(dx, dy * 1.25)), lit)
    for ax, ay, size in ((-0.3, -0.25, 0.2), (0.2, 0.15, 0.16), (-0.1, 0.35, 0.12)):
        part.oval(cx + ax * r, cy + ay * r, size * r, 0.8 * size * r, (62, 50, 74), share=0.7)
