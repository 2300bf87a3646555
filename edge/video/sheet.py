"""A sheet of paper to draw on with smooth lines, in units of one canvas height; OpenCV puts the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # red, green, blue
Points = Sequence[tuple[float, float]] | NDArray[np.floating]

Mask = NDArray[np.integer | np.floating]  # as OpenCV gives it: uint8

SUB = 4  # bits of a pixel's fraction in OpenCV's coordinates
FONT = cv2.FONT_HERSHEY_DUPLEX
CAPITAL = 22.0  # pixels of a capital letter at scale 1
DASH = 0.025
HALO: Colour = (255, 255, 255)


class Sheet:
    """See the module: points are (x, y), y downwards, and widths are pixels. `at` moves the origin."""

    def __init__(self, width: float, height: float, *, scale: int, paper: Colour) -> None:
        self._pixels = np.empty((round(height * scale), round(width * scale), 3), np.uint8)
        self._pixels[:] = paper[::-1]
        self._scale, self._left, self._top = scale, 0.0, 0.0

    def at(self, left: float, top: float) -> Self:
        """The same sheet, with its origin at this place of it."""
        moved = copy(self)
        moved._left, moved._top = self._left + left, self._top + top  # noqa: SLF001 - a sheet of its own kind
        return moved

    def png(self) -> bytes:
        """The sheet as a PNG file."""
        return bytes(cv2.imencode(".png", self._pixels)[1])

    def box(self, left: float, top: float, right: float, bottom: float, *, fill: Colour, line: Colour) -> None:
        """A filled rectangle with a thin edge."""
        one, two = self._pixel([(left, top), (right, bottom)]).astype(int)
        cv2.rectangle(self._pixels, one.tolist(), two.tolist(), fill[::-1], -1)
        cv2.rectangle(self._pixels, one.tolist(), two.tolist(), line[::-1], 1)

    def line(self, points: Points, colour: Colour, *, width: int = 1, dashed: bool = False) -> None:
        """A line through points, whole or dashed."""
        pieces = _dashes(np.asarray(points, np.float64)) if dashed else [np.asarray(points, np.float64)]
        lines = [self._fine(piece) for piece in pieces]
        cv2.polylines(self._pixels, lines, False, colour[::-1], width, cv2.LINE_AA, SUB)

    def disc(self, x: float, y: float, radius: float, colour: Colour, *, alpha: float = 1.0) -> None:
        """A filled circle; through one with less alpha shows what is below."""
        self._circle(x, y, radius, colour, width=-1, alpha=alpha)

    def ring(self, x: float, y: float, radius: float, colour: Colour, *, width: int = 1, alpha: float = 1.0) -> None:
        """A circle."""
        self._circle(x, y, radius, colour, width=width, alpha=alpha)

    def cross(self, x: float, y: float, reach: float, colour: Colour) -> None:
        """A slanted cross."""
        for side in (-reach, reach):
            self.line([(x - reach, y - side), (x + reach, y + side)], colour, width=2)

    def arrow(self, points: Points, length: float, colour: Colour) -> None:
        """The head of an arrow at the last of the points; a dot where they stand still."""
        path = np.asarray(points, np.float64)
        tip = path[-1]
        away = path[np.hypot(*(path - tip).T) > length / 2]
        if not len(away):
            self.disc(float(tip[0]), float(tip[1]), length / 3, colour)
            return
        ahead = (tip - away[-1]) / np.hypot(*(tip - away[-1]))
        beside = np.array([-ahead[1], ahead[0]])
        corners = [tip, tip - length * (ahead + 0.45 * beside), tip - length * (ahead - 0.45 * beside)]
        cv2.fillPoly(self._pixels, [self._fine(np.array(corners))], colour[::-1], cv2.LINE_AA, SUB)

    def text(
        self, x: float, y: float, words: str, colour: Colour, *, size: float, within: float = 0.0, align: float = 0.0,
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Words with a white edge on the base line `y`; `align` is which share of them stands left of `x`.

        `size` is the height of a capital. `within` keeps them between 0 and that x, smaller where there is no room.
        """
        scale, weight = size * self._scale / CAPITAL, 2 if bold else 1
        width = cv2.getTextSize(words, FONT, scale, weight)[0][0] / self._scale
        if within and width > within:
            scale, width = scale * within / width, within
        left = x - align * width
        left = min(max(left, 0.0), within - width) if within else left
        corner = self._pixel([(left, y)])[0].astype(int).tolist()
        mask = np.zeros(self._pixels.shape[:2], np.uint8)
        cv2.putText(mask, words, corner, FONT, scale, (255,), weight, cv2.LINE_AA)
        self._tint(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))), HALO)
        self._tint(mask, colour)

    def _tint(self, mask: Mask, colour: Colour) -> None:
        """Colour the pixels where the mask [height, width] is 255, and between where it is less."""
        left, top, width, height = cv2.boundingRect(mask)
        window = slice(top, top + height), slice(left, left + width)
        share = mask[window][..., None] / np.float32(255)
        self._pixels[window] = np.round(self._pixels[window] * (1 - share) + np.array(colour[::-1]) * share)

    def _circle(self, x: float, y: float, radius: float, colour: Colour, *, width: int, alpha: float) -> None:
        centre, reach = self._fine(np.array([[x, y]]))[0].tolist(), round(radius * self._scale * 2**SUB)
        top = self._pixels.copy() if alpha < 1 else self._pixels
        cv2.circle(top, centre, reach, colour[::-1], width, cv2.LINE_AA, SUB)
        if alpha < 1:
            cv2.addWeighted(top, alpha, self._pixels, 1 - alpha, 0, self._pixels)

    def _pixel(self, points: Points) -> NDArray[np.float64]:
        pixels: NDArray[np.float64] = (np.asarray(points, np.float64) + np.array([self._left, self._top])) * self._scale
        return pixels

    def _fine(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """Pixels in fractions, as OpenCV wants them."""
        pixels: NDArray[np.int32] = np.round(self._pixel(points) * 2**SUB).astype(np.int32)
        return pixels


def _dashes(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Every other piece of a line."""
    dashes: list[NDArray[np.float64]] = []
    for one, two in pairwise(points):
        count = max(1, round(float(np.hypot(*(two - one))) / DASH / 2))
        ends = np.arange(count)[:, None, None] / count + np.array([[0.0], [0.5]]) / count
        dashes.extend(one + (two - one) * ends)
    return dashes
