"""The subjects: each is a few filled shapes in local coordinates, drawn anti-aliased onto the frame.

Local coordinates: u to the right (the way the subject faces), v down, the body within about [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]
Rgb = tuple[float, float, float]

SHIFT = 4
DARK_INK: Rgb = (40, 38, 52)
CREAM: Rgb = (255, 248, 232)
GLASS: Rgb = (176, 224, 246)
COLOURS: dict[str, Rgb] = {
    "red": (226, 44, 48), "orange": (248, 134, 28), "yellow": (250, 212, 44), "green": (56, 170, 72),
    "blue": (42, 96, 220), "purple": (136, 62, 188), "pink": (248, 122, 178), "white": (240, 240, 244),
}  # fmt: skip


@dataclass(frozen=True)
class Pen:
    """Draws local shapes onto `frame` at one pose. `scale` is pixels per unit of radius."""

    frame: Frame
    x: float
    y: float
    scale: float
    angle: float
    flip: float
    base: Rgb

    def tone(self, amount: float) -> Rgb:
        """The base colour towards white (amount > 0) or black (amount < 0)."""
        target = 255.0 if amount > 0 else 0.0
        red, green, blue = (channel + (target - channel) * abs(amount) for channel in self.base)
        return red, green, blue

    def _pixels(self, points: Points) -> NDArray[np.int32]:
        u, v = points[:, 0] * self.flip, points[:, 1]
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        x = self.x + self.scale * (cos * u - sin * v)
        y = self.y + self.scale * (sin * u + cos * v)
        return np.round(np.stack([x, y], axis=1) * (1 << SHIFT)).astype(np.int32)

    def shape(self, points: Points, colour: Rgb) -> None:
        """Fill a polygon given as [n, 2] local points."""
        cv2.fillPoly(self.frame, [self._pixels(points)], colour, cv2.LINE_AA, SHIFT)

    def line(self, points: Points, colour: Rgb, width: float) -> None:
        """Draw a polyline; `width` is in units of radius."""
        thickness = max(1, round(width * self.scale))
        cv2.polylines(self.frame, [self._pixels(points)], False, colour, thickness, cv2.LINE_AA, SHIFT)

    def oval(self, u: float, v: float, ru: float, rv: float, colour: Rgb, turn: float = 0.0) -> None:
        """Fill an ellipse with centre (u, v), half axes (ru, rv), turned by `turn` radians."""
        self.shape(ellipse(u, v, ru, rv, turn), colour)


def ellipse(u: float, v: float, ru: float, rv: float, turn: float = 0.0, arc: tuple[float, float] = (0, 1)) -> Points:
    """Points of an ellipse, or of the part of it between two shares of a full turn."""
    t = np.linspace(2 * np.pi * arc[0], 2 * np.pi * arc[1], 36)
    a, b = ru * np.cos(t), rv * np.sin(t)
    return np.stack([u + a * np.cos(turn) - b * np.sin(turn), v + a * np.sin(turn) + b * np.cos(turn)], axis=1)


def _points(*pairs: tuple[float, float]) -> Points:
    return np.array(pairs, np.float64)


def balloon(pen: Pen, phase: float) -> None:
    v = np.linspace(0.72, 1.75, 10)
    pen.line(np.stack([0.1 * np.sin(phase + 3 * (v - 0.7)) * (v - 0.7), v], 1), DARK_INK, 0.04)
    pen.shape(_points((-0.14, 0.84), (0.14, 0.84), (0, 0.6)), pen.tone(-0.3))
    pen.oval(0, -0.15, 0.74, 0.86, pen.base)
    pen.shape(np.concatenate([ellipse(0, -0.15, 0.74, 0.86, 0, (-0.1, 0.3)), _points((0.1, 0.45))]), pen.tone(-0.14))
    pen.oval(-0.26, -0.48, 0.15, 0.26, pen.tone(0.6), 0.4)


def jellyfish(pen: Pen, phase: float) -> None:
    pulse = 0.1 * np.sin(phase)
    width = 0.82 + pulse
    v = np.linspace(0, 1.35, 12)
    for k, u in enumerate(np.linspace(-0.62, 0.62, 5)):
        wave = 0.13 * np.sin(phase + 4.2 * v + k) * (0.3 + v)
        pen.line(np.stack([u * width + wave, v + 0.05], 1), pen.tone(0.3 if k % 2 else 0.05), 0.1)
    dome = ellipse(0, 0.08, width, 0.88 - pulse, 0, (0.5, 1.0))
    hem = np.stack([np.linspace(width, -width, 25), 0.08 + 0.11 * np.abs(np.sin(np.linspace(0, 4 * np.pi, 25)))], 1)
    pen.shape(np.concatenate([dome, hem]), pen.base)
    pen.shape(ellipse(0, 0.0, width * 0.66, 0.62 - pulse, 0, (0.5, 1.0)), pen.tone(0.28))
    for u in (-0.34, 0.0, 0.34):
        pen.oval(u, -0.2, 0.09, 0.13, pen.tone(0.65))


def fish(pen: Pen, phase: float) -> None:
    wag = 0.22 * np.sin(phase)
    pen.shape(_points((-0.5, 0), (-1.12, -0.5 + wag), (-0.95, wag), (-1.12, 0.5 + wag)), pen.tone(-0.22))
    pen.shape(_points((-0.25, -0.4), (0.05, -0.82), (0.4, -0.38)), pen.tone(-0.22))
    pen.oval(0.12, 0, 0.84, 0.5, pen.base)
    pen.shape(ellipse(0.12, 0, 0.84, 0.5, 0, (0.08, 0.42)), pen.tone(0.3))
    pen.line(ellipse(0.28, 0, 0.2, 0.4, 0, (0.28, 0.72)), pen.tone(-0.3), 0.06)
    pen.shape(_points((0.0, 0.08), (-0.34, 0.3 - wag), (-0.05, 0.32)), pen.tone(-0.25))
    pen.oval(0.6, -0.12, 0.16, 0.16, CREAM)
    pen.oval(0.64, -0.12, 0.08, 0.08, DARK_INK)


def bird(pen: Pen, phase: float) -> None:
    flap = np.sin(phase)
    pen.shape(_points((-0.55, 0.0), (-1.15, -0.22), (-1.05, 0.06), (-1.15, 0.26)), pen.tone(-0.25))
    pen.oval(0.0, 0.05, 0.66, 0.38, pen.base)
    pen.oval(0.05, 0.17, 0.48, 0.22, pen.tone(0.5))
    pen.shape(_points((0.86, -0.26), (1.22, -0.12), (0.84, -0.06)), (250, 166, 40))
    pen.oval(0.62, -0.2, 0.31, 0.29, pen.base)
    pen.shape(_points((0.26, -0.08), (-0.38, -0.02), (-0.62, -0.95 * flap), (-0.12, -0.88 * flap)), pen.tone(-0.3))
    pen.oval(0.7, -0.25, 0.07, 0.07, DARK_INK)


def butterfly(pen: Pen, phase: float) -> None:
    open_ = 0.32 + 0.68 * abs(np.cos(phase / 2))
    for side in (-1.0, 1.0):
        pen.oval(side * 0.52 * open_, -0.36, 0.52 * open_, 0.5, pen.base, side * 0.35)
        pen.oval(side * 0.42 * open_, 0.42, 0.4 * open_, 0.42, pen.tone(-0.2), -side * 0.3)
        pen.oval(side * 0.56 * open_, -0.4, 0.24 * open_, 0.25, pen.tone(0.55))
        pen.oval(side * 0.44 * open_, 0.44, 0.16 * open_, 0.18, pen.tone(0.55))
        pen.line(_points((0, -0.6), (side * 0.22, -0.98)), DARK_INK, 0.05)
    pen.oval(0, 0, 0.1, 0.68, DARK_INK)


def boat(pen: Pen, phase: float) -> None:
    rock = 0.05 * np.sin(phase)
    pen.line(_points((0, 0.3), (rock, -1.02)), DARK_INK, 0.08)
    pen.shape(_points((0.07 + rock, -0.95), (0.07, 0.2), (0.82, 0.2)), CREAM)
    pen.shape(_points((-0.07 + rock, -0.7), (-0.07, 0.2), (-0.6, 0.2)), pen.tone(0.55))
    pen.shape(_points((-1.08, 0.3), (1.15, 0.3), (0.78, 0.84), (-0.78, 0.84)), pen.base)
    pen.shape(_points((-1.08, 0.3), (1.15, 0.3), (1.06, 0.44), (-0.98, 0.44)), pen.tone(-0.35))


def car(pen: Pen, phase: float) -> None:
    pen.shape(_points((-0.62, -0.1), (-0.4, -0.58), (0.28, -0.58), (0.6, -0.1)), pen.tone(-0.25))
    pen.shape(_points((-0.5, -0.1), (-0.33, -0.48), (-0.06, -0.48), (-0.06, -0.1)), GLASS)
    pen.shape(_points((0.04, -0.1), (0.04, -0.48), (0.23, -0.48), (0.48, -0.1)), GLASS)
    body = _points((-1.08, -0.06), (-0.98, -0.14), (0.72, -0.14), (1.08, 0.06), (1.12, 0.4), (-1.08, 0.4))
    pen.shape(body, pen.base)
    pen.shape(_points((-1.08, 0.28), (1.12, 0.28), (1.12, 0.4), (-1.08, 0.4)), pen.tone(-0.3))
    pen.oval(1.0, 0.1, 0.1, 0.09, (255, 236, 150))
    for u in (-0.6, 0.62):
        pen.oval(u, 0.42, 0.31, 0.31, DARK_INK)
        pen.oval(u, 0.42, 0.15, 0.15, (214, 214, 222))
        spoke = 0.2 * np.array([np.cos(phase), np.sin(phase)])
        hub = np.array([u, 0.42])
        pen.line(np.stack([hub - spoke, hub + spoke]), DARK_INK, 0.05)


def rocket(pen: Pen, phase: float) -> None:
    flame = 0.34 + 0.16 * np.sin(phase)
    pen.shape(_points((-0.26, 0.7), (0.26, 0.7), (0, 0.95 + 1.3 * flame)), (250, 140, 30))
    pen.shape(_points((-0.14, 0.7), (0.14, 0.7), (0, 0.85 + 0.7 * flame)), (255, 232, 130))
    pen.shape(_points((-0.3, 0.15), (-0.74, 0.72), (-0.7, 0.92), (-0.24, 0.68)), pen.tone(-0.35))
    pen.shape(_points((0.3, 0.15), (0.74, 0.72), (0.7, 0.92), (0.24, 0.68)), pen.tone(-0.35))
    side = np.linspace(0, 1, 12)
    bulge = 0.42 * np.sin(np.pi * (0.12 + 0.72 * side)) ** 0.8 * np.minimum(1, side * 3 + 0.02)
    hull = np.concatenate([np.stack([-bulge, -1.1 + 1.85 * side], 1), np.stack([bulge, -1.1 + 1.85 * side], 1)[::-1]])
    pen.shape(hull, pen.base)
    pen.shape(np.concatenate([hull[:5], hull[-5:]]), pen.tone(-0.35))
    pen.oval(0, -0.22, 0.22, 0.22, CREAM)
    pen.oval(0, -0.22, 0.15, 0.15, (96, 170, 226))


def heart(pen: Pen, phase: float) -> None:
    beat = 1 + 0.09 * np.sin(phase)
    t = np.linspace(0, 2 * np.pi, 48)
    u = np.sin(t) ** 3
    v = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16 - 0.08
    pen.shape(np.stack([u, v], 1) * beat, pen.base)
    pen.shape(np.stack([u, v], 1) * beat * 0.72 + [0.03, 0.02], pen.tone(0.14))
    pen.oval(-0.42 * beat, -0.42 * beat, 0.15, 0.2, pen.tone(0.68), 0.6)


def star(pen: Pen, phase: float) -> None:
    turn = np.linspace(0, 2 * np.pi, 11)[:-1] - np.pi / 2
    size = 1.06 + 0.07 * np.sin(phase)
    outline = np.where(np.arange(10) % 2 == 0, size, 0.46 * size)
    ring = np.stack([np.cos(turn) * outline, np.sin(turn) * outline], 1)
    pen.shape(ring, pen.base)
    pen.shape(ring * 0.58, pen.tone(0.5))


def flower(pen: Pen, phase: float) -> None:
    sway = 0.12 * np.sin(phase)
    v = np.linspace(0.3, 1.55, 8)
    pen.line(np.stack([sway * (v - 0.3), v], 1), (62, 140, 60), 0.13)
    pen.oval(0.34 + sway, 1.05, 0.32, 0.13, (82, 166, 72), -0.5)
    for k in range(6):
        a = k * np.pi / 3 + 0.3 * sway
        pen.oval(0.52 * np.cos(a), 0.52 * np.sin(a) - 0.1, 0.36, 0.27, pen.base if k % 2 else pen.tone(-0.12), a)
    pen.oval(0, -0.1, 0.28, 0.28, (252, 200, 60) if pen.base[2] > 80 or pen.base[1] < 120 else (150, 88, 40))


def moon(pen: Pen, phase: float) -> None:
    outer = ellipse(0, 0, 1.0, 1.0, 0, (0.12, 0.88))
    inner = ellipse(0.46, 0, 0.78, 0.78, 0, (0.82, 0.18))
    pen.shape(np.concatenate([outer, inner]), pen.base)
    pen.oval(-0.66, -0.28, 0.12, 0.12, pen.tone(-0.18))
    pen.oval(-0.55, 0.4, 0.15, 0.15, pen.tone(-0.18))
    pen.oval(-0.72, 0.08, 0.07, 0.07, pen.tone(0.4 + 0.2 * float(np.sin(phase))))


SUBJECTS: dict[str, Callable[[Pen, float], None]] = {
    "balloon": balloon, "jellyfish": jellyfish, "fish": fish, "bird": bird, "butterfly": butterfly, "boat": boat,
    "car": car, "rocket": rocket, "heart": heart, "star": star, "flower": flower, "moon": moon,
}  # fmt: skip
