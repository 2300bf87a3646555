"""The scene renderer: every value shows, and a scene is one frozen value that always gives the same picture."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from tools.convert.scenes.backgrounds import BACKGROUNDS
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.particles import particles, slant_of
from tools.convert.scenes.render import masks, render
from tools.convert.scenes.scene import NUISANCE, PAIRS, Scene, held_out, make_scene, random_slots
from tools.convert.scenes.stage import LIGHTING
from tools.convert.scenes.styles import FINISH
from tools.convert.scenes.subjects import SUBJECTS
from tools.convert.tinyvideo.data import attributes
from tools.convert.tinyvideo.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()
VALUES = {name: list(slot.values) for name, slot in VOCABULARY.items()}
BASE = {name: slot.default for name, slot in VOCABULARY.items()}
STYLES = VALUES["style"]
GREYS = ("white", "grey", "black")


def scene(seed: int = 3, **slots: str) -> Scene:
    return make_scene({**BASE, "subject": "balloon", "colour": "red", **slots}, seed=seed, seconds=1.0)


def picture(what: Scene, frame: int = 12, height: int = 120) -> np.ndarray:
    return next(render(what, [frame], height=height))


def body_colour(style: str, colour: str) -> np.ndarray:
    """The mean colour of a heart in L*a*b*, its outline included."""
    what = scene(subject="heart", colour=colour, size="large", motion="hover", style=style)
    inside = next(masks(what, [12], height=120)) > 0
    mean = picture(what)[inside].mean(axis=0, dtype=np.float32)
    return cv2.cvtColor(mean[None, None] / 255, cv2.COLOR_RGB2Lab)[0, 0]


def test_the_vocabulary_and_the_renderer_know_the_same_values() -> None:
    assert set(VALUES["subject"]) == set(SUBJECTS)
    assert set(VALUES["colour"]) == set(COLOURS)
    assert set(VALUES["background"]) == set(BACKGROUNDS)
    assert set(STYLES) == set(FINISH)
    assert set(VALUES["light"]) == set(LIGHTING)


def test_a_scene_is_drawn_the_same_every_time() -> None:
    assert np.array_equal(picture(scene()), picture(scene()))


def test_another_seed_gives_another_picture() -> None:
    assert not np.array_equal(picture(scene(seed=3)), picture(scene(seed=4)))


def test_a_frame_is_the_same_whatever_was_drawn_before_it() -> None:
    what = scene(camera="pan_left", particles="snow", style="watercolour", light="dim")

    one_by_one = [picture(what, frame) for frame in (3, 9, 15)]

    assert all(np.array_equal(a, b) for a, b in zip(render(what, [3, 9, 15], height=120), one_by_one, strict=True))


@pytest.mark.parametrize("name", ["subject", "colour", "background", "particles", "light", "style", "count", "size"])
def test_every_value_of_a_slot_changes_the_picture(name: str) -> None:
    pictures = [picture(scene(**{name: value})) for value in VALUES[name]]

    for one, other in itertools.combinations(pictures, 2):
        assert np.abs(one.astype(int) - other).mean() > 0.05


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("light", VALUES["light"])
def test_lights_and_styles_change_the_scenery_and_not_only_the_subject(style: str, light: str) -> None:
    plain, other = scene(), scene(style=style, light=light)
    outside = next(masks(plain, [12], height=120)) == 0

    change = np.abs(picture(plain).astype(int) - picture(other))[outside].mean()

    assert change == 0 if (style, light) == ("cartoon", "natural") else change > 4


@pytest.mark.parametrize("kind", [kind for kind in VALUES["particles"] if kind != "none"])
@pytest.mark.parametrize("background", ["snowy_mountains", "night_sky"])
def test_particles_show_on_light_and_on_dark_scenery(kind: str, background: str) -> None:
    plain = picture(scene(background=background), height=240).astype(int)
    most = 0
    for frame in (0, 12, 23):
        plain = picture(scene(background=background), frame, height=240).astype(int)
        change = np.abs(picture(scene(background=background, particles=kind), frame, height=240) - plain).max(axis=2)
        most = max(most, int((change > 40).sum()))

    assert most > 150


def test_strong_particles_are_larger() -> None:
    for kind in (kind for kind in VALUES["particles"] if kind != "none"):
        weak, strong = (
            sum(np.ptp(swarm.polygons, axis=1).prod() for drift in drifts for swarm in drift.swarms)
            for drifts in (particles(kind, np.array([[0.9, 0.5, s]]), slant=0.1, height=240) for s in (0.4, 1.0))
        )
        assert strong > 1.2 * weak


def test_rain_falls_along_its_streaks() -> None:
    what = scene(particles="rain", seed=8)
    tracks = what.layout.particles
    slant = slant_of(tracks)
    moved = tracks[11, :, :2] - tracks[10, :, :2]
    falling = moved[:, 1] > 0

    assert np.allclose(moved[falling, 0], slant * moved[falling, 1], atol=1e-4)
    streaks = particles("rain", tracks[10], slant=slant, height=240)[1].swarms[-1].polygons
    long = streaks[:, 2] - streaks[:, 0]
    assert np.allclose(long[:, 0] / long[:, 1], slant, atol=0.1)


@pytest.mark.parametrize("style", STYLES)
def test_the_subject_has_the_colour_that_was_asked_for_in_every_style(style: str) -> None:
    found = {colour: body_colour(style, colour) for colour in COLOURS}

    for colour, rgb in COLOURS.items():
        asked = cv2.cvtColor(np.array([[rgb]], np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
        turn = np.angle(complex(*found[colour][1:]) / complex(*asked[1:]), deg=True)
        assert (np.hypot(*found[colour][1:]) < 12) if colour in GREYS else abs(turn) < 24, colour
    assert found["black"][0] + 8 < found["grey"][0] < found["white"][0] - 8


@pytest.mark.parametrize("style", STYLES)
def test_no_two_colours_look_alike_in_any_style(style: str) -> None:
    found = {colour: body_colour(style, colour) for colour in COLOURS}

    for (one, a), (other, b) in itertools.combinations(found.items(), 2):
        assert np.linalg.norm(a - b) > 12, (one, other)


def test_the_camera_shows_the_scenery_where_the_layout_says() -> None:
    what = scene(camera="pan_right", background="meadow")
    bare = dataclasses.replace(what, layout=dataclasses.replace(what.layout, tracks=()))
    first, last = (picture(bare, frame, height=240)[-24:].astype(int) for frame in (0, 23))  # flowers on the near layer
    moved = round(240 * float(what.layout.camera[23, 0] - what.layout.camera[0, 0]))

    still, followed = np.abs(first - last).mean(), np.abs(first[:, moved:] - last[:, :-moved]).mean()

    assert moved > 4
    assert followed < 0.4 * still


@pytest.mark.parametrize("style", STYLES)
def test_masks_cover_what_a_subject_changes(style: str) -> None:
    what = scene(style=style, subject="fish", count="two", size="large")
    bare = dataclasses.replace(what, layout=dataclasses.replace(what.layout, tracks=()))
    mask = next(masks(what, [12], height=120))

    change = np.abs(picture(what).astype(int) - picture(bare)).max(axis=2)

    assert set(np.unique(mask)) == {0, 255}
    near = cv2.dilate(mask, np.ones((7, 7), np.uint8)) > 0
    assert (change[~near] > 90).mean() < 0.002
    assert (change[mask > 0] > 10).mean() > 0.9


def test_masks_cover_particles_too() -> None:
    still, snowing = (next(masks(scene(particles=kind), [12], height=120)) for kind in ("none", "snow"))

    assert (snowing > 0).sum() > (still > 0).sum() + 100


def test_a_second_subject_is_drawn_beside_the_first_in_its_own_colour() -> None:
    alone = scene(subject="heart", colour="red", count="one")
    both = scene(subject="heart", colour="red", count="one", second="star", second_colour="blue")

    def blue(what: Scene) -> float:
        inside = next(masks(what, [12], height=120)) > 0
        shown = picture(what)[inside].astype(int)
        return float((shown[:, 2] - shown[:, 0] > 60).mean())

    assert len(both.layout.tracks) == 2
    assert blue(alone) < 0.02
    assert blue(both) > 0.2


def test_attributes_are_the_numbers_of_the_values_in_vocabulary_order() -> None:
    row = attributes(VOCABULARY, {**BASE, "subject": "fish"})

    assert row.shape == (len(VOCABULARY),)
    assert row[list(VOCABULARY).index("subject")] == VALUES["subject"].index("fish")


def test_training_never_draws_a_held_out_combination() -> None:
    rng = np.random.default_rng(1)

    drawn = [random_slots(VALUES, rng) for _ in range(500)]

    assert not any(held_out(slots) for slots in drawn)
    seconds = [{**slots, "subject": slots["second"], "colour": slots["second_colour"]} for slots in drawn
               if "second" in slots]  # fmt: skip
    assert not any(held_out({k: v for k, v in slots.items() if k != "second"}) for slots in seconds)
    share = np.mean([
        held_out({"subject": s, "colour": c, "motion": m})
        for s in VALUES["subject"] for c in VALUES["colour"] for m in VALUES["motion"]
    ])  # fmt: skip
    assert 0.06 < share < 0.14


def test_random_scenes_show_one_thing_half_of_the_time_and_sometimes_two_different_ones() -> None:
    drawn = [random_slots(VALUES, np.random.default_rng(seed)) for seed in range(600)]
    pairs = [slots for slots in drawn if "second" in slots]

    assert PAIRS - 0.05 < len(pairs) / len(drawn) < PAIRS + 0.05
    assert all(slots["count"] == "one" and slots["second"] != slots["subject"] for slots in pairs)
    assert 0.6 < np.mean([slots["count"] == "one" for slots in drawn]) < 0.8
    assert not any("second" in random_slots(VALUES, np.random.default_rng(seed), pairs=0) for seed in range(50))


def test_nuisance_values_map_to_the_unit_interval() -> None:
    u = scene().u

    assert len(u) == NUISANCE
    assert all(0 <= value <= 1 for value in u)
