"""The motions can be told apart by a rule from the path alone, whatever the speed, length, camera and seed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edge.plan import Shot
from edge.video.layout import ASPECT, Layout, make_layout

BASE = {
    "subject": "balloon", "count": "one", "size": "medium", "colour": "red", "motion": "hover", "speed": "normal",
    "background": "sky", "particles": "none", "style": "cartoon", "camera": "static", "light": "natural",
}  # fmt: skip
MOTIONS = [
    "rise", "fall", "move_left", "move_right", "orbit", "bounce", "hover", "sway", "zigzag", "approach",
]  # fmt: skip
SPEEDS = ["slow", "normal", "fast"]
CAMERAS = ["static", "pan_left", "pan_right", "zoom_in", "zoom_out"]


def layout(*, seconds: float = 2.0, seed: int = 1, start_frame: int = 0, **slots: str) -> Layout:
    shot = Shot(slots={**BASE, **slots}, seconds=seconds)
    return make_layout(shot, seed=seed, frames=round(seconds * 24), start_frame=start_frame)


def turns(path: np.ndarray) -> int:
    """How often a path turns back."""
    way = np.sign(np.diff(path))
    way = way[way != 0]
    return int(np.sum(way[1:] != way[:-1]))


def motion_of(seen: Layout) -> str:
    """The motion of a group, from the path of its middle on the screen, camera and all."""
    x, y = (np.mean([getattr(track, axis) for track in seen.tracks], axis=0) for axis in "xy")
    radius = seen.tracks[0].radius
    across, down = x[-1] - x[0], y[-1] - y[0]
    if radius[-1] > 1.42 * radius[0]:
        return "approach"
    if np.ptp(y) < 0.11:
        if np.ptp(x) < 0.19:
            return "hover"
        straight = turns(x) == 0 and abs(across) > 0.9 * np.ptp(x)
        return ("move_right" if across > 0 else "move_left") if straight else "sway"
    if np.ptp(x) < 0.19:
        return ("fall" if down > 0 else "rise") if turns(y) == 0 else "bounce"
    return "zigzag" if turns(x) == 0 and turns(y) >= 2 else "orbit"


@pytest.mark.parametrize(("motion", "speed"), list(product(MOTIONS, SPEEDS)))
def test_a_motion_is_told_from_its_path_alone(motion: str, speed: str) -> None:
    cases = product(CAMERAS, ["small", "large"], ["one", "two", "three"], ["balloon", "car"], [2.0, 3.0, 4.0])
    for seed, (camera, size, count, subject, seconds) in enumerate(cases):
        slots = {"motion": motion, "speed": speed, "camera": camera, "size": size, "count": count, "subject": subject}

        seen = layout(seconds=seconds, seed=seed, **slots)

        assert motion_of(seen) == motion, (slots, seconds, seed)


@pytest.mark.parametrize("motion", ["orbit", "bounce", "hover", "sway"])
def test_what_repeats_goes_on_in_a_chained_shot(motion: str) -> None:
    whole = layout(motion=motion, seconds=4.0).tracks[0]
    second = layout(motion=motion, seconds=2.0, start_frame=48).tracks[0]

    assert np.allclose(second.x, whole.x[48:], atol=1e-5)
    assert np.allclose(second.y, whole.y[48:], atol=1e-5)


@pytest.mark.parametrize("speed", SPEEDS)
def test_every_motion_has_its_least_amount_in_two_seconds(speed: str) -> None:
    for seed in range(5):
        seen = {motion: layout(motion=motion, speed=speed, seed=seed).tracks[0] for motion in MOTIONS}

        orbit = np.unwrap(np.arctan2(seen["orbit"].y - 0.5, seen["orbit"].x - ASPECT / 2))
        assert abs(orbit[-1] - orbit[0]) > np.pi
        assert turns(seen["bounce"].y) >= 2
        assert np.ptp(seen["sway"].x) > 0.35
        assert turns(seen["zigzag"].y) >= 2
        assert seen["approach"].radius[-1] > 1.8 * seen["approach"].radius[0]
        assert max(np.ptp(seen["hover"].x), np.ptp(seen["hover"].y)) < 0.3 * np.ptp(seen["sway"].x)


@pytest.mark.parametrize("motion", MOTIONS)
def test_bodies_stay_inside_the_frame(motion: str) -> None:
    cases = product(CAMERAS, ["small", "large"], ["one", "two", "three"], SPEEDS, [2.0, 10.0])
    for seed, (camera, size, count, speed, seconds) in enumerate(cases):
        seen = layout(motion=motion, camera=camera, size=size, count=count, speed=speed, seconds=seconds, seed=seed)

        for track in seen.tracks:
            out = max(
                (track.radius - track.x).max(), (track.x + track.radius).max() - ASPECT,
                (track.radius - track.y).max(), (track.y + track.radius).max() - 1,
            )  # fmt: skip
            assert out < 0.25 * track.radius.max()


@pytest.mark.parametrize("motion", MOTIONS)
def test_two_subjects_move_alike_and_apart(motion: str) -> None:
    for seed in range(4):
        seen = layout(motion=motion, size="large", second="car", second_colour="blue", seed=seed)

        first, second = seen.tracks
        gap = np.hypot(first.x - second.x, first.y - second.y)
        assert (gap > 1.9 * np.maximum(first.radius, second.radius)).all()
        assert motion_of(seen) == motion
        assert not np.allclose(first.phase % (2 * np.pi), second.phase % (2 * np.pi), atol=0.01)
