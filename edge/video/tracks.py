"""Tracks: each subject of a shot over time, composed of its group's path, its place in the group and the camera.

Here stands what is particular to a subject: how quickly it moves in itself, where it faces, how far it reaches down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.video.motions import ASPECT, FPS, Path, Reals, Room, Time, make_path, peak_growth

Array = NDArray[np.float32]

RADIUS = {"small": 0.13, "medium": 0.19, "large": 0.26}  # canvas heights
COUNT = {"one": 1, "two": 2, "three": 3}
CROWD_SCALE = {1: 1.0, 2: 0.8, 3: 0.62, 4: 0.5}
GAP = 2.6  # between neighbours of a group, in radii
STAGGER = 0.35  # neighbours stand this much higher and lower, in radii
CYCLES_PER_SECOND = {
    "balloon": 0.3, "jellyfish": 0.7, "fish": 1.2, "bird": 1.4, "butterfly": 1.5, "boat": 0.5, "car": 1.0,
    "rocket": 2.5, "heart": 0.9, "star": 0.6, "flower": 0.4, "moon": 0.15, "atom": 0.7, "cloud": 0.2, "sun": 0.25,
    "tree": 0.35, "cake": 1.6, "fireworks": 0.6, "lantern": 0.45, "kite": 0.8, "cat": 1.1, "leaf": 0.6,
    "candle": 1.6, "ripple": 0.55,
}  # fmt: skip
USUAL_CYCLES = 0.7  # for a subject of another pack
HASTE = {"slow": 0.8, "normal": 1.0, "fast": 1.3}
SIDE_VIEW = frozenset({"fish", "bird", "boat", "car", "cat"})
LEVEL = frozenset({"car", "boat", "cat"})  # side views that tilt only half as much as their way
TAIL = frozenset({"balloon", "flower", "jellyfish", "rocket", "kite", "lantern"})  # reach below their radius
ALONG = frozenset({"rise", "fall", "move_left", "move_right", "orbit", "zigzag"})  # here a rocket points ahead
TILT_LIMIT = 0.45
ZOOM_RANGE = 1.30
FOLLOW = 0.3  # share of a pan that subjects show: the camera follows them the rest of the way


@dataclass(frozen=True, kw_only=True)
class Track:
    """One subject over time. Every array is [frames]; `flip` is +1 facing right, -1 facing left."""

    subject: str
    colour: str
    x: Array
    y: Array
    radius: Array
    angle: Array
    flip: Array
    phase: Array


def make_tracks(slots: Mapping[str, str], *, seed: int, time: Time, camera: Array) -> tuple[Track, ...]:
    """A track for each subject that `count` asks for, and one for the `second` subject if there is one.

    `camera` is [frames, 2]: shift in canvas heights and zoom factor, which moves and grows the tracks.
    """
    names = [(slots["subject"], slots["colour"])] * COUNT[slots["count"]]
    if slots.get("second"):
        names.append((slots["second"], slots.get("second_colour", slots["colour"])))
    rng = np.random.default_rng([seed, 0x1B])  # the members of a group share one path
    radius, room = _space([name for name, _ in names], slots, rng, camera=camera)
    path_seed, side = int(rng.integers(1 << 32)), float(rng.choice([-1.0, 1.0]))
    made: list[Track] = []
    for index, (subject, colour) in enumerate(names):
        own = np.random.default_rng([seed, 0x1C, index])
        start, lag = own.uniform(), own.uniform() if index else 0.0
        path = make_path(
            slots["motion"], slots["speed"], room=room, time=time, lag=lag, rng=np.random.default_rng(path_seed)
        )
        x, y, size = _seen(path, _place(index, len(names)), radius, camera)
        angle, flip = _heading(subject, x, y, side=side, sway=path.sway, along=slots["motion"] in ALONG)
        rate = CYCLES_PER_SECOND.get(subject, USUAL_CYCLES) * HASTE[slots["speed"]]
        phase = 2 * np.pi * (rate * time.clock + start)
        values = {"x": x, "y": y, "radius": size, "angle": angle, "flip": flip, "phase": phase}
        made.append(Track(subject=subject, colour=colour, **{k: v.astype(np.float32) for k, v in values.items()}))
    return tuple(made)


def _usual_zoom(camera: Array) -> float:
    """A zooming camera shows things at their usual size in the middle of its way."""
    return float(ZOOM_RANGE**0.5) if np.ptp(camera[:, 1]) > 0 else 1.0


def _space(
    subjects: Sequence[str], slots: Mapping[str, str], rng: np.random.Generator, *, camera: Array
) -> tuple[float, Room]:
    """The radius of each member, and where the middle of the group may be so that none leaves the canvas."""
    others = len(subjects) - 1
    zoom, peak = _usual_zoom(camera), peak_growth(slots["motion"], slots["speed"])
    half = ASPECT / 2 / zoom - FOLLOW * float(np.abs(camera[:, 0]).max())
    reach = 0.9 + GAP / 2 * others
    radius = RADIUS[slots["size"]] * CROWD_SCALE[len(subjects)] * rng.uniform(0.94, 1.06)
    rows = STAGGER if others else 0.0
    radius = min(radius, 1 / zoom / (2.2 + 2 * rows) / peak, half / reach / peak)
    side = half - reach * radius * peak
    above = (0.95 + rows) * radius * peak
    below = ((1.3 if TAIL & set(subjects) else 1.05) + rows) * radius * peak
    top, bottom = 0.5 - 0.5 / zoom + above, 0.5 + 0.5 / zoom - below
    middle = (top + bottom) / 2
    return radius, Room(
        left=ASPECT / 2 - side, right=ASPECT / 2 + side, top=min(top, middle), bottom=max(bottom, middle)
    )  # fmt: skip


def _place(index: int, count: int) -> tuple[float, float]:
    """Where one member of a group stands beside the path, in radii, so that they do not overlap."""
    if count == 1:
        return 0.0, 0.0
    return (index - (count - 1) / 2) * GAP, STAGGER if index % 2 else -STAGGER


def _seen(path: Path, place: tuple[float, float], radius: float, camera: Array) -> tuple[Reals, Reals, Reals]:
    """Centre and radius as the camera sees them."""
    zoom = camera[:, 1] / _usual_zoom(camera)
    size = radius * path.growth
    x = path.x + place[0] * size - ASPECT / 2 - FOLLOW * camera[:, 0]
    y = path.y + place[1] * size - 0.5
    return ASPECT / 2 + x * zoom, 0.5 + y * zoom, size * zoom


def _heading(subject: str, x: Reals, y: Reals, *, side: float, sway: Reals, along: bool) -> tuple[Reals, Reals]:
    """Angle and flip [frames]: side views face where they go, a rocket points there, the rest sway."""
    dx, dy = np.gradient(x), np.gradient(y)
    if abs(x[-1] - x[0]) > 0.05 and np.all(np.sign(dx) == np.sign(dx[0])):
        side = float(np.sign(x[-1] - x[0]))
    if subject in SIDE_VIEW:
        calm = np.abs(dx) < 0.1 / FPS
        flip = np.where(calm, side, np.sign(dx)) if not np.all(calm) else np.full_like(x, side)
        tilt = np.clip(np.arctan2(dy, np.abs(dx) + 0.15 / FPS), -TILT_LIMIT, TILT_LIMIT)
        return tilt * flip * (0.5 if subject in LEVEL else 1.0), flip
    if subject == "rocket" and along:
        return np.unwrap(np.arctan2(dx, -dy)), np.ones_like(x)
    return sway, np.ones_like(x)
