"""Layout -> channels on the latent grid: what the denoiser sees of the layout.

The channels of one key (a group of frames) are, in this order: window, size, sine and cosine of the angle, flip,
sine and cosine of the phase and of twice the phase, velocity, subject coordinates as Fourier features, subject and
colour one-hot under the window, far and near scenery coordinates as Fourier features, screen coordinates, ambient
phase, particles. Coordinates as Fourier features: Tancik et al. 2020, arXiv 2006.10739.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.video.layout import ASPECT, FPS, Layout

Array = NDArray[np.float32]
Reals = NDArray[np.floating]

SUBJECT_FREQUENCIES = (0.5, 1.0, 2.0)
SCENERY_FREQUENCIES = (0.5, 1.0, 2.0, 4.0, 8.0)
FAR_PARALLAX, NEAR_PARALLAX = 0.4, 1.0
REACH = 2.6  # in subject radii: beyond it the subject's channels are zero


def channels(subjects: int, colours: int) -> int:
    """How many channels `layout_map` gives for a vocabulary of that many subjects and colours."""
    return 13 + 4 * len(SUBJECT_FREQUENCIES) + subjects + colours + 8 * len(SCENERY_FREQUENCIES) + 2 + 2 + 5


def layout_map(
    layout: Layout, frames: Sequence[float], *, height: int, width: int, subjects: Sequence[str], colours: Sequence[str]
) -> Array:
    """Rasterise the layout at the given frame numbers (fractions are interpolated).

    `subjects` and `colours` are the pack's values in embedding order: each track marks its own under its window.
    Returns float32 [len(frames), channels(len(subjects), len(colours)), height, width].
    Raises ModelError for a track whose subject or colour is not among them.
    """
    ys = (np.arange(height, dtype=np.float32) + 0.5) / height
    xs = (np.arange(width, dtype=np.float32) + 0.5) / width * ASPECT
    grid_x, grid_y = np.meshgrid(xs, ys)
    numbers = [
        (number_of("subject", track.subject, subjects), len(subjects) + number_of("colour", track.colour, colours))
        for track in layout.tracks
    ]
    out = np.zeros((len(frames), channels(len(subjects), len(colours)), height, width), np.float32)
    for key, frame in enumerate(frames):
        planes, nearest = _subject_planes(layout, frame, grid_x, grid_y)
        base = len(planes)
        out[key, :base] = planes
        for index, marked in enumerate(numbers):
            for number in marked:
                out[key, base + number] += planes[0] * (nearest == index)
        out[key, base + len(subjects) + len(colours) :] = _scenery_planes(layout, frame, grid_x, grid_y)
    return out


def number_of(name: str, value: str, values: Sequence[str]) -> int:
    """The place of a slot's value in the pack's order; ModelError where the pack does not have it."""
    if value not in values:
        raise ModelError(f"This pack cannot draw {name} {value!r}.", hint=f"It knows: {', '.join(values)}.")
    return list(values).index(value)


def at(values: Array, frame: float) -> float:
    """A track's value at a frame number; fractions are interpolated."""
    return float(np.interp(frame, np.arange(len(values)), values))


def _subject_planes(layout: Layout, frame: float, grid_x: Reals, grid_y: Reals) -> tuple[Array, NDArray[np.intp]]:
    """The planes of whichever subject is nearest to each cell, zero where none is near; and that subject's index."""
    per_track = [_track_planes(layout, index, frame, grid_x, grid_y) for index in range(len(layout.tracks))]
    nearest = np.argmin(np.stack([distance for distance, _ in per_track]), axis=0)
    planes = np.stack([planes for _, planes in per_track])
    return np.take_along_axis(planes, nearest[None, None], axis=0)[0], nearest


def _track_planes(layout: Layout, index: int, frame: float, grid_x: Reals, grid_y: Reals) -> tuple[Array, Array]:
    track = layout.tracks[index]
    x, y, radius, angle, phase = (
        at(values, frame) for values in (track.x, track.y, track.radius, track.angle, track.phase)
    )
    flip = float(track.flip[round(frame)])
    dx, dy = (grid_x - x) / radius, (grid_y - y) / radius
    u = (np.cos(angle) * dx + np.sin(angle) * dy) * flip
    v = -np.sin(angle) * dx + np.cos(angle) * dy
    distance = np.maximum(np.abs(u), np.abs(v))
    window = np.clip(REACH - distance, 0, 1)
    speed_x, speed_y = (at(np.gradient(values), frame) * FPS for values in (track.x, track.y))
    scalars = [
        4 * radius, np.sin(angle), np.cos(angle), flip, np.sin(phase), np.cos(phase), np.sin(2 * phase),
        np.cos(2 * phase), 2 * speed_x, 2 * speed_y,
    ]  # fmt: skip
    planes = [window, *(np.float32(value) * window for value in scalars), u * window / 2, v * window / 2]
    for axis in (u, v):
        for frequency in SUBJECT_FREQUENCIES:
            planes += [np.sin(np.pi * frequency * axis) * window, np.cos(np.pi * frequency * axis) * window]
    return distance, np.stack(planes).astype(np.float32)


def _scenery_planes(layout: Layout, frame: float, grid_x: Reals, grid_y: Reals) -> Array:
    shift, zoom = at(layout.camera[:, 0], frame), at(layout.camera[:, 1], frame)
    planes: list[Reals] = []
    for parallax in (FAR_PARALLAX, NEAR_PARALLAX):
        world_x, world_y = to_scenery(grid_x, grid_y, shift=shift, zoom=zoom, parallax=parallax)
        for axis in (world_x, world_y):
            for frequency in SCENERY_FREQUENCIES:
                planes += [np.sin(np.pi * frequency * axis), np.cos(np.pi * frequency * axis)]
    ambient = at(layout.ambient, frame)
    ones = np.ones_like(grid_x)
    planes += [grid_x / ASPECT * 2 - 1, grid_y * 2 - 1, np.sin(ambient) * ones, np.cos(ambient) * ones]
    return np.concatenate([np.stack(planes), particle_planes(layout, frame, grid_x.shape)]).astype(np.float32)


def to_scenery(x: Reals, y: Reals, *, shift: float, zoom: float, parallax: float) -> tuple[Reals, Reals]:
    """Screen to scenery coordinates: nearer layers (larger parallax) shift and grow more."""
    scale = zoom ** (0.5 + 0.5 * parallax)
    return (x - ASPECT / 2) / scale + ASPECT / 2 + parallax * shift, (y - 0.5) / scale + 0.5


def particle_planes(layout: Layout, frame: float, shape: tuple[int, ...]) -> Array:
    """Count, offset from the cell centre (x, y), and its squares' sum for the particles in each cell."""
    height, width = shape
    planes = np.zeros((5, height, width), np.float32)
    now = layout.particles[min(round(frame), layout.frames - 1)]
    for x, y, strength in now:
        column, row = x / ASPECT * width, y * height
        i, j = int(np.floor(row)), int(np.floor(column))
        if strength > 0 and 0 <= i < height and 0 <= j < width:
            a, b = column - j - 0.5, row - i - 0.5
            planes[:, i, j] += np.array([1.0, 2 * a, 2 * b, 4 * a * b, 4 * (a * a - b * b)], np.float32) * strength
    return planes
