"""Loops: everything that moves is at its start again at the end, and the frames go over into each other."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise, product
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.manifest import VideoManifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan, Shot, ShotPath
from edge.stop import Stop
from edge.video.chain import make_layouts, make_loop
from edge.video.focus import takes
from edge.video.generator import open_generator
from edge.video.layout import ASPECT, Layout, Track
from edge.video.loop import OVERLAP, Loop, meet, overlap

BASE = {
    "subject": "balloon", "count": "one", "size": "medium", "colour": "red", "motion": "hover", "speed": "normal",
    "background": "sky", "particles": "none", "style": "cartoon", "camera": "static", "light": "natural",
}  # fmt: skip
MOTIONS = ("hover", "rise", "fall", "move_left", "move_right", "orbit", "bounce", "sway", "zigzag", "approach")
CAMERAS = ("static", "pan_left", "pan_right", "zoom_in", "zoom_out")
PARTICLES = ("none", "snow", "bubbles", "rain", "leaves", "sparkles", "fireflies")
SECONDS = (1.0, 2.0, 4.0, 7.0)
Frame = NDArray[np.uint8]


def shot(*, seconds: float = 2.0, path: ShotPath | None = None, **slots: str) -> Shot:
    return Shot(slots={**BASE, **slots}, seconds=seconds, path=path)


def looped(one: Shot, *, seed: int = 1, loop: Loop | None = None) -> Layout:
    """The layout of a loop of one shot, whose last frames are to show what the first ones show."""
    ((_, layout),) = make_loop([one], seed=seed, frames=[round(one.seconds * 24)], loop=loop or Loop())
    return layout


def values(layout: Layout) -> dict[str, NDArray[np.float64]]:
    """Everything that is seen of a layout [frames, n]; what is an angle as its sine and cosine."""
    found = {"camera": layout.camera, "particles": layout.particles.reshape(layout.frames, -1)}
    turning = {"ambient": layout.ambient}
    for number, track in enumerate(layout.tracks):
        found |= {f"{name}{number}": getattr(track, name)[:, None] for name in ("x", "y", "radius", "flip")}
        turning |= {f"{name}{number}": getattr(track, name) for name in ("angle", "phase")}
    found |= {name: np.stack([np.sin(turn), np.cos(turn)], axis=1) for name, turn in turning.items()}
    return {name: column.astype(np.float64) for name, column in found.items()}


def gaps(layout: Layout, over: int) -> dict[str, float]:
    """How far everything is at the end from where it was at the start, over the frames that show the same."""
    return {
        name: float(np.abs(column[-over:] - column[:over])[2:-2].max(initial=0))
        for name, column in values(layout).items()
    }


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("seconds", SECONDS)
def test_everything_that_moves_is_at_its_start_again(motion: str, seconds: float) -> None:
    for subject, camera in product(("balloon", "fish", "rocket"), CAMERAS):
        for seed in range(3):
            one = shot(subject=subject, motion=motion, camera=camera, seconds=seconds, count="two", particles="none")
            far = gaps(looped(one, seed=seed), overlap(round(seconds * 24)))
            assert max(far.values()) < 0.02, far


def test_without_a_loop_it_is_not() -> None:
    for motion in ("rise", "orbit", "approach"):
        (layout,) = make_layouts([shot(motion=motion)], seed=1, frames=[48])
        track = layout.tracks[0]
        assert np.hypot(track.x[-1] - track.x[0], track.y[-1] - track.y[0]) + abs(np.ptp(track.radius)) > 0.1


@pytest.mark.parametrize("kind", PARTICLES)
def test_particles_come_round_and_never_jump_where_they_are_seen(kind: str) -> None:
    layout = looped(shot(particles=kind))
    assert gaps(layout, OVERLAP)["particles"] < 0.02

    place, strength = layout.particles[..., :2], layout.particles[..., 2]
    jumps = np.abs(np.diff(place, axis=0)).max(axis=-1, initial=0) > 0.1
    inside = (np.abs(place[..., 1] - 0.5) < 0.5) & (strength > 0.15)
    assert not np.any(jumps & inside[1:] & inside[:-1])


@pytest.mark.parametrize(
    ("motion", "axis"), [("rise", "y"), ("fall", "y"), ("move_left", "x"), ("move_right", "x"), ("zigzag", "x")]
)
@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("loop", [Loop(), Loop(width=270 / 848), Loop(height=0.4)])
def test_what_goes_somewhere_is_out_of_sight_when_it_changes_sides(
    motion: str, axis: str, camera: str, loop: Loop
) -> None:
    seen = loop.width * ASPECT if axis == "x" else loop.height
    for size, count in product(("small", "large"), ("one", "three")):
        for track in looped(shot(motion=motion, camera=camera, size=size, count=count, seconds=4.0), loop=loop).tracks:
            way = getattr(track, axis) - (ASPECT / 2 if axis == "x" else 0.5)
            jumps = np.flatnonzero(np.abs(np.diff(way)) > 0.5)
            assert len(jumps) >= 1
            for at in (*jumps, *(jumps + 1)):
                assert abs(way[at]) > seen / 2 + track.radius[at], "its whole body is outside"
            assert np.sum(np.abs(way) < seen / 2) > len(way) / 4, "and it is seen for a good while"


def test_a_loop_goes_on_in_the_direction_that_was_asked_for() -> None:
    for motion, axis, sign in (("rise", "y", -1), ("move_left", "x", -1), ("move_right", "x", 1)):
        steps = np.diff(getattr(looped(shot(motion=motion, subject="fish")).tracks[0], axis))
        assert np.all(sign * steps[np.abs(steps) < 0.5] > 0)
    flips = looped(shot(motion="move_left", subject="fish")).tracks[0].flip
    assert np.all(flips == -1), "it looks ahead, also where it changes sides"


def test_a_path_is_closed() -> None:
    path = ShotPath(points=((0.2, 0.8), (0.5, 0.2), (0.8, 0.7, 0.3)))
    layout = looped(shot(path=path, subject="bird", seconds=4.0))
    track = layout.tracks[0]

    far = gaps(layout, OVERLAP)
    assert max(far[name] for name in ("x0", "y0", "radius0")) < 0.02
    start = track.x[OVERLAP] / ASPECT, track.y[OVERLAP]
    assert np.abs(np.subtract(start, (0.2, 0.8))).max() < 0.05
    assert np.ptp(track.x) > 0.5 * ASPECT


@pytest.mark.parametrize("frames", [12, 13, 48, 100])
def test_meeting_yields_as_many_frames_and_the_last_ones_pass_into_the_first(frames: int) -> None:
    over = overlap(frames)
    drawn = [
        np.full((3, 2), number % frames + (10 if number >= frames else 0), np.uint8) for number in range(frames + over)
    ]
    made = [int(frame[0, 0]) for frame in meet(iter(drawn), over=over)]

    assert len(made) == frames
    assert made[: frames - over] == list(range(over, frames))
    nearer = [one - wanted for one, wanted in zip(made[frames - over :], range(over), strict=True)]
    assert nearer == sorted(nearer, reverse=True) and nearer[0] < 10 and nearer[-1] <= 10 / over + 1


def drawn(pack: Pack[VideoManifest], plan: Plan, cache: Path, *, loop: Loop | None) -> list[Frame]:
    with open_generator(pack, threads=1, cache=cache) as generator:
        frames = generator.frames(plan, row=Mode.LITE.row, seed=7, stop=Stop(), loop=loop)
        made = [frame.copy() for frame in frames]
        boxes = generator.takes(plan, seed=7, loop=loop)
        assert len(made) == generator.count(plan) == sum(map(len, boxes))
    return made


def change(one: Frame, other: Frame) -> float:
    return float(cv2.absdiff(one[:480], other[:480]).mean())


@pytest.mark.parametrize("motion", ["orbit", "move_right", "approach"])
def test_the_first_frame_goes_on_from_the_last_as_any_other_from_the_one_before(
    motion: str, tinypack: Pack[VideoManifest], tmp_path: Path
) -> None:
    plan = Plan(shots=(shot(motion=motion, particles="snow"),), caption="", coverage=1.0)
    made = drawn(tinypack, plan, tmp_path, loop=Loop())
    steps = [change(one, other) for one, other in pairwise(made)]

    assert change(made[-1], made[0]) <= 1.3 * max(steps)
    straight = drawn(tinypack, plan, tmp_path, loop=None)
    assert change(straight[-1], straight[0]) > 1.2 * change(made[-1], made[0])


@pytest.mark.parametrize("second", [{"subject": "fish", "background": "deep_sea"}, {"motion": "orbit"}])
def test_a_storyboard_fades_from_its_last_shot_to_its_first(
    second: dict[str, str], tinypack: Pack[VideoManifest], tmp_path: Path
) -> None:
    plan = Plan(shots=(shot(seconds=1.0), shot(seconds=1.0, **second)), caption="", coverage=1.0)
    made = drawn(tinypack, plan, tmp_path, loop=Loop())
    straight = drawn(tinypack, plan, tmp_path, loop=None)

    assert len(made) == 48
    assert change(made[-1], made[0]) < 0.5 * change(straight[-1], straight[0]) + 1
    np.testing.assert_array_equal(made[0], straight[OVERLAP])


def test_frames_without_a_loop_are_as_they_were(tinypack: Pack[VideoManifest], tmp_path: Path) -> None:
    plan = Plan(shots=(shot(motion="rise"),), caption="", coverage=1.0)
    once, again = (drawn(tinypack, plan, tmp_path, loop=None) for _ in range(2))

    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))


def test_where_subjects_are_is_known_for_every_frame_and_take() -> None:
    shots = [shot(seconds=1.0), shot(seconds=1.0), shot(seconds=0.5, subject="fish")]
    counts = [24, 24, 12]
    found = takes(
        zip(shots, make_layouts(shots, seed=1, frames=counts), strict=True), aspect=848 / 480, frames=60, loop=False
    )

    assert [len(take) for take in found] == [48, 12], "what goes on is one take, a cut begins another"
    for left, top, right, bottom in np.concatenate(found):
        assert -0.1 < left < right < 1.1 and -0.1 < top < bottom < 1.1


def test_what_travels_through_a_loop_counts_as_everywhere_and_what_does_not_travel_as_where_it_is() -> None:
    for motion, everywhere in (("move_left", True), ("orbit", False)):
        one = shot(motion=motion)
        shots = make_loop([one], seed=1, frames=[48], loop=Loop())
        (take,) = takes(shots, aspect=848 / 480, frames=48, loop=True)
        assert len(take) == 48
        assert bool(np.all(take[:, 0] == 0) and np.all(take[:, 2] == 1)) is everywhere


def test_every_field_of_a_track_was_looked_at() -> None:
    assert {field.name for field in fields(Track)} == {
        "subject",
        "colour",
        "x",
        "y",
        "radius",
        "angle",
        "flip",
        "phase",
    }
