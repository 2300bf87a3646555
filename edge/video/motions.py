"""Motion laws: where the middle of a group is over time, for every value of the motion slot.

The numbers are chosen so that the motions can be told apart from the path alone at every speed within two seconds:
an orbit is more than half a turn, a bounce more than one and a half hops, a zigzag three legs or more, a sway one
swing, an approach twice the size; a hover stays well below them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edge.video.loop import MIDDLE, Loop

Reals = NDArray[np.floating]

ASPECT = 1.8
FPS = 24
SPEED = {"slow": 0.10, "normal": 0.18, "fast": 0.30}  # canvas heights per second
LEAST_RISE, LEAST_MOVE, LEAST_ZIGZAG = 0.24, 0.36, 0.5  # heights: a shorter way could be taken for drifting
TURNS_PER_SECOND = {"slow": 0.34, "normal": 0.44, "fast": 0.58}
HOPS_PER_SECOND = {"slow": 0.85, "normal": 1.15, "fast": 1.6}
SWINGS_PER_SECOND = {"slow": 0.45, "normal": 0.65, "fast": 0.92}
LEGS_PER_SECOND = {"slow": 1.5, "normal": 1.75, "fast": 2.1}
LEAST_LEGS = 3
GROWTH = {"slow": 2.0, "normal": 2.25, "fast": 2.6}
WOBBLE = 0.025  # heights
TRAVEL_X, TRAVEL_Y = frozenset({"move_left", "move_right", "zigzag"}), frozenset({"rise", "fall"})
LAP_MARGIN = 1.6  # radii: no subject is drawn further out than that


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where the middle of a group may be, in canvas heights.

    `lap` is how far to the side and down a thing goes in a loop until it is at its start again; 0 where it does not.
    """

    left: float
    right: float
    top: float
    bottom: float
    lap: tuple[float, float] = (0.0, 0.0)

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the room."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Room from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Room from top to bottom."""
        return self.bottom - self.top


@dataclass(frozen=True, kw_only=True)
class Time:
    """The frames of one shot: `seconds` since its start, `clock` since the start of the chain, and its `duration`.

    In a `loop` the two are one, and everything comes round to its start within the duration.
    """

    seconds: Reals
    clock: Reals
    duration: float
    loop: Loop | None = None

    @property
    def share(self) -> Reals:
        """Progress through the shot, -0.5 to 0.5; in a loop there and back."""
        return self.straight if self.loop is None else -0.5 * np.cos(2 * np.pi * (self.straight + 0.5))

    @property
    def straight(self) -> Reals:
        """Progress that never turns back: -0.5 to 0.5 in the duration."""
        return self.seconds / self.duration - 0.5

    def turns(self, rate: float) -> Reals:
        """How often something came round that does so `rate` times a second; whole times in a loop."""
        if self.loop is None:
            return rate * self.clock
        return max(1, round(rate * self.duration)) * self.clock / self.duration


@dataclass(frozen=True, kw_only=True)
class Path:
    """A path: centre `x`, `y`, the angle of swaying, and how large things are against their usual size."""

    x: Reals
    y: Reals
    sway: Reals
    growth: Reals


def peak_growth(motion: str, speed: str) -> float:
    """The largest `Path.growth` of a motion."""
    return float(GROWTH[speed] ** 0.5) if motion == "approach" else 1.0


def with_laps(room: Room, motion: str, *, loop: Loop, radius: float, zoom: float) -> Room:
    """The room for a looped motion of things of this radius: a lap is just long enough to be out of sight at its ends.

    `zoom` is the least at which the camera shows things, against their usual size.
    """
    across = loop.width * ASPECT / zoom + 2 * LAP_MARGIN * radius
    down = loop.height / zoom + 2 * LAP_MARGIN * radius
    return replace(room, lap=(across if motion in TRAVEL_X else 0.0, down if motion in TRAVEL_Y else 0.0))


def make_path(
    motion: str,
    speed: str,
    *,
    room: Room,
    time: Time,
    lag: float,
    rng: np.random.Generator,
    enter: tuple[float, float] | None = None,
) -> Path:
    """The path of one member of a group; every array is [frames].

    `lag` (0..1) says how far this member is behind the first where the motion repeats itself. A motion that goes
    somewhere starts at the place `enter` if there is one, or as near to it as its least way allows. An unknown motion
    hovers.
    """
    start, side, spot = rng.uniform(), float(rng.choice([-1.0, 1.0])), rng.uniform(-0.5, 0.5, size=2)
    middle_x, middle_y = room.middle
    x0 = middle_x + spot[0] * min(0.5, room.width)
    y0 = middle_y + spot[1] * min(0.16, room.height)
    still = np.zeros_like(time.seconds)
    wobble = WOBBLE * np.sin(2 * np.pi * (time.turns(0.35) + start))
    bob = 0.8 * WOBBLE * np.sin(2 * np.pi * (time.turns(0.5) + start))
    x0 = float(np.clip(x0, min(room.left + WOBBLE, middle_x), max(room.right - WOBBLE, middle_x)))
    x, y, sway, growth = x0 + wobble, y0 + bob, 2 * wobble, still + 1  # hover
    lap_x, lap_y = room.lap
    across = partial(_travel, time, low=room.left, high=room.right, spot=spot[0], enter=enter and enter[0], lap=lap_x)
    down = partial(_travel, time, low=room.top, high=room.bottom, spot=spot[1], enter=enter and enter[1], lap=lap_y)
    match motion:
        case "rise":
            y = down(-SPEED[speed], least=LEAST_RISE)
        case "fall":
            y = down(SPEED[speed], least=LEAST_RISE)
        case "move_left":
            x = across(-1.5 * SPEED[speed], least=LEAST_MOVE)
            y, sway = y0 + wobble, still
        case "move_right":
            x = across(1.5 * SPEED[speed], least=LEAST_MOVE)
            y, sway = y0 + wobble, still
        case "orbit":
            turn = 2 * np.pi * (side * (time.turns(TURNS_PER_SECOND[speed]) - 0.1 * lag) + start)
            x = middle_x + min(0.3, room.width / 2) * np.cos(turn)
            y = middle_y + min(0.2, room.height / 2) * np.sin(turn)
            sway = still
        case "bounce":
            hop = np.abs(np.sin(np.pi * (time.turns(HOPS_PER_SECOND[speed]) + start - 0.3 * lag)))
            x, y, sway = x0 + still, room.bottom - min(0.34, room.height) * hop, still
        case "sway":
            swing = np.sin(2 * np.pi * (time.turns(SWINGS_PER_SECOND[speed]) + start - 0.06 * lag))
            x, y, sway = middle_x + min(0.2, room.width / 2) * swing, y0 + 0.03 * swing**2, 0.28 * swing
        case "zigzag":
            x = across(side * 2 * SPEED[speed], least=LEAST_ZIGZAG)
            y, sway = middle_y + min(0.17, room.height / 2) * _legs(time, speed, start), still
        case "approach":
            y, growth = middle_y + 0.02 * time.share, GROWTH[speed] ** time.share
    return Path(x=x, y=y, sway=sway, growth=growth)


def _travel(
    time: Time, speed: float, *, low: float, high: float, spot: float, least: float, enter: float | None, lap: float
) -> Reals:
    """A straight way of at least `least` through the room at `speed`, or shorter where the room is too small for it.

    In a loop it is one `lap`, whatever the speed.
    """
    sign = 1 if speed > 0 else -1
    x: Reals
    if time.loop is not None:
        x = (low + high) / 2 + sign * lap * (time.straight + 0.5 - MIDDLE)
        return x
    if enter is None:
        way = min(max(abs(speed) * time.duration, least), high - low)
        x = (low + high) / 2 + spot * (high - low - way) + sign * way * time.share
        return x
    left = time.duration - time.seconds[0] + 0.5 / FPS  # what is left of the time for the way
    ahead = high - enter if sign > 0 else enter - low
    shortest = least * left / time.duration
    way = min(max(min(abs(speed) * left, ahead), shortest), high - low)
    start = max(min(enter, high - way), low) if sign > 0 else min(max(enter, low + way), high)
    x = start + sign * way * (time.seconds - time.seconds[0] + 0.5 / FPS) / left
    return x


def _legs(time: Time, speed: str, start: float) -> Reals:
    """Up and down between -1 and 1 in straight legs with slightly rounded corners."""
    legs = max(LEAST_LEGS, round(LEGS_PER_SECOND[speed] * time.duration))
    legs += legs % 2 if time.loop is not None else 0
    wave = np.cos(np.pi * (legs * (time.straight + 0.5) + (start < 0.5)))
    straight: Reals = np.arcsin(0.97 * wave) / np.arcsin(0.97)
    return straight
