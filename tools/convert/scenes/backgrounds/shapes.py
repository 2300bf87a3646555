"""Shapes of nature that several backgrounds share: ridges, noise, clouds, stars, trees, grass."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, edge, mix, ramp
from tools.convert.scenes.backgrounds.scenery import LEFT, RIGHT, Image, Rgb

LATTICE = 64  # side of the noise table, after which noise repeats


def noise(x: Image, y: Image, seed: int, octaves: int = 3) -> Image:
    """Smooth noise 0..1 with one bump per unit of x and y, and finer ones in each further octave (value noise)."""
    total, weight = np.zeros(np.broadcast(x, y).shape, np.float32), 0.0
    for octave in range(octaves):
        table = np.random.default_rng([seed, octave]).uniform(size=(LATTICE, LATTICE)).astype(np.float32)
        total += _lattice(table, x * 2**octave, y * 2**octave) * 0.5**octave
        weight += 0.5**octave
    return total / np.float32(weight)


def _lattice(table: Image, x: Image, y: Image) -> Image:
    left, top = np.floor(x), np.floor(y)
    fx, fy = ramp(x - left, 0, 1), ramp(y - top, 0, 1)
    i, j = top.astype(np.int32) % LATTICE, left.astype(np.int32) % LATTICE
    i1, j1 = (i + 1) % LATTICE, (j + 1) % LATTICE
    upper = table[i, j] + (table[i, j1] - table[i, j]) * fx
    lower = table[i1, j] + (table[i1, j1] - table[i1, j]) * fx
    return np.asarray(upper + (lower - upper) * fy, np.float32)


def hills(x: Image, base: float, height: float, phase: float) -> Image:
    """The y of a soft rolling ridge."""
    turn = 2 * np.pi * phase
    return np.asarray(base - height * (0.6 * np.sin(np.pi * x + turn) + 0.4 * np.sin(2 * np.pi * x + 2 * turn)))


def peaks(x: Image, base: float, height: float, phase: float) -> Image:
    """The y of a pointed mountain ridge."""
    a, b = np.abs(np.sin(np.pi * x + np.pi * phase)), np.abs(np.sin(2 * np.pi * x + np.pi * phase))
    return np.asarray(base - height * (1 - 0.75 * a - 0.25 * b))


def places(count: int, seed: int) -> list[tuple[float, float, float]]:
    """`count` scattered places: x over the whole canvas, evenly spread, and two numbers 0..1."""
    rng = np.random.default_rng(seed)
    spread = LEFT + (np.arange(count) + rng.uniform(size=count)) / count * (RIGHT - LEFT)
    first, second = rng.uniform(size=(2, count)).tolist()
    return list(zip(spread.tolist(), first, second, strict=True))


def level(layer: Layer, line: Image, x: float) -> float:
    """The y of a line (given over the whole layer) at one x."""
    return float(np.interp(x, layer.x[0], line[0]))


def ground(layer: Layer, line: Image, top: Rgb, bottom: Rgb, depth: float = 0.2) -> None:
    """Everything below a line, from one colour at the line to another `depth` deeper."""
    layer.blend(edge(layer.y - line), mix(top, bottom, np.clip((layer.y - line) / depth, 0, 1)))


def cumulus(layer: Layer, cx: float, base: float, size: float, light: Rgb, shade: Rgb, *, share: float = 1) -> None:
    """A heap of round puffs on a flat base `size` high, lit from above."""
    box = layer.part(cx - 1.7 * size, base - 1.1 * size, cx + 1.7 * size, base + 0.1 * size)
    if not box.x.size:
        return
    flat = edge(base - box.y, 0.12 * size) * share
    for dx, dy, r in ((-1.1, -0.2, 0.42), (1.05, -0.24, 0.46), (-0.5, -0.42, 0.56), (0.5, -0.4, 0.58), (0, -0.56, 0.6)):
        px, py, pr = cx + dx * size, base + dy * size, r * size
        lit = ramp((box.y - py) / pr + 0.35 * (box.x - px) / pr, 0.75, -0.75)
        body = edge(pr - np.hypot(box.x - px, box.y - py), 0.1 * size) * flat
        box.blend(body, mix(shade, light, lit))


def stars(layer: Layer, count: int, seed: int, *, depth: float, pulse: Image, size: float = 1.0) -> None:
    """Points of light down to y = depth; each also adds to `pulse` [h, w, 3], so that it twinkles."""
    sparkle = Layer(layer.x, layer.y, pulse, np.ones_like(layer.x))
    for k, (x, y, bright) in enumerate(places(count, seed)):
        r = (0.0022 + 0.0042 * bright**3) * size
        colour = ((255, 246, 226), (226, 236, 255), (255, 255, 255))[k % 3]
        layer.disc(x, y * depth, r, colour, share=0.55 + 0.45 * bright, soft=0.006)
        sparkle.disc(x, y * depth, r, (70, 70, 64), soft=0.006)


def pine(layer: Layer, cx: float, foot: float, height: float, colour: Rgb, *, cap: Rgb | None = None) -> None:
    """A fir of four skirts on a trunk; `cap` is what lies on each skirt, as snow does."""
    layer.box(cx - 0.03 * height, foot - 0.15 * height, cx + 0.03 * height, foot, (74, 54, 48))
    for k in range(4):
        top, low = foot - height * (1 - 0.2 * k), foot - height * (0.62 - 0.17 * k)
        reach = height * (0.13 + 0.065 * k)
        tone = tuple(channel * (1.1 - 0.08 * k) for channel in colour)
        layer.polygon([(cx, top), (cx + reach, low), (cx - reach, low)], tone)
        if cap is not None:
            mid = top + 0.45 * (low - top)
            layer.polygon([(cx, top), (cx + 0.45 * reach, mid), (cx - 0.4 * reach, mid + 0.02 * height)], cap)


def grass(layer: Layer, line: Image, tall: float, count: int, seed: int, colours: tuple[Rgb, ...]) -> None:
    """Blades that stand on a line and lean a little."""
    for k, (x, lean, size) in enumerate(places(count, seed)):
        foot = level(layer, line, x) + 0.01
        tip = x + 0.5 * tall * (lean - 0.5)
        layer.stroke(x, foot, tip, foot - tall * (0.5 + 0.5 * size), colours[k % len(colours)], r0=0.005, r1=0.001)
