"""Backgrounds that people built: city, room."""

from __future__ import annotations

import numpy as np

from tools.convert.scenes.backgrounds.brush import Layer, backdrop, clear, convex, edge, mix, ramp, scenery
from tools.convert.scenes.backgrounds.scenery import LEFT, RIGHT, Image, Rgb, Scenery

WARM = (255.0, 216.0, 132.0)


def city(x: Image, y: Image, lift: float) -> Scenery:
    """A skyline at dusk with lit windows, street lamps along a road."""
    far = backdrop(x, y, (0, (52, 58, 120)), (0.4, (126, 96, 156)), (0.65, (228, 146, 146)), (0.88, (252, 196, 150)))
    up = 0.07 * lift
    pulse = np.zeros((*x.shape, 3), np.float32)
    for wide, seed, low, high, wall, glass in (
        (0.11, 121, 0.2, 0.42, (142, 110, 156), 0.0), (0.17, 122, 0.22, 0.56, (88, 76, 130), 0.4),
        (0.24, 123, 0.14, 0.42, (50, 50, 96), 1.0),
    ):  # fmt: skip
        _row(far, pulse, wide=wide, seed=seed, low=low + up, high=high + up, wall=wall, glass=glass)
    near = clear(x, y)
    near.blend(edge(y - 0.86), mix((116, 108, 132), (92, 88, 112), ramp(y, 0.86, 0.9)))
    near.blend(edge(y - 0.905), mix((66, 66, 86), (44, 44, 60), ramp(y, 0.9, 1.0)))
    near.blend(edge(0.004 - np.abs(y - 0.905)), (150, 142, 156))
    near.blend(edge(0.08 - np.abs((x * 3) % 1 - 0.5) * 0.32) * edge(0.0055 - np.abs(y - 0.953)), (226, 214, 180))
    for cx in np.arange(-0.4, RIGHT, 0.52):
        _lamp_post(near, float(cx), 0.9)
    return scenery(far, near, pulse)


def _row(far: Layer, pulse: Image, *, wide: float, seed: int, low: float, high: float, wall: Rgb, glass: float) -> None:
    """A row of houses about `wide` each; `glass` 0..1 says how clearly their windows show."""
    for k, left in enumerate(np.arange(LEFT - wide, RIGHT, wide)):
        rng = np.random.default_rng([seed, k])
        x0, x1 = float(left) + 0.01, float(left) + wide * float(rng.uniform(0.86, 1.02))
        top = 0.9 - float(rng.uniform(low, high))
        tint = float(rng.uniform(0.9, 1.1))
        part = far.part(x0 - 0.02, top - 0.12, x1 + 0.02, 0.92)
        face = mix([c * tint for c in wall], [c * tint * 0.8 + 40 for c in wall], ramp(part.y, 0.5, 0.95))
        share = convex(part.x, part.y, [(x0, top), (x1, top), (x1, 0.95), (x0, 0.95)])
        match int(rng.integers(4)):
            case 0:
                share = np.maximum(share, edge(0.004 - np.abs(part.x - x0 - 0.3 * wide)) * edge(part.y - top + 0.09))
            case 1:
                share = np.maximum(share, convex(part.x, part.y, [(x0, top), (0.5 * (x0 + x1), top - 0.05), (x1, top)]))
            case 2:
                inset = 0.2 * wide
                share = np.maximum(share, convex(part.x, part.y, [
                    (x0 + inset, top - 0.04), (x1 - inset, top - 0.04), (x1 - inset, top + 0.01), (x0 + inset, top + 0.01),
                ]))  # fmt: skip
        part.blend(share, face)
        if glass:
            _windows(part, far, pulse, (x0, top, x1), rng, glass)


def _windows(
    part: Layer, far: Layer, pulse: Image, house: tuple[float, float, float], rng: np.random.Generator, glass: float
) -> None:  # fmt: skip
    x0, top, x1 = house
    columns = max(2, round((x1 - x0) / 0.048))
    column, row = (part.x - x0) / (x1 - x0) * columns, (part.y - top - 0.015) / 0.056
    pane = edge(0.28 - np.abs(column % 1 - 0.5), 0.12) * edge(0.27 - np.abs(row % 1 - 0.5), 0.12)
    inside = (part.x > x0) & (part.x < x1) & (row > 0) & (part.y < 0.86)
    lit = rng.uniform(size=(24, 16)) < 0.55
    on = lit[np.clip(row, 0, 23).astype(int), np.clip(column, 0, 15).astype(int)]
    part.blend(glass * pane * inside * on, WARM)
    part.blend(0.5 * glass * pane * inside * ~on, (86, 92, 146))
    light = Layer(far.x, far.y, pulse, np.zeros_like(far.x)).part(x0 - 0.02, top - 0.12, x1 + 0.02, 0.92)
    light.blend(glass * pane * inside * on, (0, 14, 30))


def _lamp_post(near: Layer, cx: float, foot: float) -> None:
    top = foot - 0.26
    near.stroke(cx, foot, cx, top, (40, 40, 58), r0=0.007, r1=0.005)
    near.stroke(cx, top, cx + 0.05, top - 0.012, (40, 40, 58), r0=0.005)
    near.oval(cx + 0.06, top - 0.004, 0.05, 0.04, WARM, share=0.3, soft=0.05)
    near.oval(cx + 0.06, top - 0.002, 0.02, 0.011, (255, 240, 196))
    near.oval(cx, foot + 0.004, 0.018, 0.006, (40, 40, 58))


def room(x: Image, y: Image, lift: float) -> Scenery:
    """Indoors: papered wall, curtained window, pictures, shelf, floor lamp, boards and a rug."""
    floor = 0.8 - 0.06 * lift
    far = backdrop(x, y, (0, (226, 206, 178)), (floor, (240, 224, 198)), (1, (240, 224, 198)))
    far.blend(0.4 * ramp(np.sin(52 * x), 0.6, 0.9), (214, 190, 160))
    far.blend(edge(y - floor + 0.13), mix((206, 178, 148), (188, 158, 128), ramp(y, floor - 0.13, floor)))
    far.blend(edge(0.005 - np.abs(y - floor + 0.13)), (250, 242, 228))
    far.blend(edge(y - floor + 0.02), (250, 242, 228))
    for cx in (0.36, 1.88):
        _window(far, cx, 0.36)
    for cx, kind in ((-0.26, 0), (1.0, 1), (1.3, 2)):
        _picture(far, cx, 0.3 + 0.04 * (kind % 2), kind)
    near = clear(x, y)
    _boards(near, floor)
    near.oval(0.85, 0.94, 0.62, 0.05, (168, 74, 70))
    near.oval(0.85, 0.94, 0.56, 0.038, (222, 180, 138))
    near.oval(0.85, 0.94, 0.52, 0.032, (168, 74, 70))
    for cx in (-0.05, 1.56):
        _lamp(near, cx, floor + 0.05)
    for cx in (-0.42, 0.72, 2.12):
        _plant(near, cx, floor + 0.06)
    lamps = sum(np.exp(-(((x - cx) ** 2 + (y - floor + 0.36) ** 2) / 0.03)) for cx in (-0.05, 1.56))
    return scenery(far, near, np.asarray(lamps)[..., None] * np.array([22, 16, 4], np.float32))


def _boards(near: Layer, floor: float) -> None:
    """Floor boards that run towards the eye."""
    depth = np.maximum(near.y - floor, 0) + 0.12
    plank = (near.x - 0.9) / depth * 0.9
    tone = np.sin(np.floor(plank) * 12.9898) * 0.5 + 0.5
    wood = mix((196, 138, 92), (172, 116, 76), tone)
    near.blend(edge(near.y - floor), wood)
    seam = edge(0.03 - np.abs(plank % 1 - 0.5) + 0.0, 0.05) * 0.5
    near.blend(seam * edge(near.y - floor - 0.004), (128, 84, 58))
    near.blend(0.35 * ramp(near.y, floor + 0.05, floor) * edge(near.y - floor), (110, 72, 54))


def _window(far: Layer, cx: float, cy: float) -> None:
    """Two panes with a garden behind them, between curtains on a rod."""
    w, h = 0.19, 0.2
    far.box(cx - w - 0.02, cy - h - 0.02, cx + w + 0.02, cy + h + 0.02, (250, 248, 242))
    pane = far.part(cx - w, cy - h, cx + w, cy + h)
    air = mix((150, 206, 244), (226, 242, 250), ramp(pane.y, cy - h, cy + h))
    pane.blend(np.ones_like(pane.x), air)
    pane.oval(cx - 0.08, cy + h, 0.16, 0.1, (140, 192, 120))
    pane.oval(cx + 0.12, cy + h, 0.14, 0.07, (118, 178, 112))
    pane.oval(cx + 0.07, cy - 0.1, 0.07, 0.022, (255, 255, 255))
    far.box(cx - 0.009, cy - h, cx + 0.009, cy + h, (250, 248, 242))
    far.box(cx - w, cy - 0.03, cx + w, cy - 0.014, (250, 248, 242))
    far.box(cx - w - 0.05, cy + h + 0.02, cx + w + 0.05, cy + h + 0.04, (232, 224, 210))
    for side in (-1, 1):
        part = far.part(cx + side * 0.2 - 0.09, cy - h - 0.06, cx + side * 0.2 + 0.09, cy + h + 0.1)
        along = np.clip((part.y - cy + h + 0.05) / (2 * h + 0.14), 0, 1)
        half = 0.075 - 0.035 * np.sin(np.pi * np.clip(along, 0, 1)) ** 2 * 0.9
        middle = cx + side * (0.205 + 0.02 * np.sin(np.pi * along))
        folds = mix((98, 146, 158), (66, 112, 130), 0.5 + 0.5 * np.sin((part.x - middle) / half * 7))
        hung = edge(part.y - cy + h + 0.05) * edge(cy + h + 0.09 - part.y)
        part.blend(edge(half - np.abs(part.x - middle)) * hung, folds)
    far.stroke(cx - 0.3, cy - h - 0.055, cx + 0.3, cy - h - 0.055, (126, 88, 60), r0=0.009)


def _picture(far: Layer, cx: float, cy: float, kind: int) -> None:
    w, h = ((0.1, 0.13), (0.12, 0.09), (0.07, 0.09))[kind]
    far.box(cx - w - 0.006, cy - h + 0.012, cx + w + 0.022, cy + h + 0.022, (190, 164, 134), share=0.6)
    far.box(cx - w - 0.012, cy - h - 0.012, cx + w + 0.012, cy + h + 0.012, (118, 80, 54))
    inner = far.part(cx - w + 0.006, cy - h + 0.006, cx + w - 0.006, cy + h - 0.006)
    inner.box(cx - w, cy - h, cx + w, cy + h, ((236, 214, 176), (178, 212, 226), (232, 196, 188))[kind])
    inner.oval(cx, cy + h, 1.1 * w, 0.9 * h, ((166, 122, 96), (112, 158, 120), (150, 108, 140))[kind])
    inner.oval(cx + 0.6 * w, cy + h, w, 0.55 * h, ((138, 98, 84), (84, 132, 104), (122, 86, 120))[kind])


def _lamp(near: Layer, cx: float, foot: float) -> None:
    near.oval(cx, foot, 0.06, 0.012, (92, 66, 52))
    near.stroke(cx, foot, cx, foot - 0.36, (92, 66, 52), r0=0.007)
    top = foot - 0.47
    shade = near.part(cx - 0.11, top, cx + 0.11, top + 0.13)
    cloth = mix((255, 240, 190), (246, 206, 132), ramp(np.abs(shade.x - cx), 0.02, 0.1))
    corners = [(cx - 0.055, top), (cx + 0.055, top), (cx + 0.1, top + 0.13), (cx - 0.1, top + 0.13)]
    shade.blend(convex(shade.x, shade.y, corners), cloth)


def _plant(near: Layer, cx: float, foot: float) -> None:
    for k, (lean, tall) in enumerate(((-0.8, 0.13), (-0.4, 0.19), (0.0, 0.22), (0.45, 0.18), (0.85, 0.12))):
        green, root = ((92, 148, 96), (72, 126, 82))[k % 2], foot - 0.09
        tip_x, tip_y = cx + tall * np.sin(lean), root - tall * np.cos(lean)
        mid_x, mid_y = 0.5 * (cx + tip_x), 0.5 * (root + tip_y) - 0.01
        near.stroke(cx, root, mid_x, mid_y, green, r0=0.006, r1=0.019)
        near.stroke(mid_x, mid_y, tip_x, tip_y, green, r0=0.019, r1=0.002)
    pot = [(cx - 0.055, foot - 0.1), (cx + 0.055, foot - 0.1), (cx + 0.04, foot), (cx - 0.04, foot)]
    near.polygon(pot, (206, 120, 84))
    near.box(cx - 0.062, foot - 0.112, cx + 0.062, foot - 0.09, (222, 138, 98))
