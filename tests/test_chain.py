"""Chained shots: the same things in the same place go on from where they were; a cut starts anew."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edge.plan import Shot
from edge.video.chain import make_layouts
from edge.video.layout import ASPECT, Layout, make_layout
from tests.test_motions import BASE, CAMERAS, MOTIONS, motion_of

FRAMES = 72
MOST = 0.02  # canvas heights per frame at the seam beyond the usual step


def chain(*slots: dict[str, str], seed: int = 1) -> list[Layout]:
    shots = [Shot(slots={**BASE, **part}, seconds=FRAMES / 24) for part in slots]
    return list(make_layouts(shots, seed=seed, frames=[FRAMES] * len(shots)))


def places(layout: Layout, member: int = 0) -> np.ndarray:
    track = layout.tracks[member]
    return np.stack([track.x, track.y, track.radius], axis=1).astype(float)


def jump(first: Layout, second: Layout) -> float:
    """How much larger the step over the seam is than the largest step of the first shot's end, of any member."""
    over = []
    for member in range(len(first.tracks)):
        one, two = places(first, member), places(second, member)
        usual = np.linalg.norm(np.diff(one[-6:], axis=0), axis=1).max()
        over.append(np.linalg.norm(two[0] - one[-1]) - usual)
    return max(over)


@pytest.mark.parametrize(("before", "after"), list(product(MOTIONS, MOTIONS)))
def test_nothing_jumps_at_the_seam(before: str, after: str) -> None:
    cases = product(["balloon", "fish"], ["one", "three"], [("static", "static"), ("zoom_in", "pan_left")])
    for seed, (subject, count, cameras) in enumerate(cases):
        same = {"subject": subject, "count": count}

        first, second = chain(
            {**same, "motion": before, "camera": cameras[0]}, {**same, "motion": after, "camera": cameras[1]}, seed=seed
        )

        assert jump(first, second) <= MOST
        for member in range(len(first.tracks)):
            steps = np.linalg.norm(np.diff(places(second, member), axis=0), axis=1)
            alone = make_layout(
                Shot(slots={**BASE, **same, "motion": after}, seconds=3.0), seed=seed, frames=FRAMES, start_frame=FRAMES
            )
            usual = [np.linalg.norm(np.diff(places(it, member), axis=0), axis=1).max() for it in (first, alone)]
            assert steps.max() <= max(usual) + MOST


@pytest.mark.parametrize(("before", "after"), list(product(MOTIONS, MOTIONS)))
def test_bodies_stay_inside_the_frame_after_a_seam(before: str, after: str) -> None:
    for seed, size in product(range(3), ["small", "large"]):
        second = chain({"motion": before, "size": size}, {"motion": after, "size": size}, seed=seed)[1]

        for track in second.tracks:
            out = max(
                (track.radius - track.x).max(), (track.x + track.radius).max() - ASPECT,
                (track.radius - track.y).max(), (track.y + track.radius).max() - 1,
            )  # fmt: skip
            assert out < 0.25 * track.radius.max()


@pytest.mark.parametrize("change", [{"background": "city"}, {"subject": "heart"}, {"count": "two"}, {"colour": "blue"}])
def test_a_cut_starts_as_if_there_were_nothing_before(change: dict[str, str]) -> None:
    second = chain({"motion": "rise"}, {"motion": "rise", **change})[1]
    alone = make_layout(
        Shot(slots={**BASE, "motion": "rise", **change}, seconds=3.0), seed=1, frames=FRAMES, start_frame=FRAMES
    )

    assert np.array_equal(places(second), places(alone))
    assert np.array_equal(second.camera, alone.camera)


@pytest.mark.parametrize("motion", ["rise", "fall", "move_left", "move_right", "approach"])
def test_one_motion_over_two_shots_is_one_way(motion: str) -> None:
    for seed in range(4):
        first, second = chain({"motion": motion}, {"motion": motion, "light": "dim"}, seed=seed)
        way = np.concatenate([places(first), places(second)])

        axis = {"rise": 1, "fall": 1, "approach": 2}.get(motion, 0)
        steps = np.diff(way[:, axis])
        assert np.all(steps > 0) or np.all(steps < 0)


def test_a_shot_still_shows_its_own_motion_after_the_seam() -> None:
    wrong = []
    for before, after, seed in product(MOTIONS, ["rise", "fall", "move_left", "move_right", "sway"], range(3)):
        second = chain({"motion": before}, {"motion": after}, seed=seed)[1]
        settled = Layout(
            tracks=tuple(_from(track, 36) for track in second.tracks), camera=second.camera, particles=second.particles,
            ambient=second.ambient,
        )  # fmt: skip
        wrong += [(before, after, seed)] if before != after and not _shows(after, settled) else []

    assert wrong == []


def _from(track: object, frame: int) -> object:
    values = {name: part[frame:] if isinstance(part, np.ndarray) else part for name, part in vars(track).items()}
    return type(track)(**values)


def _shows(motion: str, seen: Layout) -> bool:
    """The rule for whole shots, but a straight way may be short, since only the end of it is looked at."""
    way = places(seen)
    across, down = way[-1, 0] - way[0, 0], way[-1, 1] - way[0, 1]
    straight = {"rise": -down, "fall": down, "move_left": -across, "move_right": across}
    return straight[motion] > 0.08 if motion in straight else motion_of(seen) == motion


@pytest.mark.parametrize(("before", "after"), list(product(CAMERAS, CAMERAS)))
def test_the_scenery_does_not_jump_and_stays_where_training_has_been(before: str, after: str) -> None:
    first, second = chain({"camera": before}, {"camera": after})

    usual = np.abs(np.diff(first.camera, axis=0)).max(axis=0)
    assert np.all(np.abs(second.camera[0] - first.camera[-1]) <= usual + 1e-3)
    shift = second.camera[:, 0] - (first.camera[0, 0] + first.camera[-1, 0]) / 2
    assert np.abs(shift).max() <= 0.2 + 0.21
    assert 0.99 < second.camera[:, 1].min() <= second.camera[:, 1].max() < 1.31


def test_one_camera_move_over_two_shots_is_one_move() -> None:
    for camera, column in (("pan_left", 0), ("zoom_in", 1)):
        first, second = chain({"camera": camera}, {"camera": camera, "motion": "rise"})

        steps = np.diff(np.concatenate([first.camera, second.camera])[:, column])
        assert np.all(steps > 0) or np.all(steps < 0)


def test_a_chain_is_drawn_the_same_every_time_and_holds_back_nothing() -> None:
    one, again = (chain({"motion": "rise"}, {"motion": "orbit"}, {"motion": "hover"}) for _ in range(2))

    assert all(np.array_equal(places(a), places(b)) for a, b in zip(one, again, strict=True))
    assert [layout.frames for layout in one] == [FRAMES] * 3
