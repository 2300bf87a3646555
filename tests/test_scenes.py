"""The scene renderer: every value shows, and a scene is one frozen value that always gives the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from tools.convert.scenes.backgrounds import BACKGROUNDS
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import NUISANCE, Scene, held_out, make_scene, random_slots
from tools.convert.scenes.subjects import COLOURS, SUBJECTS
from tools.convert.tinyvideo.data import attributes, load_vocabulary, pack

VOCABULARY = load_vocabulary()
BASE = {name: slot.default for name, slot in VOCABULARY.items()}


def scene(seed: int = 3, **slots: str) -> Scene:
    return make_scene({**BASE, "subject": "balloon", "colour": "red", **slots}, seed=seed, seconds=1.0)


def picture(what: Scene, frame: int = 12) -> np.ndarray:
    return next(render(what, [frame], height=120))


def test_the_vocabulary_and_the_renderer_know_the_same_values() -> None:
    assert set(VOCABULARY["subject"].values) == set(SUBJECTS)
    assert set(VOCABULARY["colour"].values) == set(COLOURS)
    assert set(VOCABULARY["background"].values) == set(BACKGROUNDS)


def test_a_scene_is_drawn_the_same_every_time() -> None:
    assert np.array_equal(picture(scene()), picture(scene()))


def test_another_seed_gives_another_picture() -> None:
    assert not np.array_equal(picture(scene(seed=3)), picture(scene(seed=4)))


@pytest.mark.parametrize("name", ["subject", "colour", "background", "particles", "light", "count", "size"])
def test_every_value_of_a_slot_changes_the_picture(name: str) -> None:
    pictures = [picture(scene(**{name: value})) for value in VOCABULARY[name].values]

    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert np.abs(one.astype(int) - other).mean() > 0.05


@pytest.mark.parametrize("colour", COLOURS)
def test_the_subject_has_the_colour_that_was_asked_for(colour: str) -> None:
    what = scene(subject="heart", colour=colour, size="large", motion="hover")
    track = what.layout.tracks[0]
    x, y = int(track.x[12] * 120), int((track.y[12] + 0.1 * track.radius[12]) * 120)

    found = picture(what)[y, x].astype(float)

    distances = {name: float(np.linalg.norm(found - np.array(rgb))) for name, rgb in COLOURS.items()}
    assert min(distances, key=lambda name: distances[name]) == colour


def test_packing_keeps_every_pixel() -> None:
    i420 = to_i420(picture(scene()))

    packed = pack(i420)

    assert packed.shape == (24, 30, 54)
    assert np.array_equal(np.sort(packed.reshape(-1)), np.sort(i420.reshape(-1)))
    assert packed[5, 2, 3] == i420[2 * 4 + 1, 3 * 4 + 1]


def test_attributes_are_the_numbers_of_the_values_in_vocabulary_order() -> None:
    row = attributes(VOCABULARY, {**BASE, "subject": "fish"})

    assert row.shape == (len(VOCABULARY),)
    assert row[list(VOCABULARY).index("subject")] == list(VOCABULARY["subject"].values).index("fish")


def test_training_never_draws_a_held_out_combination() -> None:
    values = {name: list(slot.values) for name, slot in VOCABULARY.items()}
    rng = np.random.default_rng(1)

    drawn = [random_slots(values, rng) for _ in range(500)]

    assert not any(held_out(slots) for slots in drawn)
    share = np.mean([
        held_out({"subject": s, "colour": c, "motion": m})
        for s in values["subject"] for c in values["colour"] for m in values["motion"]
    ])  # fmt: skip
    assert 0.06 < share < 0.14


def test_nuisance_values_map_to_the_unit_interval() -> None:
    u = scene().u

    assert len(u) == NUISANCE
    assert all(0 <= value <= 1 for value in u)
