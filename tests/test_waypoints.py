"""Paths that were asked for: smooth, through the points, inside the frame, shared by members and shots."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edge.plan import Plan, Shot
from edge.video.chain import make_layouts
from edge.video.layout import ASPECT, Layout
from edge.video.waypoints import ease
from tests.test_motions import BASE, CAMERAS, MOTIONS

CURVE = ((0.2, 0.7), (0.35, 0.4), (0.6, 0.6), (0.8, 0.35))
THERE_AND_BACK = ((0.2, 0.5), (0.8, 0.5), (0.2, 0.5))
CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.5))
GROWING = ((0.3, 0.6, 0.1), (0.5, 0.5), (0.7, 0.5, 0.5))
ON_THE_SPOT = ((0.5, 0.5, 0.1), (0.5, 0.5, 0.5))
STILL = ((0.4, 0.4), (0.4, 0.4))
PATHS = (CURVE, THERE_AND_BACK, CORNERS, GROWING, ON_THE_SPOT, STILL)


def along(
    points: tuple[tuple[float, ...], ...], *, seconds: tuple[float, ...] = (4.0,), seed: int = 1, **slots: str
) -> list[Layout]:
    shots = tuple(Shot(slots={**BASE, "size": "small", **slots}, seconds=length) for length in seconds)
    plan = Plan(shots=shots, caption="", coverage=1.0).along(points)
    return list(make_layouts(plan.shots, seed=seed, frames=[round(length * 24) for length in seconds]))


def xy(layout: Layout, member: int = 0) -> np.ndarray:
    return np.stack([layout.tracks[member].x, layout.tracks[member].y], axis=1).astype(float)


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("camera", CAMERAS)
def test_a_track_goes_through_the_points_whatever_motion_and_camera(motion: str, camera: str) -> None:
    way = xy(along(CURVE, motion=motion, camera=camera)[0])

    nearest = [np.hypot(*(way - (x * ASPECT, y)).T) for x, y in CURVE]
    assert max(distance.min() for distance in nearest) < 0.02
    at = [int(distance.argmin()) for distance in nearest]
    assert at == sorted(at)
    assert (at[0], at[-1]) == (0, 95)


@pytest.mark.parametrize("points", PATHS)
def test_a_path_is_walked_smoothly_and_softly_at_both_ends(points: tuple[tuple[float, ...], ...]) -> None:
    steps = np.diff(xy(along(points)[0]), axis=0)
    speed = np.hypot(*steps.T)

    sharp = points in (THERE_AND_BACK, CORNERS)  # here even the best curve inside the frame turns within a few frames
    assert np.abs(np.diff(steps, axis=0)).max() <= (0.9 if sharp else 0.2) * speed.max() + 1e-6
    assert max(speed[0], speed[-1]) <= 0.35 * speed.max() + 1e-6


def test_a_way_forth_and_back_is_the_same_both_ways() -> None:
    x = xy(along(THERE_AND_BACK)[0])[:, 0]

    assert np.allclose(x, x[::-1], atol=1e-3)
    assert x.argmax() in (47, 48)


def test_the_pace_never_turns_back() -> None:
    share = ease(np.linspace(-0.1, 1.1, 200))

    assert np.all(np.diff(share) >= 0)
    assert (share[0], share[-1]) == (0, 1)
    assert np.diff(share).max() / np.diff(share)[100] < 1.01


@pytest.mark.parametrize(("points", "count", "camera"), list(product(PATHS, ["one", "two", "three"], CAMERAS)))
def test_bodies_stay_inside_the_frame_on_any_path(
    points: tuple[tuple[float, ...], ...], count: str, camera: str
) -> None:
    for track in along(points, count=count, camera=camera, size="large")[0].tracks:
        assert (track.x - 0.9 * track.radius).min() > -1e-4
        assert (track.x + 0.9 * track.radius).max() < ASPECT + 1e-4
        assert (track.y - 0.9 * track.radius).min() > -1e-4
        assert (track.y + track.radius).max() < 1 + 1e-4


def test_members_keep_their_places_beside_each_other() -> None:
    for slots in ({"count": "three"}, {"count": "one", "second": "car", "second_colour": "blue"}):
        layout = along(CURVE, **slots)[0]
        offset = xy(layout, 1) - xy(layout, 0)

        assert np.ptp(offset, axis=0).max() < 1e-5
        assert np.hypot(*offset[0]) > 2 * layout.tracks[0].radius.max()


def test_a_size_that_is_given_is_the_size_that_is_drawn_and_grows_between() -> None:
    radius = along(GROWING, camera="zoom_in")[0].tracks[0].radius

    assert radius[0] == pytest.approx(0.05, abs=0.002)
    assert radius[-1] == pytest.approx(0.25, abs=0.002)
    assert np.all(np.diff(radius) >= 0)
    assert 0.1 < radius[48] < 0.2


def test_without_a_size_it_is_that_of_the_slots() -> None:
    small, large = (along(CURVE, size=size)[0].tracks[0].radius for size in ("small", "large"))

    assert np.ptp(small) < 1e-6
    assert large[0] > 1.8 * small[0]


@pytest.mark.parametrize("points", [CURVE, CORNERS, GROWING])
def test_shots_share_one_path_by_their_time(points: tuple[tuple[float, ...], ...]) -> None:
    whole = xy(along(points, seconds=(4.0,))[0])
    parts = np.concatenate([xy(part) for part in along(points, seconds=(1.0, 2.5, 0.5))])

    assert np.abs(parts - whole).max() < 0.012


def test_a_path_goes_on_over_a_cut() -> None:
    shots = [Shot(slots={**BASE, "background": place}, seconds=2.0) for place in ("sky", "meadow")]
    plan = Plan(shots=tuple(shots), caption="", coverage=1.0).along(CURVE)

    first, second = (xy(layout) for layout in make_layouts(plan.shots, seed=1, frames=[48, 48]))

    assert np.hypot(*(second[0] - first[-1])) < 0.03


def test_a_fish_looks_where_the_path_leads_and_back_from_the_turn() -> None:
    for seed in range(4):
        flip = along(THERE_AND_BACK, subject="fish", seed=seed)[0].tracks[0].flip

        assert set(flip[:44]) == {1.0}
        assert set(flip[54:]) == {-1.0}


def test_a_rocket_points_ahead_turns_in_a_few_frames_and_stands_upright_when_it_stays() -> None:
    right = along(((0.2, 0.5), (0.8, 0.5)), subject="rocket")[0].tracks[0]
    turning = along(THERE_AND_BACK, subject="rocket")[0].tracks[0]
    still = along(STILL, subject="rocket")[0].tracks[0]

    assert np.allclose(right.angle, np.pi / 2, atol=0.01)
    assert np.abs(np.diff(turning.angle)).max() < 1.0
    assert np.abs(still.angle).max() < 0.3
