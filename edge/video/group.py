"""A group of subjects: who is in it, how large they are, how they stand beside each other, and where they have room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.video.motions import ASPECT, Path, Reals, Room
from edge.video.waypoints import Extent

RADIUS = {"small": 0.13, "medium": 0.19, "large": 0.26}  # canvas heights
COUNT = {"one": 1, "two": 2, "three": 3}
CROWD_SCALE = {1: 1.0, 2: 0.8, 3: 0.62, 4: 0.5}
GAP = 2.6  # between neighbours of a group, in radii
STAGGER = 0.35  # neighbours stand this much higher and lower, in radii
TAIL = frozenset({"balloon", "flower", "jellyfish", "rocket", "kite", "lantern"})  # reach below their radius
ZOOM_RANGE = 1.30
FOLLOW = 0.3  # share of a pan that subjects show: the camera follows them the rest of the way


def members(slots: Mapping[str, str]) -> list[tuple[str, str]]:
    """Subject and colour of each member that the slots ask for."""
    names = [(slots["subject"], slots["colour"])] * COUNT[slots["count"]]
    if slots.get("second"):
        names.append((slots["second"], slots.get("second_colour", slots["colour"])))
    return names


def extent_of(subjects: Sequence[str]) -> Extent:
    """How far these subjects, side by side, reach from the middle of the group."""
    others = len(subjects) - 1
    rows = STAGGER if others else 0.0
    below = 1.3 if TAIL & set(subjects) else 1.05
    return Extent(side=0.9 + GAP / 2 * others, above=0.95 + rows, below=below + rows)


def usual_zoom(camera: Reals) -> float:
    """A zooming camera shows things at their usual size in the middle of its way."""
    return float(ZOOM_RANGE**0.5) if np.ptp(camera[:, 1]) > 0 else 1.0


def space(
    size: str, rng: np.random.Generator, *, extent: Extent, members: int, peak: float, camera: Reals
) -> tuple[float, Room]:
    """The radius of each member, and where the middle of the group may be so that none leaves the canvas.

    `peak` is the largest size that the members grow to, against their usual one.
    """
    zoom = usual_zoom(camera)
    half = ASPECT / 2 / zoom - FOLLOW * float(np.abs(camera[:, 0]).max())
    radius = RADIUS[size] * CROWD_SCALE[members] * rng.uniform(0.94, 1.06)
    rows = STAGGER if members > 1 else 0.0
    radius = min(radius, 1 / zoom / (2.2 + 2 * rows) / peak, half / extent.side / peak)
    side = half - extent.side * radius * peak
    top, bottom = 0.5 - 0.5 / zoom + extent.above * radius * peak, 0.5 + 0.5 / zoom - extent.below * radius * peak
    middle = (top + bottom) / 2
    return radius, Room(
        left=ASPECT / 2 - side, right=ASPECT / 2 + side, top=min(top, middle), bottom=max(bottom, middle)
    )  # fmt: skip


def seen(
    paths: Sequence[Path], radius: float, camera: Reals, *, lap: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Places [members, frames, 3] (x, y, radius) of a group on these paths, as the camera sees them.

    What is more than half a `lap` to one side or up or down of the middle is seen on the other side of it.
    """
    zoom = camera[:, 1] / usual_zoom(camera)
    places = []
    for index, path in enumerate(paths):
        beside = _beside(index, len(paths))
        size = radius * path.growth
        x = _within_lap(path.x + beside[0] * size - ASPECT / 2 - FOLLOW * camera[:, 0], lap[0])
        y = _within_lap(path.y + beside[1] * size - 0.5, lap[1])
        places.append(np.stack([ASPECT / 2 + x * zoom, 0.5 + y * zoom, size * zoom], axis=1))
    return np.stack(places)


def unseen(place: Reals, camera: Reals) -> tuple[float, float]:
    """Where a place (x, y) on the screen is on the paths that `seen` takes, at the first frame of the camera."""
    zoom = float(camera[0, 1]) / usual_zoom(camera)
    x = (float(place[0]) - ASPECT / 2) / zoom + ASPECT / 2 + FOLLOW * float(camera[0, 0])
    return x, (float(place[1]) - 0.5) / zoom + 0.5


def _within_lap(way: Reals, lap: float) -> Reals:
    return (way + lap / 2) % lap - lap / 2 if lap else way


def _beside(index: int, count: int) -> tuple[float, float]:
    """Where one member of a group stands beside the path, in radii, so that they do not overlap."""
    if count == 1:
        return 0.0, 0.0
    return (index - (count - 1) / 2) * GAP, STAGGER if index % 2 else -STAGGER
