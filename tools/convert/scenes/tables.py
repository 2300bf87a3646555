"""A scene as tables: everything that a batched rasteriser needs of some frames, as plain arrays without any pixel.

Making tables is the part that stays on the CPU. They are small and can be pickled, so worker processes may make them
while an accelerator paints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from edge.video.places import FAR_PARALLAX, NEAR_PARALLAX
from tools.convert.scenes.contour import widened
from tools.convert.scenes.ink import Light, Rgb
from tools.convert.scenes.particles import Drift, particles, slant_of
from tools.convert.scenes.scene import Scene
from tools.convert.scenes.scenery import view
from tools.convert.scenes.stage import (
    LIGHTING,
    Actor,
    Box,
    Lighting,
    actors,
    bounds,
    coarse_pixels,
    pulse,
    reach_of,
    style_of,
    tint,
    variant_of,
)
from tools.convert.scenes.styles import FINISH, Cutouts

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

SCANS = 4  # lines that are tested in each row of pixels
TILE_SPREAD, SWARM_SPREAD = 0.36, 0.72  # pixels by which the OpenCV rasteriser draws edges too far out
MARGIN = 3  # pixels around a particle


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Polygons to be filled in n windows of one size: `frames` [n], `low` [n, 2] the first column and row of each
    window, `size` (columns, rows); `rgba` [n, 4] colour 0..255 and alpha 0..1.

    `edges` [E, 4] are x and y at the first line that an edge crosses, x per line, and the sense of rotation; `cells`
    [E, 3] their window, the first line (`SCANS` to a row), and how many lines they cross.
    """

    frames: Numbers
    low: Numbers
    size: tuple[int, int]
    rgba: Floats
    edges: Floats
    cells: Numbers


@dataclass(frozen=True, kw_only=True)
class Flock:
    """One swarm of particles: `patch` holds all of them over whole frames, the rest are small windows around each."""

    patch: Patch
    frames: Numbers
    low: Numbers
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Glow:
    """Round glows, one in each of n frames: `round` [n, 3] centre and radius in pixels, `rgb` [n, 3], `share` [n]."""

    frames: Numbers
    round: Floats
    rgb: Floats
    share: Floats


@dataclass(frozen=True, kw_only=True)
class Role:
    """One subject in all frames. `low` [F, 2] and `size` are the windows it is drawn in, `layers` in drawing order in
    coordinates of these; `round` [F, 3] its centre and radius, `breath` [F] of its halo."""

    low: Numbers
    size: tuple[int, int]
    layers: list[Patch | Glow]
    round: Floats
    breath: Floats
    edge: Rgb
    halo: Rgb


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Some frames of a scene. `far` and `near` are [F, 3] views (step, x, y) of the scenery, `pulse` [F]."""

    height: int
    width: int
    scenery: tuple[str, int, str, int]
    style: str
    lighting: Lighting
    tint: Floats
    far: Floats
    near: Floats
    pulse: Floats
    roles: list[Role]
    behind: tuple[list[Flock], list[Glow]]
    before: tuple[list[Flock], list[Glow]]


def tables(scene: Scene, frames: Sequence[int], *, height: int) -> Tables:
    """The tables of the given frame numbers of a scene."""
    width = round(height * ASPECT)
    style = style_of(scene)
    casts = [actors(scene, frame, height=height) for frame in frames]
    slant, kind = slant_of(scene.layout.particles), scene.shot.slots["particles"]
    drifts = [particles(kind, scene.layout.particles[frame], slant=slant, height=height) for frame in frames]
    camera = [(float(shift), float(zoom)) for shift, zoom in scene.layout.camera[list(frames)]]
    far, near = (
        np.array([view(*look, parallax=parallax, height=height) for look in camera], np.float32)
        for parallax in (FAR_PARALLAX, NEAR_PARALLAX)
    )
    margin = reach_of(FINISH[style]) * height
    return Tables(
        height=height, width=width, style=style, lighting=LIGHTING[scene.shot.slots["light"]],
        scenery=(scene.shot.slots["background"], variant_of(scene), style, height),
        tint=tint(scene).astype(np.float32), far=far, near=near,
        pulse=np.array([pulse(scene, frame) for frame in frames], np.float32),
        roles=[_role([cast[k] for cast in casts], margin, width, height) for k in range(len(casts[0]))],
        behind=_drift([drift[0] for drift in drifts], width, height),
        before=_drift([drift[1] for drift in drifts], width, height),
    )  # fmt: skip


def _role(cast: list[Actor], margin: float, width: int, height: int) -> Role:
    step = coarse_pixels(height)
    found = [bounds(actor.cut, margin=margin, step=step, width=width, height=height) for actor in cast]
    boxes = np.array([(0, 0, step, step) if box is None else box for box in found], np.int64)
    extent = (boxes[:, 2:] - boxes[:, :2]).max(axis=0)
    size = int(extent[0]), int(extent[1])
    return Role(
        low=boxes[:, :2], size=size, layers=_layers([actor.cut for actor in cast], boxes[:, :2], size),
        round=np.array([(actor.x, actor.y, actor.radius) for actor in cast], np.float32),
        breath=np.array([actor.breath for actor in cast], np.float32), edge=cast[0].edge, halo=cast[0].halo,
    )  # fmt: skip


def _layers(cuts: list[Cutouts], low: Numbers, size: tuple[int, int]) -> list[Patch | Glow]:
    """The k-th mark of all frames together, for every k; a mark is a polygon in some frames and a light in others."""
    polygons = [iter(np.split(_wide(cut), cut.ends[:-1])) if cut.ends else iter(()) for cut in cuts]
    layers: list[Patch | Glow] = []
    for k in range(max(len(cut.marks) for cut in cuts)):
        drawn: list[tuple[int, Floats, tuple[float, ...]]] = []
        lit: list[tuple[int, Light]] = []
        for frame, cut in enumerate(cuts):
            if k >= len(cut.marks):
                continue
            mark = cut.marks[k]
            if isinstance(mark, Light):
                lit.append((frame, mark))
            else:
                drawn.append((frame, next(polygons[frame]) - low[frame], (*mark.colour, mark.alpha)))
        if drawn:
            layers.append(_patch(drawn, size))
        if lit:
            layers.append(_glow(lit, low))
    return [layer for layer in layers if len(layer.frames)]


def _wide(cut: Cutouts) -> Floats:
    return widened(cut.points, cut.ends, TILE_SPREAD).astype(np.float32)


def _patch(drawn: list[tuple[int, Floats, tuple[float, ...]]], size: tuple[int, int]) -> Patch:
    """One polygon in each of some frames; the windows are as small as the largest of them allows."""
    low = np.array([np.floor(points.min(axis=0)) for _, points, _ in drawn], np.int64)
    high = np.array([np.ceil(points.max(axis=0)) for _, points, _ in drawn], np.int64) + 1
    extent = np.minimum((high - low).max(axis=0), size)
    low = np.clip(low, 0, np.array(size) - extent)
    window = int(extent[0]), int(extent[1])
    edges, cells = _edges([points - start for (_, points, _), start in zip(drawn, low, strict=True)],
                          np.arange(len(drawn)), window)  # fmt: skip
    return Patch(
        frames=np.array([frame for frame, _, _ in drawn], np.int64), low=low, size=window,
        rgba=np.array([rgba for _, _, rgba in drawn], np.float32), edges=edges, cells=cells,
    )  # fmt: skip


def _edges(polygons: list[Floats], owners: Numbers, window: tuple[int, int]) -> tuple[Floats, Numbers]:
    """The edges of polygons, one per owner's window, as `Patch` has them; those that cross no line are left out."""
    lengths = np.array([len(points) for points in polygons])
    points = np.concatenate(polygons).astype(np.float64)
    after = np.arange(1, len(points) + 1)
    after[np.cumsum(lengths) - 1] = np.cumsum(lengths) - lengths
    ahead = points[after]
    down = ahead[:, 1] > points[:, 1]
    upper, lower = np.where(down[:, None], points, ahead), np.where(down[:, None], ahead, points)
    first, last = (
        np.clip(np.ceil(SCANS * y[:, 1] - 0.5), 0, SCANS * window[1]).astype(np.int64) for y in (upper, lower)
    )
    crossing = last > first
    slope = (lower[:, 0] - upper[:, 0]) / np.maximum(lower[:, 1] - upper[:, 1], 1e-9)
    x = upper[:, 0] + ((first + 0.5) / SCANS - upper[:, 1]) * slope
    edges = np.stack([x, slope / SCANS, np.where(down, -1.0, 1.0)], axis=1)
    cells = np.stack([np.repeat(owners, lengths), first, last - first], axis=1)
    return edges[crossing].astype(np.float32), cells[crossing]


def _glow(lit: list[tuple[int, Light]], low: Numbers) -> Glow:
    return Glow(
        frames=np.array([frame for frame, _ in lit], np.int64),
        round=np.array([(light.x - low[f, 0], light.y - low[f, 1], light.radius) for f, light in lit], np.float32),
        rgb=np.array([light.colour for _, light in lit], np.float32),
        share=np.array([light.strength for _, light in lit], np.float32),
    )


def _drift(drifts: list[Drift], width: int, height: int) -> tuple[list[Flock], list[Glow]]:
    """The swarms of all frames, one flock for each swarm and colour; and the k-th light of each frame together."""
    flocks = []
    for k in range(max(len(drift.swarms) for drift in drifts)):
        swarms = [drift.swarms[k] for drift in drifts]
        for colour in np.unique(np.concatenate([swarm.colours for swarm in swarms]), axis=0):
            chosen = [swarm.polygons[(swarm.colours == colour).all(axis=1)] for swarm in swarms]
            if sum(map(len, chosen)):
                flocks.append(_flock(chosen, (*colour, swarms[0].alpha), (width, height)))
    most = max((len(drift.lights) for drift in drifts), default=0)
    none = np.zeros((len(drifts), 2), np.int64)
    lights = [_glow([(f, drift.lights[k]) for f, drift in enumerate(drifts) if k < len(drift.lights)], none)
              for k in range(most)]  # fmt: skip
    return flocks, lights


def _flock(chosen: list[Floats], rgba: tuple[float, ...], screen: tuple[int, int]) -> Flock:
    """The polygons [P, n, 2] of each frame, all of one colour."""
    count, frames = len(chosen), np.repeat(np.arange(len(chosen)), [len(polygons) for polygons in chosen])
    joined = np.concatenate(chosen)
    ends = (np.arange(len(joined)) + 1) * joined.shape[1]
    wide = widened(joined.reshape(-1, 2), ends.tolist(), SWARM_SPREAD).reshape(joined.shape).astype(np.float32)
    edges, cells = _edges(list(wide), frames, screen)
    patch = Patch(
        frames=np.arange(count), low=np.zeros((count, 2), np.int64), size=screen,
        rgba=np.tile(np.array(rgba, np.float32), (count, 1)), edges=edges, cells=cells,
    )  # fmt: skip
    low, high = (np.floor(end).astype(np.int64) for end in (wide.min(axis=1), wide.max(axis=1)))
    extent = np.minimum((high - low).max(axis=0) + 2 * MARGIN, screen)
    low = np.clip(low - MARGIN, 0, np.array(screen) - extent)
    return Flock(patch=patch, frames=frames, low=low, size=(int(extent[0]), int(extent[1])))


__all__ = ["Box", "Flock", "Glow", "Patch", "Role", "Tables", "tables"]
