"""The OpenCV rasteriser: draws a display list into a small tile, and lays the tile onto the picture.

A tile is RGBA uint8, premultiplied. Pictures are RGBX uint8, because OpenCV is quickest with four channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes.ink import Light, Rgb
from tools.convert.scenes.particles import Swarm
from tools.convert.scenes.stage import HALO_POWER, Box
from tools.convert.scenes.styles import PAPER, Cutouts, Finish, Paint

Plate = NDArray[np.uint8]

FINER = 2  # tiles are drawn this much finer and then averaged
SHIFT = 6  # fractional bits of a coordinate
SPRITE = 128
_AXIS = np.linspace(-1, 1, SPRITE, dtype=np.float32)
HALO = np.round(255 * np.clip(1 - np.hypot(_AXIS[None], _AXIS[:, None]), 0, 1) ** HALO_POWER).astype(np.uint8)


def draw(cut: Cutouts, box: Box) -> Plate:
    """The cut-outs as a tile [y1 - y0, x1 - x0, 4] of that part of the picture."""
    x0, y0, x1, y1 = box
    fine = np.zeros((FINER * (y1 - y0), FINER * (x1 - x0), 4), np.uint8)
    outlines = iter(polygons(cut, origin=(x0, y0), finer=FINER))
    for mark in cut.marks:
        if isinstance(mark, Light):
            centre = FINER * (mark.x - x0), FINER * (mark.y - y0)
            shine(fine, *centre, FINER * mark.radius, mark.colour, mark.strength)
        elif mark.alpha >= 1:
            cv2.fillPoly(fine, [next(outlines)], (*mark.colour, 255), cv2.LINE_AA, SHIFT)
        else:
            _glaze(fine, next(outlines), mark)
    return np.asarray(cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.uint8)


def polygons(cut: Cutouts, *, origin: tuple[int, int] = (0, 0), finer: int = 1) -> list[NDArray[np.int32]]:
    """The polygons of cut-outs in OpenCV's fixed-point pixel coordinates."""
    fixed = fixed_point(finer * cut.points - (finer * origin[0] + 0.5, finer * origin[1] + 0.5))
    return [fixed[a:b] for a, b in pairwise([0, *cut.ends])]


def fixed_point(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Pixel coordinates, whole at pixel centres, as OpenCV wants them."""
    return np.rint(points * (1 << SHIFT)).astype(np.int32)


def _glaze(tile: Plate, polygon: NDArray[np.int32], paint: Paint) -> None:
    """Fill a polygon so that what is below shines through."""
    height, width = tile.shape[:2]
    low, high = (polygon.min(axis=0) >> SHIFT) - 2, (polygon.max(axis=0) >> SHIFT) + 3
    x0, y0, x1, y1 = max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0])), min(height, int(high[1]))
    if x1 <= x0 or y1 <= y0:
        return
    below = tile[y0:y1, x0:x1]
    above = below.copy()
    local = polygon - np.array([x0 << SHIFT, y0 << SHIFT], np.int32)
    cv2.fillPoly(above, [local], (*paint.colour, 255), cv2.LINE_AA, SHIFT)
    tile[y0:y1, x0:x1] = cv2.addWeighted(above, paint.alpha, below, 1 - paint.alpha, 0)


def shine(image: Plate, x: float, y: float, radius: float, colour: Rgb, strength: float) -> None:
    """Add a round glow."""
    found = halo(image, x, y, radius)
    if found is not None:
        (x0, y0, x1, y1), share = found
        planes = [cv2.convertScaleAbs(share, alpha=strength * channel / 255) for channel in colour]
        window = image[y0:y1, x0:x1]
        cv2.add(window, cv2.merge([*planes, np.zeros_like(share)]), dst=window)


def halo(image: Plate, x: float, y: float, radius: float) -> tuple[Box, Plate] | None:
    """The window of the image that a round glow touches, and its share 0..255 there; None where it touches nothing."""
    height, width = image.shape[:2]
    x0, y0 = max(0, int(x - radius)), max(0, int(y - radius))
    x1, y1 = min(width, int(x + radius) + 2), min(height, int(y + radius) + 2)
    if x1 <= x0 or y1 <= y0 or radius <= 0:
        return None
    step, middle = (SPRITE - 1) / (2 * radius), (SPRITE - 1) / 2
    matrix = np.array([[step, 0, (x0 + 0.5 - x) * step + middle], [0, step, (y0 + 0.5 - y) * step + middle]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return (x0, y0, x1, y1), np.asarray(cv2.warpAffine(HALO, matrix, (x1 - x0, y1 - y0), flags=flags), np.uint8)


def _coloured(share: Plate, colour: Rgb, strength: float) -> Plate:
    """A share 0..255 times strength as premultiplied RGBA of one colour."""
    planes = [cv2.convertScaleAbs(share, alpha=strength * channel / 255) for channel in (*colour, 255.0)]
    return np.asarray(cv2.merge(planes), np.uint8)


def mix_in(window: Plate, share: Plate, colour: Rgb, strength: float) -> None:
    """Mix a colour into a window of the picture, by share 0..255 times strength."""
    over(window, _coloured(share, colour, strength))


def scatter(image: Plate, swarms: Sequence[Swarm], light: float) -> None:
    """Draw swarms of particles, each colour times `light`."""
    target = image if all(swarm.alpha >= 1 for swarm in swarms) else np.zeros_like(image)
    for swarm in swarms:
        strength = light * swarm.alpha
        for outline, colour in zip(fixed_point(swarm.polygons - 0.5), (strength * swarm.colours).tolist(), strict=True):
            cv2.fillConvexPoly(target, outline, (*colour, 255 * swarm.alpha), cv2.LINE_AA, SHIFT)
    if target is not image:
        over(image, target)


def dilute(tile: Plate, share: Plate) -> None:
    """Mix white into a premultiplied tile, by share 0..255."""
    alpha = cv2.extractChannel(tile, 3)
    missing = cv2.subtract(cv2.merge([alpha] * 4), tile)
    cv2.add(tile, cv2.multiply(missing, share, scale=1 / 255), dst=tile)


def over(window: Plate, above: Plate) -> None:
    """Lay premultiplied RGBA onto a window of the picture."""
    keep = cv2.bitwise_not(cv2.extractChannel(above, 3))
    cv2.multiply(window, cv2.merge([keep] * 4), dst=window, scale=1 / 255)
    cv2.add(window, above, dst=window)


def lay(
    image: Plate, tile: Plate, box: Box, finish: Finish, *, edge: Rgb, height: int, coarse: int, light: float
) -> None:
    """Lay a tile onto the picture with its silhouette finished as the style has it, its colours times `light`."""
    x0, y0, x1, y1 = box
    window = image[y0:y1, x0:x1]
    tile = tile[: window.shape[0], : window.shape[1]]
    alpha = np.asarray(cv2.extractChannel(tile, 3), np.uint8)
    kernel = np.ones((2 * max(1, round(finish.line * height)) + 1,) * 2, np.uint8)
    if finish.rim:
        line = _coloured(cv2.subtract(alpha, cv2.erode(alpha, kernel)), edge, finish.rim)
        over(tile, line)
        if finish.shine:
            cv2.add(window, cv2.convertScaleAbs(_soft(line, coarse, 5), alpha=light * finish.shine), dst=window)
    if finish.cut:
        wide = np.asarray(cv2.dilate(alpha, kernel), np.uint8)
        cv2.add(tile, _coloured(cv2.subtract(wide, alpha), PAPER, 1.0), dst=tile)
        alpha = wide
    keep = cv2.bitwise_not(alpha if finish.opacity == 1 else cv2.convertScaleAbs(alpha, alpha=finish.opacity))
    if finish.shadow:
        keep = cv2.multiply(keep, _lit(alpha, finish, height=height, coarse=coarse), scale=1 / 255)
    cv2.multiply(window, cv2.merge([keep] * 4), dst=window, scale=1 / 255)
    strength = light * finish.opacity
    cv2.add(window, tile if strength == 1 else cv2.convertScaleAbs(tile, alpha=strength), dst=window)


def shade(image: Plate, tile: Plate, box: Box, finish: Finish, *, height: int, coarse: int) -> None:
    """What `lay` does to the picture around a tile: its shadow alone."""
    x0, y0, x1, y1 = box
    window = image[y0:y1, x0:x1]
    if finish.shadow:
        alpha = np.asarray(cv2.extractChannel(tile[: window.shape[0], : window.shape[1]], 3), np.uint8)
        lit = _lit(alpha, finish, height=height, coarse=coarse)
        cv2.multiply(window, cv2.merge([lit] * 4), dst=window, scale=1 / 255)


def _lit(alpha: Plate, finish: Finish, *, height: int, coarse: int) -> Plate:
    """255 where a silhouette throws no shadow."""
    shadow = _moved(_soft(alpha, coarse, 3), [round(length * height) for length in finish.drop])
    return np.asarray(cv2.bitwise_not(cv2.convertScaleAbs(shadow, alpha=finish.shadow)), np.uint8)


def _soft(image: Plate, coarse: int, size: int) -> Plate:
    """A cheap wide blur: averaged over `coarse` pixels, then over `size` of those, and stretched again."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (-(-width // coarse), -(-height // coarse)), interpolation=cv2.INTER_AREA)
    small = cv2.blur(small, (size, size), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _moved(image: Plate, by: list[int]) -> Plate:
    right, down = by
    moved = np.zeros_like(image)
    moved[down:, right:] = image[: image.shape[0] - down, : image.shape[1] - right]
    return moved
