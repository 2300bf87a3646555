"""Backgrounds of open land: meadow, snowy mountains, desert."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, backdrop, clear, edge, mix, ramp, scenery, times
from tools.convert.scenes.backgrounds.scenery import Image, Rgb, Scenery
from tools.convert.scenes.backgrounds.shapes import cumulus, grass, ground, hills, level, noise, pine, places

# x, half width, height
FAR_PEAKS = ((-0.36, 0.42, 0.36), (0.3, 0.46, 0.44), (1.02, 0.4, 0.34), (1.62, 0.5, 0.46), (2.3, 0.4, 0.36))
NEAR_PEAKS = ((-0.02, 0.44, 0.36), (0.74, 0.5, 0.42), (1.36, 0.34, 0.26), (1.98, 0.46, 0.38))
MESAS = ((-0.1, 0.2, 0.13), (0.42, 0.11, 0.17), (0.98, 0.24, 0.1), (1.66, 0.15, 0.16), (2.2, 0.2, 0.12))


def meadow(x: Image, y: Image, lift: float) -> Scenery:
    """Rolling green hills with round trees and a farmhouse, and flowers in the grass."""
    far = backdrop(x, y, (0, (112, 186, 240)), (0.45, (190, 226, 250)), (0.7, (240, 246, 232)))
    for cx, cy, size in places(6, 61):
        cumulus(far, cx, 0.14 + 0.14 * cy, 0.06 + 0.04 * size, (255, 255, 255), (206, 226, 244))
    up = 0.06 * lift
    ground(far, hills(x, 0.6 - up, 0.06, 0.7), (158, 200, 178), (172, 212, 168))
    middle = hills(x, 0.68 - up, 0.06, 0.15)
    ground(far, middle, (156, 208, 118), (122, 186, 100))
    for cx, size, tone in places(12, 62):
        foot = level(far, middle, cx) + 0.04 * tone + 0.01
        _round_tree(far, cx, foot, 0.035 + 0.03 * size, tone)
    _farmhouse(far, 0.62, level(far, middle, 0.62) + 0.03)
    line = hills(x, 0.84 - 0.4 * up, 0.045, 0.6)
    near = clear(x, y)
    grass(near, line, 0.05, 220, 63, ((100, 180, 74), (122, 196, 84), (84, 164, 70)))
    ground(near, line, (116, 194, 84), (54, 138, 62))
    colours: tuple[Rgb, ...] = ((252, 222, 92), (252, 252, 250), (248, 146, 176), (196, 140, 230))
    for k, (cx, down, size) in enumerate(places(46, 64)):
        at = level(near, line, cx) + 0.025 + 0.15 * down
        _blossom(near, cx, at, 0.008 + 0.008 * down + 0.003 * size, colours[k % 4])
    return scenery(far, near)


def _round_tree(layer: Layer, cx: float, foot: float, r: float, tone: float) -> None:
    layer.box(cx - 0.12 * r, foot - r, cx + 0.12 * r, foot, (122, 98, 76))
    green = mix((104, 168, 96), (134, 190, 108), tone)
    layer.oval(
        cx, foot - 1.6 * r, 0.85 * r, r,
        lambda x, y: mix(green, (70, 132, 92), ramp(x - cx + y - foot + 1.6 * r, -0.6 * r, 1.4 * r)),
    )  # fmt: skip


def _farmhouse(layer: Layer, cx: float, foot: float) -> None:
    layer.box(cx - 0.06, foot - 0.06, cx + 0.06, foot, (246, 236, 220))
    layer.polygon([(cx - 0.045, foot - 0.105), (cx + 0.045, foot - 0.105), (cx + 0.072, foot - 0.055),
                   (cx - 0.072, foot - 0.055)], (206, 112, 92))  # fmt: skip
    layer.box(cx - 0.012, foot - 0.04, cx + 0.012, foot, (150, 106, 82))
    for dx in (-0.038, 0.038):
        layer.box(cx + dx - 0.01, foot - 0.042, cx + dx + 0.01, foot - 0.022, (140, 176, 200))


def _blossom(layer: Layer, cx: float, cy: float, r: float, colour: Rgb) -> None:
    for k in range(5):
        turn = 2 * np.pi * (k / 5 + 0.07)
        layer.disc(cx + r * float(np.cos(turn)), cy + 0.8 * r * float(np.sin(turn)), 0.62 * r, colour)
    layer.disc(cx, cy, 0.5 * r, (246, 190, 60) if colour[2] > 120 else (206, 128, 40))


def snowy_mountains(x: Image, y: Image, lift: float) -> Scenery:
    """Two ranges of white peaks with lit and shaded flanks, and firs in the snow."""
    far = backdrop(x, y, (0, (96, 156, 222)), (0.5, (186, 216, 244)), (0.8, (232, 240, 250)))
    veil = ramp(noise(x * 1.5, y * 8, 81), 0.5, 0.8) * ramp(y, 0.45, 0.1)
    far.blend(0.5 * veil, (255, 255, 255))
    up = 0.06 * lift
    for cx, wide, tall in FAR_PEAKS:
        _peak(far, cx, 0.8 - up, wide, tall, (150, 174, 212), haze=0.45)
    for cx, wide, tall in NEAR_PEAKS:
        _peak(far, cx, 0.86 - up, wide, tall, (104, 126, 172), haze=0.0)
    ground(far, hills(x, 0.78 - up, 0.03, 0.9), (220, 232, 248), (236, 244, 252))
    for cx, size, _ in places(24, 82):
        foot = 0.8 - up + 0.03 * float(np.sin(3 * cx)) + 0.01
        pine(far, cx, foot, 0.06 + 0.05 * size, (112, 146, 164), cap=(228, 238, 248))
    near = clear(x, y)
    line = hills(x, 0.9 - 0.3 * up, 0.03, 0.4)
    for cx, size, _ in places(13, 83):
        foot = level(near, line, cx) + 0.03
        pine(near, cx, foot, 0.14 + 0.11 * size, (46, 94, 96), cap=(244, 249, 255))
    drift = 0.5 + 0.5 * np.sin(24 * x + 60 * (y - line)) * np.cos(5 * x)
    ground(near, line, (250, 252, 255), (200, 216, 240))
    near.blend(0.12 * drift * edge(y - line - 0.02), (176, 200, 232))
    return scenery(far, near)


def _peak(layer: Layer, cx: float, foot: float, wide: float, tall: float, rock: Rgb, *, haze: float) -> None:
    """One mountain, lit from the left, with snow on top and haze about its foot."""
    part = layer.part(cx - wide - 0.03, foot - tall - 0.03, cx + wide + 0.03, foot)
    x, y = part.x, part.y
    rough = noise(x * 14, y * 14, 84) - 0.5
    depth = y - foot + tall * (1 - np.abs(x - cx) / wide) + 0.05 * rough
    lit = ramp(x - cx + 0.16 * (noise(y * 9 + cx, 0 * y, 85, 2) - 0.5) - 0.12 * (y - foot + tall), 0.008, -0.008)
    teeth = np.abs((x - cx) / wide * 6 % 1 - 0.5) + 0.5 * rough
    snow = edge(0.34 * tall + 0.3 * tall * teeth - (y - foot + tall), 0.012)
    stone = mix(times(rock, 0.84), times(rock, 1.12), lit)
    body = mix(stone, mix((188, 206, 238), (253, 254, 255), lit), snow)
    part.blend(edge(depth), mix(body, (214, 228, 246), haze + (0.75 - haze) * ramp(y, foot - 0.6 * tall, foot)))


def desert(x: Image, y: Image, lift: float) -> Scenery:
    """Hot sky and sun, table mountains, rippled dunes, cactuses."""
    far = backdrop(x, y, (0, (240, 168, 96)), (0.4, (250, 208, 140)), (0.75, (255, 238, 200)))
    far.glow(np.exp(-(((x - 1.25) ** 2 + (y - 0.2) ** 2) / 0.05)), (30, 34, 40))
    far.disc(1.25, 0.2, 0.07, (255, 252, 232))
    up = 0.06 * lift
    for cx, wide, tall in MESAS:
        _mesa(far, cx, 0.66 - up, wide, tall)
    for base, height, phase, top, low in (
        (0.66, 0.05, 0.35, (238, 182, 116), (224, 156, 94)), (0.75, 0.055, 0.8, (230, 162, 92), (206, 134, 76)),
    ):  # fmt: skip
        line = hills(x, base - up, height, phase)
        ground(far, line, top, low)
        far.blend(0.22 * edge(y - line) * ramp(np.sin(150 * (y - line) + 5 * np.sin(4 * x)), 0.2, 0.9), (255, 216, 156))
    line = hills(x, 0.87 - 0.4 * up, 0.04, 0.05)
    near = clear(x, y)
    for cx, tall in ((-0.22, 0.3), (0.4, 0.24), (1.48, 0.32), (2.12, 0.22)):
        _cactus(near, cx, level(near, line, cx) + 0.05, tall)
    ground(near, line, (246, 196, 122), (208, 142, 82))
    waves = ramp(np.sin(170 * (y - line) + 4 * np.sin(5 * x + 1)), 0.1, 0.9)
    near.blend(0.3 * edge(y - line - 0.01) * waves, (222, 160, 94))
    for cx, down, size in places(14, 92):
        at = level(near, line, cx) + 0.04 + 0.1 * down
        near.oval(cx, at, 0.012 + 0.016 * size, 0.007 + 0.006 * size, (178, 116, 76))
    return scenery(far, near)


def _mesa(layer: Layer, cx: float, foot: float, wide: float, tall: float) -> None:
    def stone(x: Image, y: Image) -> Image:
        layers = mix((220, 130, 92), (196, 104, 80), 0.5 + 0.5 * np.sin(90 * (y + 0.004 * np.sin(30 * x))))
        return mix(layers, (246, 190, 130), 0.3 + 0.3 * ramp(x - cx, 0.6 * wide, -wide))

    top = foot - tall
    layer.polygon([(cx - 0.62 * wide, top), (cx + 0.6 * wide, top), (cx + 0.72 * wide, foot - 0.4 * tall),
                   (cx + wide, foot + 0.1), (cx - wide, foot + 0.1), (cx - 0.74 * wide, foot - 0.4 * tall)], stone)  # fmt: skip


def _cactus(layer: Layer, cx: float, foot: float, tall: float) -> None:
    r = 0.085 * tall
    for dark, dx in (((48, 112, 78), 0.0), ((84, 156, 98), -0.35 * r)):
        wide = r if dx == 0 else 0.45 * r
        layer.stroke(cx + dx, foot, cx + dx, foot - tall, dark, r0=wide)
        for side, low, high in ((-1, 0.42, 0.72), (1, 0.3, 0.86)):
            arm = cx + side * 3.1 * r + dx
            if dx == 0:
                layer.stroke(cx, foot - low * tall, arm, foot - low * tall, dark, r0=0.75 * r)
            layer.stroke(arm, foot - low * tall, arm, foot - high * tall, dark, r0=0.75 * wide)
