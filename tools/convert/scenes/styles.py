"""The four styles of a subject: how its display list is coloured, and how its silhouette meets the picture.

Only numbers and display lists are here, so that every rasteriser draws the same style from the same source. Scenery
gets its style once, when it is painted: see `washes.py`.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from tools.convert.scenes.contour import bands, breadth, is_ring
from tools.convert.scenes.ink import Fill, Ink, Light, Points, Rgb, Stroke

STYLES = ("cartoon", "watercolour", "neon", "paper_cut")
PAPER: Rgb = (250, 245, 234)
PIECE_SHADOW: Rgb = (26, 22, 34)
PIECE_BREADTH = 0.012  # canvas heights: only pieces of paper broader than this throw a shadow on the one below
PIECE_DROP = 0.007  # canvas heights
SPREAD = 0.7  # pixels by which rasterisers draw a polygon too broad
LEAST = 0.1  # pixels
TUBE = 92  # the largest channel of a tube that stands for black


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What happens to the whole silhouette. Lengths are in canvas heights, the rest are shares 0..1.

    `opacity` of the body; `rim` share of a line along the inside of the silhouette in the colour `edge` (the
    subject's own bright tone where None), and `shine` how much that line glows; `cut` is a pale line along the
    outside; `line` is how broad such a line is; `shadow` is how dark a soft shadow is, `drop` its offset (right, down).
    """

    opacity: float = 1.0
    rim: float = 0.0
    edge: Rgb | None = None
    cut: bool = False
    shadow: float = 0.0
    drop: tuple[float, float] = (0.0, 0.0)
    shine: float = 0.0
    line: float = 0.0045


FINISH = {
    "cartoon": Finish(shadow=0.30, drop=(0.012, 0.026)),
    "watercolour": Finish(opacity=0.94, rim=0.34, edge=(30, 24, 50)),
    "neon": Finish(rim=1.0, shine=1.9, line=0.0085),
    "paper_cut": Finish(cut=True, shadow=0.46, drop=(0.016, 0.022)),
}


@dataclass(frozen=True, slots=True)
class Paint:
    """What a polygon is filled with: colour 0..255 and alpha 0..1."""

    colour: Rgb
    alpha: float = 1.0


@dataclass(frozen=True)
class Cutouts:
    """A display list as polygons: `points` float32 [M, 2] of all of them joined, in pixels; where each one `ends`; and
    in drawing order their paints, with lights between them."""

    points: Points
    ends: list[int]
    marks: list[Paint | Light]


def dress(ink: Sequence[Ink], style: str, *, height: int) -> Cutouts:
    """The display list as polygons and lights only, in the colours of the style."""
    strokes = [mark for mark in ink if isinstance(mark, Stroke)]
    outlines = iter(bands([s.points for s in strokes], [max(s.thickness - SPREAD, LEAST) for s in strokes]))
    polygons: list[Points] = []
    marks: list[Paint | Light] = []
    for mark in ink:
        match mark:
            case Light():
                marks.append(mark)
            case Fill(points, colour, alpha):
                polygons.append(points)
                marks.append(Paint(recolour(colour, style), alpha))
            case Stroke(points, colour, thickness):
                polygons.append(next(outlines))
                rim = bool(is_ring(points[0], points[-1], thickness))
                marks.append(Paint(recolour(colour, style, line=True, rim=rim)))
    if style == "paper_cut":
        polygons, marks = _with_shadows(polygons, marks, height)
    return Cutouts(_joined(polygons), _ends(polygons), marks)


def _joined(polygons: list[Points]) -> Points:
    return np.concatenate(polygons).astype(np.float32) if polygons else np.zeros((0, 2), np.float32)


def _ends(polygons: list[Points]) -> list[int]:
    return list(accumulate(len(points) for points in polygons))


@lru_cache(maxsize=8192)
def recolour(colour: Rgb, style: str, *, line: bool = False, rim: bool = False) -> Rgb:
    """A colour as the style has it, for a body or (`line`) for a line; `rim` means a line around a shape."""
    hue, light, depth = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    match style:
        case "watercolour":
            light, depth = light + (0.06 if not rim else 0.02) * (1 - light), depth * 0.94
        case "neon":
            return bright(colour) if line else _dark(colour)
        case "paper_cut":
            light, depth = light + (0.42 if rim else 0.03) * (1 - light), depth * (0.6 if rim else 0.88)
    red, green, blue = colorsys.hls_to_rgb(hue, light, depth)
    return red * 255, green * 255, blue * 255


def bright(colour: Rgb) -> Rgb:
    """The colour of a neon tube for a base colour; black becomes a dim cool grey, so that it stays the darkest."""
    pure = [channel - 0.3 * min(colour) for channel in colour]
    level = (TUBE + (1 - TUBE / 255) * max(colour)) / max(*pure, 1.0)
    red, green, blue = (0.9 * level * channel + 0.1 * 255 * max(colour) / 255 for channel in pure)
    return red, green, blue


def _dark(colour: Rgb) -> Rgb:
    """The colour of what a neon tube surrounds: the same hue, deep."""
    red, green, blue = (0.66 * (channel - 0.3 * min(colour)) for channel in colour)
    return red, green, blue


def _with_shadows(
    polygons: list[Points], marks: list[Paint | Light], height: int
) -> tuple[list[Points], list[Paint | Light]]:
    """Pieces of paper lie on each other: each broad one but the first throws a shadow on those below it."""
    if not polygons:
        return polygons, marks
    wide = (breadth(_joined(polygons), _ends(polygons)) > PIECE_BREADTH * height).tolist()
    fall = np.array([0.6, 1.0]) * PIECE_DROP * height
    pieces = iter(zip(polygons, [False, *wide[1:]], strict=True))
    all_polygons: list[Points] = []
    all_marks: list[Paint | Light] = []
    for mark in marks:
        if isinstance(mark, Paint):
            points, throws = next(pieces)
            if throws and mark.alpha == 1:
                all_polygons.append(points + fall)
                all_marks.append(Paint(PIECE_SHADOW, 0.26))
            all_polygons.append(points)
        all_marks.append(mark)
    return all_polygons, all_marks
