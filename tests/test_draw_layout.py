"""The drawing of a plan: a picture in which the tracks, the camera and the particles can be found again."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.plan import Plan, Shot
from edge.video.draw_layout import ABOVE, ASKED, BESIDE, CAMERA, COLOURS, HEIGHT, PARTICLE, draw_plan, marks
from edge.video.layout import ASPECT, make_layout
from tests.test_motions import BASE


def shot(**slots: str) -> Shot:
    return Shot(slots={**BASE, **slots}, seconds=2.0)


def drawn(*shots: Shot, seed: int = 1) -> np.ndarray:
    data = draw_plan(shots, seed=seed, captions=["A caption that says what is shown."] * len(shots))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def pixel(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """The pixel at a place of the first panel's canvas."""
    return picture[round((y + ABOVE) * HEIGHT), round((x + BESIDE) * HEIGHT)]


def count(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture - colour).max(axis=2) <= 3).sum())


@pytest.mark.parametrize("colour", ["red", "blue", "green", "brown"])
def test_a_track_is_drawn_along_its_way_in_the_colour_of_its_subject(colour: str) -> None:
    what = shot(motion="move_right", colour=colour)
    track = make_layout(what, seed=1, frames=48).tracks[0]

    picture = drawn(what)

    for frame in (9, 21, 33):
        seen = pixel(picture, float(track.x[frame]), float(track.y[frame]))
        assert np.abs(seen - np.array(COLOURS[colour]) * 0.72).max() < 12
    off = pixel(picture, float(track.x[20]), float(track.y[20]) - 1.2 * float(track.radius[20]))
    assert np.abs(off - 255).max() < 40


def test_shots_are_panels_two_beside_each_other() -> None:
    sizes = [drawn(*[shot()] * number).shape[:2] for number in (1, 2, 3, 4)]

    height, width = sizes[0]
    assert sizes[1] == (height, 2 * width)
    assert all(abs(size[0] - 2 * height) <= 1 for size in sizes[2:])
    assert width == round((ASPECT + 2 * BESIDE) * HEIGHT)


def test_a_moving_camera_particles_and_the_points_of_a_path_are_shown_and_only_then() -> None:
    plain, pan, snow = (drawn(what) for what in (shot(), shot(camera="pan_left"), shot(particles="snow")))
    path = drawn(*Plan(shots=(shot(),), caption="", coverage=1.0).along(((0.1, 0.2), (0.9, 0.8))).shots)

    for picture, colour in ((pan, CAMERA), (snow, PARTICLE), (path, ASKED)):
        assert count(plain, colour) < 5
        assert count(picture, colour) > 30


def test_the_same_seed_gives_the_same_picture_and_another_does_not() -> None:
    one, again, other = (drawn(shot(motion="orbit"), seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("frames", [1, 5, 12, 13, 48, 50, 96])
def test_marks_stand_every_half_second_from_the_first_frame_to_the_last(frames: int) -> None:
    found = marks(frames)

    assert (found[0], found[-1]) == (0, frames - 1)
    assert all(late - early <= 18 for early, late in pairwise(found))
    assert frames < 12 or all(late - early >= 6 for early, late in pairwise(found))


def test_subjects_and_colours_of_other_packs_and_the_shortest_shot_are_drawn_too() -> None:
    short = Shot(slots={**BASE, "subject": "teapot", "colour": "plaid", "second": "teacup"}, seconds=0.5)

    assert drawn(short).shape[2] == 3
