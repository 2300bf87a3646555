"""The pictures that the denoiser looks at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from edge.manifest import Textures as Wanted
from edge.plan import Shot
from edge.video.layout import ASPECT, Layout, make_layout
from edge.video.slot_map import slot_map
from edge.video.textures import POSES, SAMPLES, Place, Textures, open_textures

SUBJECTS = ["balloon", "fish"]
GRID = {"height": 15, "width": 27, "subjects": SUBJECTS, "colours": ["blue", "red"]}
BASE = {
    "subject": "fish", "count": "one", "size": "medium", "colour": "red", "motion": "move_right", "speed": "normal",
    "background": "sky", "particles": "none", "camera": "static",
}  # fmt: skip
PHOTO = np.array([[50.0, 20.0, 10.0, 5.0]], np.float32)
WANTED = Wanted("far.npz", "near.npz", "subjects.npz", variants=2, chooser=1, photo=PHOTO.tolist())


def layout(**changes: str) -> Layout:
    return make_layout(Shot(slots={**BASE, **changes}, seconds=1.0), seed=1, frames=24)


def textures() -> Textures:
    """Two places in two variants of one even feature each, and two subjects: the fish is 20, and 5 more in each phase."""
    places = np.repeat(np.arange(4, dtype=np.int8), 40).reshape(4, 1, 4, 10)
    subjects = np.zeros((2, POSES, 6, 6), np.int8)
    subjects[1] = (20 + 5 * np.arange(POSES))[:, None, None]
    return Textures(places, places + 3, subjects, variants=2, chooser=1, photo=PHOTO)


PLACE = textures().place(0, np.zeros(2, np.float32))


def look(what: Layout, frames: list[float], *, place: Place = PLACE) -> np.ndarray:
    planes = slot_map(what, frames, **GRID)
    found = textures().look_up(planes, keys=len(frames), place=place)
    return found.reshape(-1, len(frames), SAMPLES**2, 15, 27)


def test_a_sample_within_a_subject_sees_its_picture_as_its_phase_has_it() -> None:
    moving = layout()
    track = moving.tracks[0]
    row, column = int(track.y[4] * 15), int(track.x[4] / ASPECT * 27)

    subject = look(moving, [4.0])[0, 0]

    at = track.phase[4] / (2 * np.pi) * POSES % POSES
    wanted = 20 + 5 * at if at < POSES - 1 else 20 + 5 * (POSES - 1) * (POSES - at)  # and back to the first
    assert subject[:, row, column] == pytest.approx(wanted, abs=0.05)
    assert not subject[:, 0, 0].any()


def test_only_the_samples_of_a_cell_that_lie_on_the_subject_see_it() -> None:
    seen = look(layout(), [4.0])[0, 0] > 0

    partly = seen.any(axis=0) & ~seen.all(axis=0)
    assert 0 < partly.sum() < seen.any(axis=0).sum()


def test_another_subject_has_another_picture() -> None:
    assert not look(layout(subject="balloon"), [4.0])[0].any()


def test_the_place_that_is_asked_for_is_seen_everywhere() -> None:
    _, far, near = look(layout(), [1.0, 4.0], place=textures().place(1, np.zeros(2, np.float32)))

    assert np.unique(far).tolist() == [3]
    assert np.unique(near).tolist() == [6]


def test_a_photo_is_a_place_whose_colours_are_seen_where_they_are_in_the_photo() -> None:
    red_then_blue = np.zeros((480, 848, 3), np.uint8)
    red_then_blue[:, :424, 0], red_then_blue[:, 424:, 2] = 255, 255
    still = layout()
    photo = textures().photo(cv2.cvtColor(red_then_blue, cv2.COLOR_RGB2YUV_I420), still.camera[0])

    _, far, near = look(still, [1.0], place=photo)

    assert far[0, :, 7, 2] == pytest.approx(55, abs=2)
    assert far[0, :, 7, 24] == pytest.approx(15, abs=2)
    assert not near.any()


@pytest.mark.parametrize(("noise", "place"), [(-3.0, 2), (-0.1, 2), (0.1, 3), (9.0, 3)])
def test_the_noise_chooses_the_variant_of_a_place(noise: float, place: int) -> None:
    assert np.unique(textures().place(1, np.array([7.0, noise], np.float32)).far).tolist() == [place]


@pytest.mark.parametrize("damage", ["missing", "torn", "bent", "empty", "floats", "flat", "one array"])
def test_a_file_that_holds_no_pictures_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    picture = np.arange(80, dtype=np.int8).reshape(5, 4, 4)
    for name in ("far", "near", "subjects"):
        np.savez_compressed(tmp_path / f"{name}.npz", **{"0": picture})
    path = tmp_path / "near.npz"
    match damage:
        case "missing":
            path.unlink()
        case "torn":
            path.write_bytes(path.read_bytes()[:70])
        case "bent":
            path.write_bytes(path.read_bytes()[:60] + b"bent" + path.read_bytes()[64:])
        case "empty":
            np.savez_compressed(path)
        case "floats":
            np.savez_compressed(path, **{"0": picture.astype(np.float32)})
        case "flat":
            np.savez_compressed(path, **{"0": picture[0]})
        case "one array":
            with path.open("wb") as file:
                np.save(file, picture)

    with pytest.raises(ModelError, match=r"near\.npz"):
        open_textures(tmp_path, WANTED)


def test_pictures_are_read_from_their_files_by_number(tmp_path: Path) -> None:
    pictures = {str(number): np.full((5, 4, 4), number, np.int8) for number in range(4)}
    for name in ("far", "near", "subjects"):
        np.savez_compressed(tmp_path / f"{name}.npz", **pictures)

    opened = open_textures(tmp_path, WANTED)

    assert np.unique(opened.place(1, np.array([0.0, -1.0], np.float32)).far).tolist() == [2]
    with pytest.raises(ModelError, match="picture 9"):
        opened.place(4, np.array([0.0, 1.0], np.float32))
