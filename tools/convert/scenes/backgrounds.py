"""The backgrounds: two layers of scenery and a pulse of light, painted once per scene on a wide canvas.

Places are the same in every scene of a background; variety comes from the layout, which shows another part of it, so
that a generator learns them as functions of the scenery coordinates that it is given.

Scenery coordinates: x from `LEFT` to `RIGHT`, y from 0 (top) to 1. `u` are the scene's nuisance values, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
LEFT, RIGHT = -0.55, 2.35


@dataclass(frozen=True)
class Scenery:
    """`far` [h, w, 3] and `near` [h, w, 3] in 0..255, `cover` [h, w] 0..1 (where near hides far), `pulse` [h, w, 3]
    is added to far, brighter and darker with the ambient phase."""

    far: Image
    near: Image
    cover: Image
    pulse: Image


def _mix(low: object, high: object, share: Image) -> Image:
    a, b = np.asarray(low, np.float32), np.asarray(high, np.float32)
    return a + (b - a) * share[..., None]


def _gradient(y: Image, *stops: tuple[float, tuple[int, int, int]]) -> Image:
    at = [stop[0] for stop in stops]
    planes = [np.interp(y, at, [stop[1][c] for stop in stops]) for c in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def _edge(distance: Image, soft: float = 0.006) -> Image:
    """1 where distance > 0, 0 where it is < 0, smooth across `soft` canvas heights."""
    return np.clip(distance / soft + 0.5, 0, 1).astype(np.float32)


def _disc(x: Image, y: Image, cx: float, cy: float, r: float, soft: float = 0.006) -> Image:
    return _edge(r - np.hypot(x - cx, y - cy), soft)


def _hills(x: Image, base: float, height: float, phase: float) -> Image:
    turn = 2 * np.pi * phase
    return base - height * (0.6 * np.sin(np.pi * x + turn) + 0.4 * np.sin(2 * np.pi * x + 2 * turn))


def _peaks(x: Image, base: float, height: float, phase: float) -> Image:
    turn = np.pi * phase
    return base - height * (1 - np.abs(np.sin(np.pi * x + turn)) * 0.75 - np.abs(np.sin(2 * np.pi * x + turn)) * 0.25)


def _clouds(x: Image, y: Image, u: list[float], rgb: Image, colour: object) -> Image:
    for k, cx in enumerate((0.0, 0.6, 1.25, 1.95)):
        cy = 0.12 + 0.09 * (k % 2) + 0.05 * u[6]
        puff = np.zeros_like(x)
        for dx, dy, r in ((-0.11, 0.02, 0.06), (0, 0, 0.085), (0.11, 0.02, 0.065)):
            puff = np.maximum(puff, _disc(x, y, cx + dx, cy + dy, r, 0.03))
        rgb = _mix_image(rgb, colour, 0.9 * puff * _edge(cy + 0.055 - y, 0.03))
    return rgb


def _mix_image(rgb: Image, colour: object, share: Image) -> Image:
    return rgb + (np.asarray(colour, np.float32) - rgb) * share[..., None]


def sky(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (74, 150, 232)), (0.7, (178, 222, 250)), (1, (226, 242, 252)))
    far = _clouds(x, y, u, far, (255, 255, 255))
    line = _hills(x, 0.93 - 0.05 * u[2], 0.03, 0.1)
    near = _mix((96, 176, 92), (58, 132, 70), np.clip((y - line) * 8, 0, 1))
    return Scenery(far, near, _edge(y - line), np.zeros_like(far))


def sunset(x: Image, y: Image, u: list[float]) -> Scenery:
    horizon = 0.72 + 0.06 * u[2]
    far = _gradient(y, (0, (70, 46, 122)), (0.35, (216, 88, 116)), (0.62, (252, 160, 84)), (0.8, (255, 214, 130)))
    cx = 0.8
    far = _mix_image(far, (255, 240, 190), _disc(x, y, cx, horizon - 0.03, 0.14))
    sea = _gradient((y - horizon) * 3, (0, (238, 140, 92)), (1, (92, 48, 108)))
    stripe = np.exp(-(((x - cx) / 0.13) ** 2)) * (0.55 + 0.45 * np.sin(16 * np.pi * y))
    sea = _mix_image(sea, (255, 226, 150), (0.75 * stripe).astype(np.float32))
    below = _edge(y - horizon)[..., None]
    far = far * (1 - below) + sea * below
    glow = np.exp(-(np.hypot(x - cx, y - horizon) ** 2) / 0.12)[..., None] * np.array([46, 30, 10], np.float32)
    line = _hills(x, 0.97, 0.035, 0.3)
    return Scenery(far, _mix((58, 30, 66), (40, 22, 52), y), _edge(y - line), glow.astype(np.float32))


def night_sky(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (10, 14, 44)), (0.6, (32, 40, 96)), (1, (84, 78, 142)))
    stars = np.random.default_rng(5).uniform(size=(60, 3))
    light = np.zeros_like(x)
    for sx, sy, r in stars:
        light = np.maximum(light, _disc(x, y, LEFT + sx * (RIGHT - LEFT), sy * 0.7, 0.005 + 0.007 * r, 0.008))
    far = _mix_image(far, (236, 240, 255), 0.8 * light)
    pulse = light[..., None] * np.array([60, 60, 50], np.float32)
    line = _hills(x, 0.88 - 0.06 * u[2], 0.06, 0.55)
    near = _mix((26, 30, 66), (12, 14, 36), np.clip((y - line) * 5, 0, 1))
    return Scenery(far, near, _edge(y - line), pulse)


def deep_sea(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (44, 152, 190)), (0.45, (14, 84, 148)), (1, (6, 30, 84)))
    lean = x - 0.45 * (1 - y)
    rays = np.clip(np.sin(4 * np.pi * lean) * 0.6 + np.sin(2 * np.pi * lean) * 0.4, 0, 1) * np.clip(0.85 - y, 0, 1)
    far = far + rays[..., None] * np.array([30, 60, 56], np.float32)
    pulse = rays[..., None] * np.array([30, 56, 50], np.float32)
    line = _hills(x, 0.9 - 0.03 * u[2], 0.035, 0.7)
    near = _mix((210, 182, 128), (136, 110, 92), np.clip((y - line) * 7, 0, 1))
    cover = _edge(y - line)
    for k, cx in enumerate((-0.25, 0.3, 0.75, 1.3, 1.7, 2.1)):
        colour = ((38, 128, 92), (206, 84, 96))[k % 2]
        for dx, top in ((-0.06, 0.72), (0.0, 0.64), (0.06, 0.74)):
            stem = _edge(0.016 - np.abs(x - cx - dx - 0.015 * np.sin(8 * np.pi * y)), 0.008) * _edge(y - top, 0.02)
            near, cover = _mix_image(near, colour, stem), np.maximum(cover, stem)
    return Scenery(far.astype(np.float32), near, cover, pulse.astype(np.float32))


def snowy_mountains(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (112, 172, 230)), (0.6, (206, 228, 246)), (1, (236, 242, 250)))
    for base, height, phase, rock, snow in (
        (0.66, 0.34, 0.2, (138, 158, 196), (236, 243, 252)),
        (0.78, 0.30, 0.63, (92, 112, 156), (250, 252, 255)),
    ):
        line = _peaks(x, base + 0.04 * u[2], height, phase)
        cap = line + 0.09 + 0.03 * np.sin(16 * np.pi * x)
        body = _mix_image(_mix(rock, np.array(rock) * 0.8, np.clip((y - line) * 2, 0, 1)), snow, _edge(cap - y, 0.015))
        inside = _edge(y - line)[..., None]
        far = far * (1 - inside) + body * inside
    line = _hills(x, 0.9, 0.03, 0.4)
    near = _mix((246, 250, 255), (206, 220, 240), np.clip((y - line) * 7, 0, 1))
    cover = _edge(y - line)
    for cx in (-0.3, -0.12, 0.35, 0.52, 1.45, 1.62, 2.1):
        for top, reach in ((0.7, 0.045), (0.76, 0.06), (0.82, 0.075)):
            tree = _edge(reach * np.clip((y - top) / 0.1, 0, 1) - np.abs(x - cx), 0.01) * _edge(top + 0.1 - y, 0.01)
            near, cover = (
                _mix_image(near, (40, 92, 84), tree * _edge(y - top)),
                np.maximum(cover, tree * _edge(y - top)),
            )
    return Scenery(far, near, cover, np.zeros_like(far))


def meadow(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (110, 186, 240)), (0.6, (214, 238, 250)), (1, (240, 248, 240)))
    far = _clouds(x, y, u, far, (255, 255, 255))
    line = _hills(x, 0.68 - 0.04 * u[2], 0.06, 0.15)
    hill = _mix((150, 206, 112), (110, 178, 92), np.clip((y - line) * 4, 0, 1))
    inside = _edge(y - line)[..., None]
    far = far * (1 - inside) + hill * inside
    line = _hills(x, 0.82, 0.05, 0.6)
    near = _mix((112, 190, 84), (58, 140, 62), np.clip((y - line) * 5, 0, 1))
    dots = np.random.default_rng(9).uniform(size=(26, 3))
    for sx, sy, c in dots:
        colour = ((250, 220, 90), (250, 250, 250), (246, 140, 170))[int(c * 3)]
        near = _mix_image(near, colour, _disc(x, y, LEFT + sx * (RIGHT - LEFT), 0.88 + 0.12 * sy, 0.012))
    return Scenery(far, near, _edge(y - line), np.zeros_like(far))


def city(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (40, 48, 104)), (0.55, (150, 104, 150)), (0.9, (244, 170, 130)))
    heights = np.random.default_rng(3).uniform(0.3, 0.62, size=64)
    cell = x * 4
    index = np.floor(cell).astype(int) % 64
    top = 0.98 - heights[index] * (0.85 + 0.3 * u[2])
    inside = (y > top) & (np.abs(cell % 1 - 0.5) < 0.46)
    far = np.where(inside[..., None], np.array([52, 50, 92], np.float32), far)
    pane = (np.abs(cell * 3 % 1 - 0.5) < 0.24) & (np.abs((y - top) * 12 % 1 - 0.5) < 0.26) & inside & (y > top + 0.03)
    lit = (pane & ((index * 7 + np.floor((y - top) * 12).astype(int) * 3) % 5 < 3))[..., None]
    far = np.where(lit, np.array([250, 214, 130], np.float32), far).astype(np.float32)
    pulse = (lit * np.array([0, 16, 30], np.float32)).astype(np.float32)
    road = _mix((70, 72, 88), (46, 48, 62), np.clip((y - 0.88) * 8, 0, 1))
    dash = (np.abs(x * 4 % 1 - 0.5) < 0.25) & (np.abs(y - 0.945) < 0.008)
    return Scenery(far, np.where(dash[..., None], 220, road).astype(np.float32), _edge(y - 0.88), pulse)


def desert(x: Image, y: Image, u: list[float]) -> Scenery:
    far = _gradient(y, (0, (246, 176, 96)), (0.5, (252, 218, 150)), (1, (255, 236, 190)))
    far = _mix_image(far, (255, 250, 226), _disc(x, y, 1.2, 0.2, 0.075))
    line = _hills(x, 0.66 - 0.04 * u[2], 0.07, 0.35)
    dune = _mix((226, 156, 88), (196, 122, 70), np.clip((y - line) * 4, 0, 1))
    inside = _edge(y - line)[..., None]
    far = far * (1 - inside) + dune * inside
    line = _hills(x, 0.84, 0.05, 0.85)
    near = _mix((240, 186, 108), (206, 142, 80), np.clip((y - line) * 5, 0, 1))
    cover = _edge(y - line)
    for cx in (-0.2, 0.45, 1.5, 2.15):
        for dx, top, bottom in ((0, 0.66, 0.95), (-0.055, 0.74, 0.82), (0.055, 0.71, 0.8)):
            stem = _edge(0.022 - np.abs(x - cx - dx), 0.008) * _edge(y - top, 0.02) * _edge(bottom - y, 0.02)
            near, cover = _mix_image(near, (62, 132, 84), stem), np.maximum(cover, stem)
        for arm, level in ((-0.03, 0.805), (0.03, 0.785)):
            bar = _edge(0.03 - np.abs(x - cx - arm), 0.008) * _edge(0.017 - np.abs(y - level), 0.008)
            near, cover = _mix_image(near, (62, 132, 84), bar), np.maximum(cover, bar)
    return Scenery(far, near, cover, np.zeros_like(far))


BACKGROUNDS: dict[str, Callable[[Image, Image, list[float]], Scenery]] = {
    "sky": sky, "sunset": sunset, "night_sky": night_sky, "deep_sea": deep_sea, "snowy_mountains": snowy_mountains,
    "meadow": meadow, "city": city, "desert": desert,
}  # fmt: skip


def paint(name: str, u: list[float], *, height: int) -> Scenery:
    """Paint the named background at `height` pixels for one canvas height; brightness and warmth vary with u."""
    width = round((RIGHT - LEFT) * height)
    x, y = np.meshgrid(
        (np.arange(width, dtype=np.float32) + 0.5) / height + LEFT, (np.arange(height, dtype=np.float32) + 0.5) / height
    )
    scenery = BACKGROUNDS[name](x, y, u)
    tint = (0.9 + 0.14 * u[1]) * np.array([1 + 0.08 * (u[0] - 0.5), 1.0, 1 - 0.08 * (u[0] - 0.5)], np.float32)
    return Scenery(scenery.far * tint, scenery.near * tint, scenery.cover, scenery.pulse)
