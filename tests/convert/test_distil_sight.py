"""What is seen in clips: scenery, subjects and camera as the renderer had them; and what words become a vocabulary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.errors import RequestError
from edge.manifest import Slot
from edge.video.layout import ASPECT, FPS
from edge.video.places import FAR_PARALLAX, to_scenery
from edge.video.slot_map import FAR_X
from tools.convert.clips.clip import Clip
from tools.convert.distil.pictures import subjects
from tools.convert.distil.propose import propose
from tools.convert.distil.scenery import camera_track, panorama, seen_from
from tools.convert.distil.settle import LEAST_CLIPS, Known, settle
from tools.convert.distil.sides import mirrored
from tools.convert.distil.sight import Sight, Unseen, load_sight, look, save_sight
from tools.convert.distil.vocabulary import read_vocabulary
from tools.convert.judge.camera import CameraMotion
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import Scene, make_scene
from tools.convert.tinyvideo.vocabulary import load_vocabulary

USUAL = {name: slot.default for name, slot in load_vocabulary().items()} | {"particles": "none", "size": "small"}


def shown(*, seed: int = 7, **slots: str) -> tuple[Scene, Clip]:
    """A rendered scene of two seconds, and the clip of it of which only the pictures are known."""
    scene = make_scene(USUAL | slots, seed=seed, seconds=2.0)
    video = np.stack([to_i420(frame) for frame in render(scene, range(scene.layout.frames), height=240)])
    return scene, Clip(video=video, caption="", language="en", origin="test")


def test_the_way_of_what_moves_is_found_to_a_few_pixels() -> None:
    scene, clip = shown(subject="fish", motion="move_right", background="meadow", colour="red")
    truth, seen = scene.layout.tracks[0], look(clip, subjects=[("fish", "")])
    made = seen.tracks[0]

    assert np.median(np.hypot(made.x - truth.x, made.y - truth.y)) < 0.03
    assert 0.75 < np.median(made.radius / truth.radius) < 1.3
    assert (made.flip == 1).all()
    assert (seen.motion, seen.camera_kind) == ("move_right", "static")
    assert seen.colour[0] > seen.colour[1] + 0.2  # red


def test_what_hardly_moves_cannot_be_told_from_the_scenery() -> None:
    with pytest.raises(Unseen, match="hardly moves|outline|nothing moves"):
        look(shown(subject="boat", motion="hover", background="sky", colour="red")[1], subjects=[("boat", "")])


def test_a_sight_is_kept_whole(tmp_path: Path) -> None:
    seen = look(shown(subject="fish", motion="orbit", background="meadow", colour="red")[1], subjects=[("fish", "red")])
    save_sight(tmp_path / "0.npz", seen)
    again = load_sight(tmp_path / "0.npz")

    assert again.motion == seen.motion and np.array_equal(again.scenery, seen.scenery)
    assert again.tracks[0].subject == "fish" and np.array_equal(again.tracks[0].x, seen.tracks[0].x)


@pytest.mark.parametrize("motion", [CameraMotion(pan=0.3), CameraMotion(zoom=0.25), CameraMotion(zoom=-0.25)])
def test_a_panorama_has_what_every_frame_shows_and_nothing_that_is_hidden(motion: CameraMotion) -> None:
    rows, height, frames = 120, 120, 9
    rng = np.random.default_rng(3)
    wide = cv2.resize(rng.integers(0, 255, (12, 26, 3), np.uint8), (264, rows), interpolation=cv2.INTER_CUBIC)
    camera = camera_track(motion, frames)
    films = np.stack([seen_from(wide, one, height=height).astype(np.uint8) for one in camera])
    hidden = np.zeros(films.shape[:3], bool)
    for number, film in enumerate(films):
        film[40:80, 10 + 18 * number : 50 + 18 * number] = 255  # something goes by
        hidden[number, 38:82, 8 + 18 * number : 52 + 18 * number] = True
    made = panorama(films, hidden, camera, rows=rows)

    for number in (0, frames // 2, frames - 1):
        there = seen_from(made, camera[number], height=height)
        error = np.abs(there - films[number])[~hidden[number]]
        assert error.mean() < 6
        assert np.abs(there - 255)[hidden[number]].mean() > 40  # the scenery behind it


def test_the_panorama_lies_where_the_board_looks_for_the_far_layer() -> None:
    rows, (shift, zoom) = 120, (0.3, 1.2)
    wide = np.zeros((rows, 264, 3), np.uint8)
    x, y = to_scenery(np.array([0.4]), np.array([0.7]), shift=shift, zoom=zoom, parallax=FAR_PARALLAX)
    cv2.circle(wide, (round((x[0] - FAR_X[0]) * rows), round(y[0] * rows)), 5, (255, 255, 255), -1)
    frame = seen_from(wide, np.array([shift, zoom], np.float32), height=240)

    row, column = np.argwhere(frame[..., 0] > 127).mean(axis=0)
    assert abs(column / 240 - 0.4) < 0.01 and abs(row / 240 - 0.7) < 0.01
    assert frame.shape == (240, round(240 * ASPECT), 3)


def test_a_subject_is_cut_out_of_all_its_clips_in_any_colour() -> None:
    clips = [
        shown(subject="heart", motion="orbit", background=place, colour=colour)
        for place, colour in (("meadow", "red"), ("desert", "blue"), ("deep_sea", "yellow"))
    ]
    seen = [("heart", look(clip, subjects=[("heart", "")]), clip.video) for _, clip in clips]
    picture = subjects(["heart"], seen, 32)[0, 0]
    cover = picture[-1]

    assert cover[14:18, 14:18].min() > 0.6  # the middle
    assert cover[:2].max() < 0.35 and cover[:, :2].max() < 0.35  # the rim
    assert picture.shape == (13, 32, 32)


def sight(brightness: int, *, subject: str = "wurzel", motion: str = "rise", radius: float = 0.2) -> Sight:
    one = make_scene(USUAL, seed=1, seconds=1.0).layout.tracks[0]
    track = replace(one, subject=subject, colour="", radius=np.full(FPS, radius, np.float32))
    return Sight(
        tracks=(track,), camera=np.ones((FPS, 2), np.float32), scenery=np.full((120, 264, 3), brightness, np.uint8),
        colour=np.full(3, brightness / 255, np.float32), motion=motion, camera_kind="static", residue=0.0,
    )  # fmt: skip


OWN = {
    "subject": {"default": "wurzel", "values": {"wurzel": {"en": ["my dog"]}, "cat": {"en": ["cat"]}}},
    "background": {"default": "hall", "values": {"hall": {"en": ["hall"]}, "night": {"en": ["night"]}, "day": {"en": ["day"]}}},
}  # fmt: skip


def vocabulary(tmp_path: Path, **changed: object) -> dict[str, Slot]:
    (tmp_path / "own.yaml").write_bytes(msgspec.yaml.encode(OWN | changed))
    return read_vocabulary(tmp_path / "own.yaml")


def test_what_a_caption_leaves_out_is_measured_or_that_of_the_most_alike_clip(tmp_path: Path) -> None:
    told = [{"background": "night"}, {"background": "day"}, *[{}] * LEAST_CLIPS]
    bright = [10, 240, *(20 if number % 2 else 230 for number in range(LEAST_CLIPS))]
    known = [
        Known(number=number, stated={"subject": "wurzel"} | one, sight=sight(light, radius=0.12))
        for number, (one, light) in enumerate(zip(told, bright, strict=True))
    ]
    world = settle(known, vocabulary(tmp_path), source="test", licence="MIT")

    for entry in world.entries:
        assert entry.slots["background"] == ("night" if bright[entry.number] < 128 else "day")
        assert entry.slots["motion"] == "rise" and entry.slots["size"] == "small"
    assert list(world.vocabulary["background"].values) == ["night", "day"]  # nothing was seen of the hall
    assert world.vocabulary["background"].default in {"night", "day"}
    assert list(world.vocabulary["subject"].values) == ["wurzel"]
    assert list(world.vocabulary["motion"].values) == list(load_vocabulary()["motion"].values)


def test_too_few_clips_are_refused(tmp_path: Path) -> None:
    few = [Known(number=n, stated={"subject": "wurzel"}, sight=sight(99)) for n in range(LEAST_CLIPS - 1)]
    with pytest.raises(RequestError, match=f"Only {LEAST_CLIPS - 1} clips"):
        settle(few, vocabulary(tmp_path), source="test", licence="MIT")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"subject": {"default": "dog", "values": {"cat": {"en": ["cat"]}}}}, "subject has no default"),
        ({"subject": {"default": "Dog", "values": {"Dog": {"en": ["dog"]}}}}, "subject has a value 'Dog'"),
        ({"style": {"default": "noir", "values": {"noir": {"en": ["noir"]}}}}, "the slot style cannot be learnt"),
        ({"motion": {"default": "gallop", "values": {"gallop": {"en": ["gallop"]}}}}, "no law for motion gallop"),
        ({"subject": {"values": {}}}, "is no vocabulary"),
    ],
)
def test_a_vocabulary_that_a_board_could_not_draw_is_refused(
    tmp_path: Path, changed: dict[str, object], says: str
) -> None:  # fmt: skip
    with pytest.raises(RequestError, match=says):
        vocabulary(tmp_path, **changed)


def test_slots_that_are_left_out_are_the_boards_own(tmp_path: Path) -> None:
    made = vocabulary(tmp_path)

    assert list(made["camera"].values) == list(load_vocabulary()["camera"].values)
    assert len(made["colour"].values) == len(made["particles"].values) == 1
    with pytest.raises(RequestError, match="it has no subjects"):
        (tmp_path / "own.yaml").write_bytes(b"{}")
        read_vocabulary(tmp_path / "own.yaml")


def test_a_draft_counts_the_words_and_can_be_read_again(tmp_path: Path) -> None:
    text = propose(["a red balloon over the vineyard", "a balloon in the vineyard", "my dachshund", "一只猫在葡萄园"])
    (tmp_path / "draft.yaml").write_text(text, encoding="utf-8")
    made = read_vocabulary(tmp_path / "draft.yaml")

    assert list(made["subject"].values) == ["balloon", "cat"]
    assert "#   vineyard: 2" in text and "#   dachshund: 1" in text and "balloon:  # 2 captions" in text


def test_where_a_thing_faces_that_goes_nowhere_to_a_side_is_seen_in_its_picture() -> None:
    clips = [
        shown(seed=seed, subject="fish", motion=motion, background="meadow", colour="red")
        for seed, motion in ((1, "move_right"), (2, "move_left"), (3, "rise"), (4, "rise"), (5, "fall"), (6, "fall"))
    ]
    sights = [look(clip, subjects=[("fish", "")]) for _, clip in clips]
    facing = [float(scene.layout.tracks[0].flip[0]) for scene, _ in clips]

    assert mirrored(sights, [clip.video for _, clip in clips]) == [False, False, *(side < 0 for side in facing[2:])]
    assert len(set(facing[2:])) == 2
