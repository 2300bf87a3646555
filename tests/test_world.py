"""The world: every subject, colour and background is its own, and can be looked at from the command line."""

from __future__ import annotations

import colorsys
import itertools
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.video.group import TAIL
from tools.convert.scenes import gallery
from tools.convert.scenes.__main__ import main
from tools.convert.scenes.backgrounds import BACKGROUNDS, VARIANTS, Scenery, paint
from tools.convert.scenes.ink import Fill, Light, Stroke
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.pen import Pen
from tools.convert.scenes.preview import WordsNotKnownError, read_words
from tools.convert.scenes.subjects import REACH, SUBJECTS, TAIL_REACH
from tools.convert.tinyvideo.vocabulary import load_vocabulary

TURN = 2 * np.pi
PHASES = np.linspace(0, TURN, 8, endpoint=False)
RADIUS, SIDE = 28, 112  # pixels
SAME_SILHOUETTE = 0.85  # intersection over union
BASE_SHARE = 0.55
HEIGHT = 60


def pen(subject: str, phase: float, *, colour: str = "red", scale: float = 1.0, at: float = 0.0) -> Pen:
    made = Pen(at, at, scale, 0.0, 1.0, COLOURS[colour])
    SUBJECTS[subject](made, phase)
    return made


def tile(subject: str, phase: float, *, colour: str = "red") -> NDArray[np.uint8]:
    """The subject alone as RGBA uint8 [SIDE, SIDE, 4], premultiplied, without its lights."""
    picture = np.zeros((SIDE, SIDE, 4), np.float32)
    for mark in pen(subject, phase, colour=colour, scale=RADIUS, at=SIDE / 2 - 5).ink():
        covered, alpha = np.zeros((SIDE, SIDE), np.uint8), 1.0
        match mark:
            case Fill(points, _, alpha):
                cv2.fillPoly(covered, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            case Stroke(points, _, thickness):
                outline = [np.round(points * 16).astype(np.int32)]
                cv2.polylines(covered, outline, isClosed=False, color=255, thickness=round(thickness), shift=4)
            case Light():
                continue
        x, y, width, height = cv2.boundingRect(covered)
        part = slice(y, y + height), slice(x, x + width)
        share = covered[part][..., None].astype(np.float32) * (alpha / 255)
        picture[part] += (np.array([*mark.colour, 255], np.float32) - picture[part]) * share
    return np.round(picture).astype(np.uint8)


def lab(rgb: tuple[float, ...]) -> NDArray[np.float32]:
    pixel = np.array([[rgb]], np.float32) / 255
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_RGB2Lab)[0, 0])


def seen(scenery: Scenery) -> NDArray[np.float32]:
    return scenery.far + (scenery.near - scenery.far) * scenery.cover[..., None]


def test_the_vocabulary_and_the_world_know_the_same_values() -> None:
    vocabulary = load_vocabulary()

    for slot, known in (("subject", SUBJECTS), ("colour", COLOURS), ("background", BACKGROUNDS)):
        assert list(vocabulary[slot].values) == list(known)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_stays_within_its_reach(subject: str) -> None:
    for phase in np.linspace(0, TURN, 24):
        for mark in pen(subject, phase).marks:
            if isinstance(mark, Light):
                continue
            half = mark.thickness / 2 if isinstance(mark, Stroke) else 0.0
            low, high = mark.points.min(axis=0) - half, mark.points.max(axis=0) + half

            assert low[0] >= -REACH and high[0] <= REACH
            assert low[1] >= -REACH and high[1] <= (TAIL_REACH if subject in TAIL else REACH)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_repeats_itself_after_one_turn_of_its_phase(subject: str) -> None:
    first, later = tile(subject, 0.8).astype(int), tile(subject, 0.8 + TURN).astype(int)

    assert np.abs(first - later).max() <= 2


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_moves_with_its_phase(subject: str) -> None:
    still = tile(subject, 0.0).astype(int)
    body = (still[..., 3] > 128).sum()

    changed = [(np.abs(tile(subject, phase) - still).max(axis=2) > 24).sum() / body for phase in PHASES]

    assert max(changed) > 0.03


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_base_colour_and_its_tones_cover_most_of_a_subject(subject: str, colour: str) -> None:
    tones = np.array([pen(subject, 0, colour=colour).tone(amount) for amount in np.linspace(-0.45, 0.62, 60)])

    for phase in PHASES[::4]:
        drawn = tile(subject, phase, colour=colour)
        pixels = drawn[drawn[..., 3] == 255][::3, :3].astype(float)
        off = np.abs(pixels[:, None] - tones).max(axis=2).min(axis=1)

        assert (off < 10).mean() > BASE_SHARE


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_without_a_hue_still_has_light_and_shade(subject: str, colour: str) -> None:
    drawn = tile(subject, 0.8, colour=colour)

    luma = drawn[drawn[..., 3] == 255][:, :3] @ np.array([0.3, 0.59, 0.11])

    assert np.percentile(luma, 98) - np.percentile(luma, 2) > 30


def test_no_two_subjects_have_the_same_silhouette() -> None:
    masks = {name: [tile(name, phase)[..., 3] > 128 for phase in PHASES] for name in SUBJECTS}

    for one, other in itertools.combinations(SUBJECTS, 2):
        for a, b in zip(masks[one], masks[other], strict=True):
            assert (a & b).sum() / (a | b).sum() < SAME_SILHOUETTE, (one, other)


def test_no_shape_has_too_many_corners_for_speed() -> None:
    for subject in SUBJECTS:
        marks = [mark for mark in pen(subject, 0.8).marks if not isinstance(mark, Light)]

        assert max(len(mark.points) for mark in marks) <= 64
        assert len(marks) <= 36


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_stays_nearest_to_itself_under_a_jitter_and_a_tint(colour: str) -> None:
    hue, light, depth = colorsys.rgb_to_hls(*(channel / 255 for channel in COLOURS[colour]))
    for turn, bright, warm in itertools.product((-0.012, 0.012), (0.92, 1.06), (0.95, 1.05)):
        red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, min(1.0, light * bright), depth)
        shown = lab((min(255, 255 * red * warm), 255 * green, min(255, 255 * blue / warm)))

        distances = {name: float(np.linalg.norm(shown - lab(rgb))) for name, rgb in COLOURS.items()}

        nearest, second = sorted(distances, key=lambda name: distances[name])[:2]
        assert nearest == colour
        assert distances[second] > 1.5 * distances[nearest]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_background_is_painted_the_same_every_time(background: str) -> None:
    one, other = paint(background, 1, height=HEIGHT), paint(background, 1, height=HEIGHT)

    for plane in ("far", "near", "cover", "pulse"):
        assert np.array_equal(getattr(one, plane), getattr(other, plane))


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_background_is_clean_paint_on_two_layers(background: str) -> None:
    scenery = paint(background, 2, height=HEIGHT)

    for plane in (scenery.far, scenery.near, scenery.cover, scenery.pulse):
        assert plane.dtype == np.float32
        assert np.isfinite(plane).all()
    assert scenery.far.min() >= 0 and scenery.far.max() <= 255
    assert scenery.near.min() >= 0 and scenery.near.max() <= 255
    assert scenery.cover.min() >= 0 and scenery.cover.max() <= 1
    assert 0.01 < (scenery.cover > 0.5).mean() < 0.6


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_lift_of_a_background_changes_it_but_not_what_it_is(background: str) -> None:
    levels = [seen(paint(background, variant, height=HEIGHT)) for variant in range(VARIANTS)]
    others = [seen(paint(name, 0, height=HEIGHT)) for name in BACKGROUNDS if name != background]

    apart = float(np.abs(levels[0] - levels[-1]).mean())

    assert apart > 0.3
    assert apart < min(float(np.abs(levels[0] - other).mean()) for other in others)


def test_no_two_backgrounds_look_alike() -> None:
    pictures = {name: cv2.resize(seen(paint(name, 1, height=HEIGHT)), (29, 10)) for name in BACKGROUNDS}

    for one, other in itertools.combinations(BACKGROUNDS, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 12, (one, other)


def test_words_fix_slots_and_the_seed_draws_the_rest() -> None:
    reading, again, another = (read_words("two red lanterns in space", seed=seed) for seed in (1, 1, 2))

    assert reading.said == {"subject": "lantern", "count": "two", "colour": "red", "background": "space"}
    assert reading.slots.items() >= reading.said.items()
    assert set(reading.slots) == set(load_vocabulary())
    assert reading == again
    assert reading.slots != another.slots


def test_a_second_subject_stands_beside_the_first() -> None:
    slots = read_words("three grey cats", seed=1, second="a blue fish").slots

    assert (slots["subject"], slots["second"], slots["second_colour"], slots["count"]) == ("cat", "fish", "blue", "one")


def test_words_of_another_world_are_refused_with_an_example() -> None:
    with pytest.raises(WordsNotKnownError, match="Name one of the subjects: balloon"):
        read_words("quantum chromodynamics", seed=1)
    with pytest.raises(WordsNotKnownError, match="names no subject"):
        read_words("a red balloon", seed=1, second="very blue")


def test_preview_writes_a_video_that_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "clip.mp4"

    main(["preview", "a red balloon rises over the beach", "--out", str(out), "--seconds", "0.5", "--height", "120"])

    assert "subject balloon, count one, colour red, motion rise, background beach" in capsys.readouterr().out
    with av.open(str(out)) as video:
        stream = video.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 24)
    assert len(frames) == 12
    assert frames[0].shape == (120, 216, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["preview", "a red balloon", "--out", "clip.avi"], "should end in .mp4"),
        (["preview", "a red balloon", "--height", "135"], "should be a multiple of 10 from 60 to 1080"),
        (["preview", "a red balloon", "--seconds", "long"], "should be a number from 0.5 to 60"),
        (["preview", "a red balloon", "--seed", "1.5"], "should be a whole number from 0"),
        (["preview", "a red balloon", "--out", "no/such/folder/clip.mp4"], "does not exist: make it first"),
        (["preview", "xyzzy"], 'No word of "xyzzy" is in the vocabulary'),
        (["gallery", "--out", "world.gif"], "should end in .png"),
    ],
)
def test_a_wrong_argument_is_refused_with_a_way_out(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert words in capsys.readouterr().err


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])

    assert end.value.code == 0
    assert "preview" in (told := capsys.readouterr().out) and "--out lanterns.mp4" in told


def test_the_gallery_is_one_sheet_of_moderate_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "FINER", 1)  # half the work: this is about the sheet
    out = tmp_path / "world.png"

    main(["gallery", "--out", str(out)])

    sheet = cv2.imread(str(out))
    assert sheet.shape[1] == gallery.WIDTH
    assert sheet.shape[0] > 1800
    assert out.stat().st_size < 1_500_000
