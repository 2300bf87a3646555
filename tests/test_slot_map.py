"""The channels of a whole slot: where every cell lies in its subject and in the scenery, key by key."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.plan import Shot
from edge.video.layout import ASPECT, Layout, make_layout
from edge.video.slot_map import NEAR_X, ONCE, PER_KEY, WITHIN, slot_channels, slot_map

SUBJECTS, COLOURS = ["balloon", "bird", "fish"], ["blue", "red"]
GRID = {"height": 15, "width": 27, "subjects": SUBJECTS, "colours": COLOURS}
FRAMES = [1.0, 4.0, 7.0, 10.0]
BASE = {
    "subject": "fish", "count": "one", "size": "medium", "colour": "red", "motion": "move_right", "speed": "fast",
    "background": "sky", "particles": "none", "camera": "static",
}  # fmt: skip


def layout(**changes: str) -> Layout:
    return make_layout(Shot(slots={**BASE, **changes}, seconds=1.0), seed=1, frames=24)


def key_planes(planes: np.ndarray, key: int) -> dict[str, np.ndarray]:
    first = len(ONCE) + len(SUBJECTS) + len(COLOURS) + key * len(PER_KEY)
    return dict(zip(PER_KEY, planes[0, first : first + len(PER_KEY)], strict=True))


def cell(track_layout: Layout, index: int, frame: int) -> tuple[int, int]:
    track = track_layout.tracks[index]
    return int(track.y[frame] * 15), int(track.x[frame] / ASPECT * 27)


def test_the_map_has_the_stated_shape_and_every_place_is_within_its_picture() -> None:
    planes = slot_map(layout(particles="snow", camera="pan_right"), FRAMES, **GRID)

    assert planes.shape == (1, slot_channels(3, 2, keys=4), 15, 27)
    assert planes.dtype == np.float32
    for key in range(4):
        places = key_planes(planes, key)
        assert all(
            np.abs(places[name]).max() <= WITHIN + 1e-6 for name in ("u", "v", "far_x", "far_y", "near_x", "near_y")
        )


def test_each_key_knows_where_its_subject_stands() -> None:
    moving = layout()
    planes = slot_map(moving, FRAMES, **GRID)

    for key, frame in enumerate(FRAMES):
        row, column = cell(moving, 0, round(frame))
        places = key_planes(planes, key)
        assert places["window"][row, column] == 1
        assert max(abs(places["u"][row, column]), abs(places["v"][row, column])) < 0.25
        assert places["subject"][row, column] == SUBJECTS.index("fish")
    assert key_planes(planes, 0)["u"][7, 13] > key_planes(planes, 3)["u"][7, 13]  # it moves to the right


def test_each_of_two_subjects_marks_its_own_place_and_colour() -> None:
    two = layout(second="bird", second_colour="blue", size="small", motion="hover")
    planes = slot_map(two, FRAMES, **GRID)

    for index, (subject, colour) in enumerate((("fish", "red"), ("bird", "blue"))):
        row, column = cell(two, index, 4)
        hot = planes[0, len(ONCE) : len(ONCE) + 5, row, column]
        assert np.argmax(hot[:3]) == SUBJECTS.index(subject)
        assert np.argmax(hot[3:]) == COLOURS.index(colour)


def test_a_pan_moves_the_scenery_between_the_keys_and_a_still_camera_does_not() -> None:
    still, panned = (slot_map(layout(camera=camera), FRAMES, **GRID) for camera in ("static", "pan_right"))

    def shift(planes: np.ndarray) -> float:
        change = key_planes(planes, 3)["near_x"] - key_planes(planes, 0)["near_x"]
        return float(np.mean(change)) * (NEAR_X[1] - NEAR_X[0]) / 2

    assert shift(still) == 0
    assert shift(panned) == pytest.approx(9 / 24 * 0.1, rel=0.35)


def test_a_subject_that_the_pack_does_not_know_is_refused() -> None:
    with pytest.raises(ModelError, match="subject 'teapot'"):
        slot_map(layout(second="teapot"), FRAMES, **GRID)
