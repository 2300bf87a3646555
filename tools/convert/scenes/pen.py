"""The pen that subjects are drawn with: it takes local coordinates and only records what it was asked to draw.

Local coordinates: u to the right (the way the subject faces), v down, the body within about [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes.ink import Fill, Ink, Light, Rgb, Stroke

Points = NDArray[np.float64]

DARK_INK: Rgb = (40, 38, 52)
CREAM: Rgb = (255, 248, 232)
GLASS: Rgb = (176, 224, 246)
ROUND = 36
_TURN = np.linspace(0, 2 * np.pi, ROUND)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True)
class Pen:
    """Records local shapes at one pose. `scale` is pixels per unit of radius, `flip` is -1 where u points left."""

    x: float
    y: float
    scale: float
    angle: float
    flip: float
    base: Rgb
    marks: list[Ink] = field(default_factory=list)  # as Fill, Stroke and Light, but in local coordinates

    def tone(self, amount: float) -> Rgb:
        """The base colour towards white (amount > 0) or black (amount < 0)."""
        rest = (255.0 if amount > 0 else 0.0) * abs(amount)
        keep = 1 - abs(amount)
        red, green, blue = self.base
        return red * keep + rest, green * keep + rest, blue * keep + rest

    def shape(self, points: Points, colour: Rgb, alpha: float = 1.0) -> None:
        """Fill a polygon given as [n, 2] local points; where it crosses itself the even-odd rule decides."""
        self.marks.append(Fill(points, colour, alpha))

    def line(self, points: Points, colour: Rgb, width: float) -> None:
        """Draw a polyline that does not cross itself, with round ends; `width` is in units of radius."""
        self.marks.append(Stroke(points, colour, width))

    def oval(
        self, u: float, v: float, ru: float, rv: float, colour: Rgb, turn: float = 0.0, alpha: float = 1.0
    ) -> None:
        """Fill an ellipse with centre (u, v), half axes (ru, rv), turned by `turn` radians."""
        self.shape(ellipse(u, v, ru, rv, turn), colour, alpha)

    def light(self, u: float, v: float, radius: float, colour: Rgb, strength: float) -> None:
        """Add a soft round glow of `radius` (units of radius); `strength` 0..1 is its share at the centre."""
        self.marks.append(Light(u, v, radius, colour, strength))

    def ink(self) -> list[Ink]:
        """The display list: everything drawn so far, in pixels, in drawing order."""
        if not self.marks:
            return []
        local = [np.array([[m.x, m.y]]) if isinstance(m, Light) else m.points for m in self.marks]
        pixels = self._pixels(np.concatenate(local))
        ink, start = [], 0
        for mark, points in zip(self.marks, local, strict=True):
            ink.append(self._placed(mark, pixels[start : start + len(points)]))
            start += len(points)
        return ink

    def _placed(self, mark: Ink, points: NDArray[np.floating]) -> Ink:
        match mark:
            case Fill(_, colour, alpha):
                return Fill(points, colour, alpha)
            case Stroke(_, colour, width):
                return Stroke(points, colour, max(1.0, width * self.scale))
            case Light(_, _, radius, colour, strength):
                return Light(float(points[0, 0]), float(points[0, 1]), radius * self.scale, colour, strength)

    def _pixels(self, points: Points) -> NDArray[np.float32]:
        c, s = self.scale * cos(self.angle), self.scale * sin(self.angle)
        matrix = np.array([[c * self.flip, s * self.flip], [-s, c]])
        return (points @ matrix + (self.x, self.y)).astype(np.float32)


def ellipse(u: float, v: float, ru: float, rv: float, turn: float = 0.0, arc: tuple[float, float] = (0, 1)) -> Points:
    """Points of an ellipse, or of the part of it between two shares of a full turn: [ROUND, 2], ends included."""
    circle = _CIRCLE
    if arc != (0, 1):
        t = np.linspace(2 * np.pi * arc[0], 2 * np.pi * arc[1], ROUND)
        circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    c, s = cos(turn), sin(turn)
    return circle @ np.array([[ru * c, ru * s], [-rv * s, rv * c]]) + (u, v)
