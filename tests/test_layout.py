"""The layout: motion as it was asked for, inside the frame, the same for the same seed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from edge.plan import Shot
from edge.video.layout import ASPECT, faced, make_layout
from edge.video.places import particle_planes, to_scenery
from edge.video.tracks import CYCLES_PER_SECOND

BASE = {
    "subject": "balloon", "count": "one", "size": "medium", "colour": "red", "motion": "hover", "speed": "normal",
    "background": "sky", "particles": "none", "style": "cartoon", "camera": "static", "light": "natural",
}  # fmt: skip


SUBJECTS = [*CYCLES_PER_SECOND][:12]
COLOURS = ["green", "red", "blue"]
GRID = {"height": 15, "width": 27, "subjects": SUBJECTS, "colours": COLOURS}


def shot(**slots: str) -> Shot:
    return Shot(slots={**BASE, **slots}, seconds=2.0)


@pytest.mark.parametrize(
    ("motion", "axis", "sign"), [("rise", "y", -1), ("fall", "y", 1), ("move_left", "x", -1), ("move_right", "x", 1)]
)
@pytest.mark.parametrize("seed", range(5))
def test_a_straight_motion_goes_the_way_it_says(motion: str, axis: str, sign: int, seed: int) -> None:
    track = make_layout(shot(motion=motion), seed=seed, frames=48).tracks[0]

    path = getattr(track, axis)

    assert sign * (path[-1] - path[0]) > 0.15
    other = track.x if axis == "y" else track.y
    assert np.ptp(other) < 0.1


def test_fast_goes_further_than_slow() -> None:
    def travel(speed: str) -> float:
        track = make_layout(shot(motion="move_right", speed=speed), seed=1, frames=48).tracks[0]
        return float(track.x[-1] - track.x[0])

    assert travel("fast") > 1.5 * travel("normal") > 2 * travel("slow")


@pytest.mark.parametrize(
    ("subject", "motion"), list(product(["balloon", "rocket", "car"], ["rise", "orbit", "sway", "bounce"]))
)
@pytest.mark.parametrize("count", ["one", "three"])
def test_centres_stay_inside_the_canvas(subject: str, motion: str, count: str) -> None:
    for seed, camera in product(range(3), ["static", "pan_left", "zoom_in"]):
        layout = make_layout(
            shot(subject=subject, motion=motion, count=count, size="large", speed="fast", camera=camera), seed=seed,
            frames=240,
        )  # fmt: skip

        for track in layout.tracks:
            assert track.x.min() > 0
            assert track.x.max() < ASPECT
            assert track.y.min() > 0
            assert track.y.max() < 1


def test_tracks_are_smooth() -> None:
    for subject in CYCLES_PER_SECOND:
        track = make_layout(shot(subject=subject, motion="orbit", speed="fast"), seed=3, frames=96).tracks[0]

        assert np.hypot(np.diff(track.x), np.diff(track.y)).max() < 0.06
        assert np.abs(np.diff(track.angle)).max() < 1.0


def test_count_gives_that_many_subjects_apart_from_each_other() -> None:
    tracks = make_layout(shot(count="three", size="small"), seed=5, frames=24).tracks

    assert len(tracks) == 3
    for one, two in ((0, 1), (1, 2), (0, 2)):
        gap = np.hypot(tracks[one].x - tracks[two].x, tracks[one].y - tracks[two].y)
        assert gap.min() > 1.5 * tracks[0].radius.max()


def test_a_fish_faces_where_it_swims() -> None:
    left = make_layout(shot(subject="fish", motion="move_left"), seed=1, frames=48).tracks[0]
    right = make_layout(shot(subject="fish", motion="move_right"), seed=1, frames=48).tracks[0]

    assert np.all(left.flip == -1)
    assert np.all(right.flip == 1)


def test_a_falling_rocket_points_down() -> None:
    track = make_layout(shot(subject="rocket", motion="fall", speed="fast"), seed=1, frames=48).tracks[0]

    assert np.cos(track.angle).max() < -0.9


def test_the_same_seed_gives_the_same_layout_and_another_seed_does_not() -> None:
    one, again, other = (make_layout(shot(motion="orbit"), seed=seed, frames=24) for seed in (1, 1, 2))

    assert np.array_equal(one.tracks[0].x, again.tracks[0].x)
    assert not np.allclose(one.tracks[0].x, other.tracks[0].x)


def test_a_chained_shot_goes_on_where_the_one_before_stopped() -> None:
    whole = make_layout(shot(particles="snow"), seed=4, frames=96)
    second = make_layout(shot(particles="snow"), seed=4, frames=48, start_frame=48)

    assert np.allclose(second.tracks[0].phase, whole.tracks[0].phase[48:], atol=1e-5)
    assert np.allclose(second.particles, whole.particles[48:], atol=1e-5)


def test_zooming_in_makes_the_subject_grow() -> None:
    track = make_layout(shot(camera="zoom_in"), seed=1, frames=48).tracks[0]

    assert track.radius[-1] > 1.2 * track.radius[0]


def test_a_near_layer_moves_more_than_a_far_one() -> None:
    x, y = np.array([0.9]), np.array([0.5])

    far, _ = to_scenery(x, y, shift=0.1, zoom=1.0, parallax=0.4)
    near, _ = to_scenery(x, y, shift=0.1, zoom=1.0, parallax=1.0)

    assert abs(near[0] - 0.9) > 2 * abs(far[0] - 0.9)


def test_no_particles_means_empty_particle_planes() -> None:
    none = make_layout(shot(), seed=1, frames=4)
    snow = make_layout(shot(particles="snow"), seed=1, frames=4)

    assert not particle_planes(none, 1.0, (15, 27)).any()
    assert particle_planes(snow, 1.0, (15, 27)).any()


def particles(kind: str, **more: int) -> np.ndarray:
    return make_layout(shot(particles=kind), seed=2, frames=48, **more).particles


@pytest.mark.parametrize("kind", ["snow", "bubbles", "sparkles", "rain", "leaves", "fireflies"])
def test_particles_are_many_inside_or_close_to_the_canvas_and_go_on_in_a_chained_shot(kind: str) -> None:
    now = particles(kind)

    assert now.shape[1] >= 16
    assert 0 <= now[..., 2].min() <= now[..., 2].max() <= 1
    assert -0.2 < now[..., 0].min() < now[..., 0].max() < ASPECT + 0.2
    assert -0.1 < now[..., 1].min() < now[..., 1].max() < 1.1
    whole = make_layout(shot(particles=kind), seed=2, frames=72).particles
    assert np.allclose(particles(kind, start_frame=24), whole[24:][:48], atol=1e-5)


def test_particles_move_as_their_kind_does() -> None:
    fall = {kind: np.median(np.diff(particles(kind)[..., 1], axis=0)) * 24 for kind in ("rain", "snow", "leaves")}
    drift = {kind: np.ptp(particles(kind)[..., 0], axis=0).mean() for kind in ("leaves", "snow")}

    assert fall["rain"] > 4 * fall["snow"] > 0 < fall["leaves"]
    assert np.median(np.diff(particles("bubbles")[..., 1], axis=0)) < 0
    assert drift["leaves"] > 2 * drift["snow"]
    assert np.array_equal(particles("sparkles")[0, :, :2], particles("sparkles")[-1, :, :2])
    assert (np.ptp(particles("fireflies")[..., 2], axis=0) > 0.3).mean() > 0.8


def test_a_subject_of_another_pack_moves_by_the_usual_rule() -> None:
    track = make_layout(shot(subject="teapot", motion="rise"), seed=1, frames=48).tracks[0]

    assert track.y[0] - track.y[-1] > 0.15
    assert np.ptp(track.phase) > 1


def test_a_subject_of_another_pack_turns_round_where_it_goes_to_the_left() -> None:
    slots = {"subject": "wurzel", "colour": "red", "count": "one", "size": "small", "speed": "normal", "camera": "static",
             "particles": "none"}  # fmt: skip
    flips = {}
    for motion in ("move_left", "move_right", "hover"):
        layout = make_layout(Shot(slots=slots | {"motion": motion}, seconds=2.0), seed=3, frames=48)
        assert (faced(layout, ()).tracks[0].flip == 1).all()
        flips[motion] = faced(layout, {"wurzel"}).tracks[0].flip

    assert (flips["move_left"] == -1).all() and (flips["move_right"] == 1).all()
    assert set(flips["hover"]) == {1.0}  # it only sways
