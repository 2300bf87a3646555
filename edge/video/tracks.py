"""Tracks: each subject of a shot over time, composed of its group's path, its place in the group and the camera.

Here stands what is particular to a subject: how quickly it moves in itself and where it faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.plan import ShotPath
from edge.video.group import extent_of, members, seen, space, unseen, usual_zoom
from edge.video.motions import FPS, WOBBLE, Path, Reals, Time, make_path, peak_growth, with_laps
from edge.video.seam import join_angle, join_path, join_places, last_steps
from edge.video.waypoints import Extent, walk

Array = NDArray[np.float32]

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
ALONG = frozenset({"rise", "fall", "move_left", "move_right", "orbit", "zigzag"})  # here a rocket points ahead
GROUNDED = frozenset({"bounce"})  # comes down at the same height in every shot
TILT_LIMIT = 0.45
CALM = 0.1  # canvas heights per second: slower than this a side view keeps facing where it did
TURN_FRAMES = 9  # a rocket on a path takes this long to turn round


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


def make_tracks(
    slots: Mapping[str, str],
    *,
    seed: int,
    time: Time,
    camera: Array,
    path: ShotPath | None = None,
    before: Sequence[Track] = (),
) -> tuple[Track, ...]:
    """A track for each subject that `count` asks for, and one for the `second` subject if there is one.

    `camera` is [frames, 2]: shift in canvas heights and zoom factor, which moves and grows the tracks. On a `path` they
    keep to it on the screen whatever the camera does. `before` holds the tracks of the shot that this one goes on from,
    which has the same members.
    """
    names = members(slots)
    rng = np.random.default_rng([seed, 0x1B])  # the members of a group share one path
    extent = extent_of([name for name, _ in names])
    peak = 1.0 if path else peak_growth(slots["motion"], slots["speed"])
    radius, room = space(slots["size"], rng, extent=extent, members=len(names), peak=peak, camera=camera)
    if time.loop and not path:
        least_zoom = float(camera[:, 1].min()) / usual_zoom(camera)
        room = with_laps(room, slots["motion"], loop=time.loop, radius=radius, zoom=least_zoom)
    path_seed, side = int(rng.integers(1 << 32)), float(rng.choice([-1.0, 1.0]))
    owns = [np.random.default_rng([seed, 0x1C, index]) for index in range(len(names))]
    starts = [own.uniform() for own in owns]
    ends = np.stack([last_steps(track.x, track.y, track.radius) for track in before]) if before else None
    if path:
        ways = [_followed(path, time, camera, radius=radius, extent=extent)] * len(names)
        view = np.ones_like(camera) * np.array([0, 1], np.float32)
    else:
        enter = None if ends is None else unseen(ends[:, 1].mean(axis=0), camera)
        draw = partial(make_path, slots["motion"], slots["speed"], room=room, time=time, enter=enter)
        lags = [own.uniform() if index else 0.0 for index, own in enumerate(owns)]
        ways = [draw(lag=lag, rng=np.random.default_rng(path_seed)) for lag in lags]
        view = camera
    if any(room.lap):  # what comes round heads as if it did not, and as if no zoom changed how far a lap is
        view = np.stack([camera[:, 0], np.full(len(camera), usual_zoom(camera), np.float32)], axis=1)
    places = seen(ways, radius, view)
    grounded = slots["motion"] in GROUNDED
    joined = places if ends is None else _joined(places, ends, extent, grounded=grounded, on_path=path is not None)
    pose = partial(_pose, slots=slots, time=time, side=side, on_path=path is not None)
    tracks = tuple(
        pose(name, joined[i], sway=ways[i].sway, start=starts[i], before=before[i] if before else None)
        for i, name in enumerate(names)
    )
    return _lapped(tracks, seen(ways, radius, camera, lap=room.lap)) if any(room.lap) else tracks


def facing(x: Reals, side: float) -> Reals:
    """The flip [frames] of what keeps facing where it last went along `x`, and from the start where it will go first.

    What never goes to a side faces to `side` (1 is the right).
    """
    dx = np.gradient(x)
    gone = np.where(np.abs(dx) >= CALM / FPS)[0]
    if not len(gone):
        return np.full_like(x, side)
    last = np.searchsorted(gone, np.arange(len(x)), side="right") - 1
    flip: Reals = np.sign(dx[gone[np.maximum(last, 0)]])
    return flip


def _lapped(tracks: Sequence[Track], places: Reals) -> tuple[Track, ...]:
    """The same tracks at these places [members, frames, 3]."""
    return tuple(
        replace(track, **dict(zip(("x", "y", "radius"), place.astype(np.float32).T, strict=True)))
        for track, place in zip(tracks, places, strict=True)
    )


def _joined(places: Reals, ends: Reals, extent: Extent, *, grounded: bool, on_path: bool) -> Reals:
    """Places [members, frames, 3] as they go on from `ends` [members, 2, 3]."""
    if on_path:
        return join_path(places, ends)
    return join_places(places, ends, below=extent.below, stay=(True, not grounded))


def _followed(path: ShotPath, time: Time, camera: Array, *, radius: float, extent: Extent) -> Path:
    """The part of a path that falls into a shot; things sway on it as when they hover."""
    done: Reals = (np.arange(len(time.clock)) + 0.5) / len(time.clock)
    points = path.points
    if time.loop:
        done, points = (time.straight + 0.5) % 1, (*points, points[0])
    share = (path.start + (path.end - path.start) * done).astype(np.float64)
    sized = any(len(point) > 2 for point in points)
    zoom = np.ones(len(done)) if sized else camera[:, 1].astype(np.float64) / usual_zoom(camera)
    x, y, size = walk(points, share, radius=radius * zoom, extent=extent).T
    sway = 2 * WOBBLE * np.sin(2 * np.pi * time.turns(0.35))
    return Path(x=x, y=y, sway=sway, growth=size / radius)


def _pose(
    name: tuple[str, str],
    place: Reals,
    *,
    slots: Mapping[str, str],
    time: Time,
    side: float,
    on_path: bool,
    sway: Reals,
    start: float,
    before: Track | None,
) -> Track:
    """The track of one member from its places [frames, 3]: where it faces, and how far it is in its own movement."""
    subject, colour = name
    x, y, radius = place.T
    side = float(before.flip[-1]) if before else side
    towards = facing(x, side) if on_path else side
    along = slots["motion"] in ALONG or on_path
    angle, flip = heading(subject, x, y, side=towards, sway=sway, along=along and _moves(x, y))
    if on_path and subject == "rocket":
        angle = _eased(angle)
    if before and flip[0] == before.flip[-1]:
        angle = join_angle(angle, float(before.angle[-1]))
    rate = CYCLES_PER_SECOND.get(subject, USUAL_CYCLES) * HASTE[slots["speed"]]
    phase = 2 * np.pi * (time.turns(rate) + start)
    values = {"x": x, "y": y, "radius": radius, "angle": angle, "flip": flip, "phase": phase}
    return Track(subject=subject, colour=colour, **{k: v.astype(np.float32) for k, v in values.items()})


def heading(subject: str, x: Reals, y: Reals, *, side: float | Reals, sway: Reals, along: bool) -> tuple[Reals, Reals]:
    """Angle and flip [frames]: side views face where they go, a rocket points there, the rest sway."""
    dx, dy = np.gradient(x), np.gradient(y)
    if abs(x[-1] - x[0]) > 0.05 and np.all(np.sign(dx) == np.sign(dx[0])):
        side = float(np.sign(x[-1] - x[0]))
    if subject in SIDE_VIEW:
        calm = np.abs(dx) < CALM / FPS
        flip = np.where(calm, side, np.sign(dx)) if not np.all(calm) else side + np.zeros_like(x)
        tilt = np.clip(np.arctan2(dy, np.abs(dx) + 0.15 / FPS), -TILT_LIMIT, TILT_LIMIT)
        return tilt * flip * (0.5 if subject in LEVEL else 1.0), flip
    if subject == "rocket" and along:
        return np.unwrap(np.arctan2(dx, -dy)), np.ones_like(x)
    return sway, np.ones_like(x)


def _moves(x: Reals, y: Reals) -> bool:
    return bool(np.ptp(x) + np.ptp(y) > 1e-3)


def _eased(angle: Reals) -> Reals:
    """The mean of a few frames around each."""
    around = np.pad(angle, TURN_FRAMES // 2, mode="edge")
    return np.convolve(around, np.full(TURN_FRAMES, 1 / TURN_FRAMES), mode="valid")
