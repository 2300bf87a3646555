"""Layout -> channels on the latent grid, for a denoiser that makes a whole slot at once.

Where a cell lies in the nearest subject's own coordinates and in the scenery's is given as plain numbers from -1 to 1:
the denoiser looks its learned textures up there, between the cells too: how these coordinates grow from one cell to the
next is given beside them. The channels are, in this order: ONCE for the whole slot, the subject and colour one-hots
(marked where any key marks them), then PER_KEY for each key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT, FPS, Layout
from edge.video.places import (
    FAR_PARALLAX,
    NEAR_PARALLAX,
    REACH,
    Array,
    at,
    number_of,
    particle_planes,
    to_scenery,
)

ONCE = ("size", "flip", "speed_x", "speed_y", "screen_x", "screen_y")
PER_KEY = (
    "window", "u", "v", "subject", "u_right", "u_down", "v_right", "v_down", "sin_angle", "cos_angle", "sin_phase", "cos_phase", "sin_phase2", "cos_phase2",
    "far_x", "far_y", "far_step", "near_x", "near_y", "near_step", "sin_ambient", "cos_ambient",
    "particles", "particles_x", "particles_y", "particles_xy", "particles_d",
)  # fmt: skip
FAR_X, NEAR_X = (-0.2, 2.0), (-0.5, 2.3)  # how far a camera ever sees, in canvas heights
WITHIN = 0.99
LAP = 0.5  # canvas heights from frame to frame: nothing moves as quickly
FIELDS = ("x", "y", "radius", "angle", "phase")


@dataclass(frozen=True)
class _Key:
    """One key: of the nearest subject `window`, `nearest` [h, w], `places` [6, h, w]; of every one `values` [tracks, 10].

    The places are u, v, and how each grows to the right and downwards.
    """

    window: Array
    places: Array
    nearest: NDArray[np.intp]
    values: Array


def slot_channels(subjects: int, colours: int, *, keys: int) -> int:
    """How many channels `slot_map` gives for a vocabulary of that many subjects and colours."""
    return len(ONCE) + subjects + colours + keys * len(PER_KEY)


def slot_map(
    layout: Layout, frames: Sequence[float], *, height: int, width: int, subjects: Sequence[str], colours: Sequence[str]
) -> Array:
    """Rasterise the layout for one slot; `frames` are the middles of its keys, fractions are interpolated.

    `subjects` and `colours` are the pack's values in embedding order. Returns float32
    [1, slot_channels(len(subjects), len(colours), keys=len(frames)), height, width]. Raises ModelError for a track whose
    subject or colour is not among them.
    """
    ys = (np.arange(height, dtype=np.float32) + 0.5) / height
    xs = (np.arange(width, dtype=np.float32) + 0.5) / width * ASPECT
    grid = np.stack(np.meshgrid(xs, ys)).astype(np.float32)
    numbers = np.array([
        (number_of("subject", track.subject, subjects), number_of("colour", track.colour, colours))
        for track in layout.tracks
    ])  # fmt: skip
    keys = [_key(layout, frame, grid) for frame in frames]
    hot = np.zeros((len(subjects) + len(colours), height, width), np.float32)
    for key in keys:
        for index, (subject, colour) in enumerate(numbers):
            mine = key.window * (key.nearest == index)
            for row in (subject, len(subjects) + colour):
                np.maximum(hot[row], mine, out=hot[row])
    slow = np.mean([key.values[key.nearest][..., :4] * key.window[..., None] for key in keys], axis=0)
    screen = np.stack([grid[0] / ASPECT * 2 - 1, grid[1] * 2 - 1])
    moving = [_moving(layout, frame, key, numbers[:, 0], grid) for frame, key in zip(frames, keys, strict=True)]
    return np.concatenate([np.moveaxis(slow, -1, 0), screen, hot, *moving]).astype(np.float32)[None]


def _key(layout: Layout, frame: float, grid: Array) -> _Key:
    rows = []
    for track in layout.tracks:
        x, y, radius, angle, phase = (at(getattr(track, field), frame) for field in FIELDS)
        speed = (at(np.gradient(_without_laps(values)), frame) * FPS for values in (track.x, track.y))
        turns = (angle, phase, 2 * phase)
        waves = [wave(turn) for turn in turns for wave in (np.sin, np.cos)]
        flip = float(track.flip[round(frame)])
        rows.append([4 * radius, flip, *(2 * value for value in speed), *waves, x, y, radius])
    values = np.array(rows, np.float32)
    x, y, radius = values[:, 10:, None, None].transpose(1, 0, 2, 3)
    sine, cosine, flips = (values[:, column, None, None] for column in (4, 5, 1))
    reach = REACH * radius
    across, down = cosine / reach, sine / reach
    dx, dy = grid[0] - x, grid[1] - y
    u, v = (across * dx + down * dy) * flips, across * dy - down * dx
    distance = REACH * np.maximum(np.abs(u), np.abs(v))
    nearest = np.argmin(distance, axis=0)
    cell = grid[1, 1, 0] - grid[1, 0, 0]
    planes = _within(u), _within(v), across * flips * cell, down * flips * cell, -down * cell, across * cell
    places = [np.take_along_axis(np.broadcast_to(plane, u.shape), nearest[None], axis=0)[0] for plane in planes]
    window = np.clip(REACH - distance.min(axis=0), 0, 1)
    return _Key(window, np.stack(places), nearest, values[:, :10])


def _moving(layout: Layout, frame: float, key: _Key, subjects: NDArray[np.intp], grid: Array) -> Array:
    """The PER_KEY planes of one key."""
    waves = np.moveaxis(key.values[key.nearest][..., 4:], -1, 0) * key.window
    shift, zoom = at(layout.camera[:, 0], frame), at(layout.camera[:, 1], frame)
    scenery: list[Array] = []
    for (low, high), parallax in ((FAR_X, FAR_PARALLAX), (NEAR_X, NEAR_PARALLAX)):
        x, y = to_scenery(grid[0], grid[1], shift=shift, zoom=zoom, parallax=parallax)
        steps = np.full_like(y, 2 * (y[1, 0] - y[0, 0]))
        scenery += [_within((x - low) / (high - low) * 2 - 1), _within(y * 2 - 1), steps]
    ambient = at(layout.ambient, frame)
    still = [np.full_like(key.window, wave(ambient)) for wave in (np.sin, np.cos)]
    subject = subjects[key.nearest].astype(np.float32)
    first = np.stack([key.window, *key.places[:2], subject])
    return np.concatenate([first, key.places[2:], waves, np.stack([*scenery, *still]),
                           particle_planes(layout, frame, key.window.shape)])  # fmt: skip


def _without_laps(way: Array) -> Array:
    """A way [frames] as it would go on if it did not come in on the other side of the frame."""
    steps = np.diff(way)
    laps = np.abs(steps) > LAP
    return np.cumsum(np.append(way[:1], np.where(laps, 0, steps))) if laps.any() else way


def _within(values: Array) -> Array:
    return np.clip(values, -WITHIN, WITHIN)
