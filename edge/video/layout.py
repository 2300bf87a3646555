"""Plan -> layout: where everything is in every frame, drawn by rule from the shot's slots and a seed.

Units: the canvas is 1 high and `ASPECT` wide, y grows downwards, angles are radians clockwise, times are frames.
The renderer that the generator learnt from moves things by these same tracks, so motion is right by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot

Array = NDArray[np.float32]
Reals = NDArray[np.floating]

ASPECT = 1.8
FPS = 24
PARTICLES = 14
SPEED = {"slow": 0.10, "normal": 0.18, "fast": 0.30}  # canvas heights per second
RADIUS = {"small": 0.13, "medium": 0.19, "large": 0.26}  # canvas heights
COUNT = {"one": 1, "two": 2, "three": 3}
CROWD_SCALE = {1: 1.0, 2: 0.8, 3: 0.68}
CYCLES_PER_SECOND = {
    "balloon": 0.3, "jellyfish": 0.7, "fish": 1.2, "bird": 1.4, "butterfly": 1.5, "boat": 0.5, "car": 1.0,
    "rocket": 2.5, "heart": 0.9, "star": 0.6, "flower": 0.4, "moon": 0.15,
}  # fmt: skip
USUAL_CYCLES = 0.7  # for a subject of another pack
SIDE_VIEW = frozenset({"fish", "bird", "boat", "car"})
TAIL = frozenset({"balloon", "flower", "jellyfish", "rocket"})
PAN_PER_SECOND = 0.10
ZOOM_RANGE = 1.30
OFFSET_RANGE = 0.3
TILT_LIMIT = 0.45


@dataclass(frozen=True, kw_only=True)
class Track:
    """One subject over time. Every array is [frames]; `flip` is +1 facing right, -1 facing left."""

    x: Array
    y: Array
    radius: Array
    angle: Array
    flip: Array
    phase: Array


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Everything that moves in one shot.

    `camera` is [frames, 2]: shift over the scenery in canvas heights, and zoom factor. `particles` is [frames, PARTICLES, 3]:
    x, y, and strength 0..1. `ambient` is [frames]: the phase of slow things such as waves and light rays.
    """

    tracks: tuple[Track, ...]
    camera: Array
    particles: Array
    ambient: Array

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.ambient.shape[0])


def make_layout(shot: Shot, *, seed: int, frames: int, start_frame: int = 0) -> Layout:
    """Draw the layout of one shot.

    `start_frame` is the number of frames that earlier shots of a chain have shown, so that animation and
    particles go on where they were. Positions stay inside the canvas for any `frames`.
    """
    slots = shot.slots
    seconds = (np.arange(frames, dtype=np.float64) + 0.5) / FPS
    clock = seconds + start_frame / FPS
    duration = frames / FPS
    count = COUNT[slots["count"]]
    move = _camera(slots["camera"], seconds, duration)
    tracks = tuple(
        _track(slots, index, count, seed, seconds=seconds, clock=clock, duration=duration, camera=move)
        for index in range(count)
    )
    rng = np.random.default_rng([seed, 0x1A])
    particles = _particles(slots["particles"], rng, clock)
    ambient = (2 * np.pi * (0.25 * clock + rng.uniform())).astype(np.float32)
    offset = np.array([rng.uniform(-OFFSET_RANGE, OFFSET_RANGE), 0], np.float32)  # another part of the scenery
    return Layout(tracks=tracks, camera=move + offset, particles=particles, ambient=ambient)


def _camera(kind: str, seconds: Reals, duration: float) -> Array:
    shift = np.zeros_like(seconds)
    zoom = np.ones_like(seconds)
    travel = min(PAN_PER_SECOND * duration, 0.4)
    share = seconds / duration
    match kind:
        case "pan_left":
            shift = travel * (0.5 - share)
        case "pan_right":
            shift = travel * (share - 0.5)
        case "zoom_in":
            zoom = ZOOM_RANGE**share
        case "zoom_out":
            zoom = ZOOM_RANGE ** (1 - share)
    return np.stack([shift, zoom], axis=1).astype(np.float32)


def _track(
    slots: dict[str, str], index: int, count: int, seed: int, *,
    seconds: Reals, clock: Reals, duration: float, camera: Array,
) -> Track:  # fmt: skip
    subject = slots["subject"]
    rng = np.random.default_rng([seed, 0x1B])  # the members of a group share one path
    own = np.random.default_rng([seed, 0x1C, index])
    radius = RADIUS[slots["size"]] * CROWD_SCALE[count] * rng.uniform(0.92, 1.08)
    x, y, sway = _path(
        slots["motion"], speed=SPEED[slots["speed"]], radius=radius, rng=rng, seconds=seconds, clock=clock,
        duration=duration,
    )  # fmt: skip
    spread_x, spread_y = _crowd(radius, index, count)
    side = radius * (0.9 + 1.3 * (count - 1))
    low = 1.0 - radius * (1.5 if subject in TAIL else 1.05)
    x = ASPECT / 2 + (x - ASPECT / 2 - 0.3 * camera[:, 0]) * camera[:, 1]
    y = 0.5 + (y - 0.5) * camera[:, 1]
    size = radius * camera[:, 1]
    angle, flip = _heading(subject, x, y, sway, rng)
    x = np.clip(x, side, ASPECT - side) + spread_x
    y = np.clip(y, radius * 0.95, low) + spread_y
    rate = CYCLES_PER_SECOND.get(subject, USUAL_CYCLES) * {"slow": 0.8, "normal": 1.0, "fast": 1.3}[slots["speed"]]
    phase = 2 * np.pi * (rate * clock + own.uniform())
    return Track(
        x=_f32(x), y=_f32(y), radius=_f32(size), angle=_f32(angle), flip=_f32(flip), phase=_f32(phase)
    )  # fmt: skip


def _path(
    motion: str, *, speed: float, radius: float, rng: np.random.Generator,
    seconds: Reals, clock: Reals, duration: float,
) -> tuple[Reals, Reals, Reals]:  # fmt: skip
    """Centre x, y and a sway angle, all [frames], before the camera."""
    start = 2 * np.pi * rng.uniform()
    x0, y0 = ASPECT / 2 + rng.uniform(-0.25, 0.25), 0.5 + rng.uniform(-0.08, 0.08)
    still = np.zeros_like(seconds)
    wobble = 0.025 * np.sin(2 * np.pi * 0.35 * clock + start)
    up = min(speed * duration, 0.94 - 2.4 * radius)
    along = min(1.5 * speed * duration, ASPECT - 2.6 * radius)
    share = seconds / duration - 0.5
    match motion:
        case "rise":
            return x0 + wobble, 0.48 - up * share, 2 * wobble
        case "fall":
            return x0 + wobble, 0.48 + up * share, 2 * wobble
        case "move_left":
            return ASPECT / 2 - along * share, y0 + wobble, still
        case "move_right":
            return ASPECT / 2 + along * share, y0 + wobble, still
        case "orbit":
            turn = 2 * np.pi * (1.1 * speed * clock) + start
            return ASPECT / 2 + 0.34 * np.cos(turn), 0.48 + 0.2 * np.sin(turn), still
        case "bounce":
            hop = np.abs(np.sin(np.pi * 3.2 * speed * clock + start))
            return x0 + still, 0.7 - radius * 0.4 - 0.34 * hop, still
        case "sway":
            swing = np.sin(2 * np.pi * 2.2 * speed * clock + start)
            return x0 + 0.22 * swing, y0 + 0.03 * swing**2, 0.28 * swing
    return x0 + wobble, y0 + 0.02 * np.sin(2 * np.pi * 0.5 * clock + start), 2 * wobble  # hover


def _crowd(radius: float, index: int, count: int) -> tuple[float, float]:
    """Where one member of a group stands beside the path, so that they do not overlap."""
    if count == 1:
        return 0.0, 0.0
    return (index - (count - 1) / 2) * 2.6 * radius, (0.35 if index % 2 else -0.35) * radius


def _heading(subject: str, x: Reals, y: Reals, sway: Reals, rng: np.random.Generator) -> tuple[Reals, Reals]:
    """Angle and flip [frames]: side views face where they go, a rocket points there, the rest sway."""
    dx, dy = np.gradient(x), np.gradient(y)
    side = float(rng.choice([-1.0, 1.0]))
    if abs(x[-1] - x[0]) > 0.05 and np.all(np.sign(dx) == np.sign(dx[0])):
        side = float(np.sign(x[-1] - x[0]))
    flip = np.full_like(x, side) if np.ptp(np.sign(dx)) == 0 else np.where(dx >= 0, 1.0, -1.0)
    if subject in SIDE_VIEW:
        calm = np.abs(dx) < 0.1 / FPS
        flip = np.where(calm, side, flip) if not np.all(calm) else np.full_like(x, side)
        tilt = np.clip(np.arctan2(dy, np.abs(dx) + 0.15 / FPS), -TILT_LIMIT, TILT_LIMIT)
        return tilt * flip * (0.5 if subject in {"car", "boat"} else 1.0), flip
    if subject == "rocket" and np.max(np.hypot(dx, dy)) > 0.06 / FPS:
        return np.unwrap(np.arctan2(dx, -dy)), np.ones_like(x)
    return sway, np.ones_like(x)


def _particles(kind: str, rng: np.random.Generator, clock: Reals) -> Array:
    """[frames, PARTICLES, 3]: x, y, strength; all strengths are 0 when there are none."""
    x0 = (np.arange(PARTICLES) + rng.uniform(size=PARTICLES)) * ASPECT / PARTICLES
    y0, start = rng.uniform(size=(2, PARTICLES))
    rate = rng.uniform(0.12, 0.22, size=PARTICLES)
    time = clock[:, None]
    drift = 0.03 * np.sin(2 * np.pi * (0.4 * time + start))
    match kind:
        case "snow":
            x, y, strength = x0 + drift, (y0 + rate * time) % 1.1 - 0.05, np.ones_like(time + start)
        case "bubbles":
            x, y, strength = x0 + drift, (y0 - rate * time) % 1.1 - 0.05, np.ones_like(time + start)
        case "sparkles":
            x, y = x0 + 0 * time, y0 + 0 * time
            strength = np.clip(np.sin(2 * np.pi * (0.7 * time + start)), 0, 1)
        case _:
            x, y, strength = x0 + 0 * time, y0 + 0 * time, np.zeros_like(time + start)
    return np.stack([x, y, strength], axis=2).astype(np.float32)


def _f32(values: Reals) -> Array:
    return values.astype(np.float32)
