"""Subjects painted on finished frames, with the shipped pack's own network: where they go, what they cover, how often it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from edge.manifest import VideoManifest, load_manifest
from edge.plan import Shot
from edge.video.conditioner import Conditioner
from edge.video.layout import Layout, make_layout
from edge.video.painter import KEPT, PHASES, Painter, lay
from edge.video.session import open_session
from edge.video.textures import open_textures

PACK = Path(__file__).parents[1] / "models" / "tinyreel"
HEIGHT, WIDTH = 480, 848
NOISE = np.zeros(12, np.float32)


class Counted:
    """A session that counts its runs."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self.session, self.runs = session, 0

    def run(self, *given: object) -> object:
        self.runs += 1
        return self.session.run(*given)


@pytest.fixture(scope="module")
def manifest() -> VideoManifest:
    found = load_manifest(PACK)
    assert isinstance(found, VideoManifest)
    return found


@pytest.fixture
def opened(manifest: VideoManifest) -> tuple[Painter, Counted]:
    part = manifest.parts["painter"]
    session = Counted(open_session(PACK / part.file, part, threads=1)[0])
    conditioner, _ = open_session(PACK / manifest.parts["conditioner"].file, manifest.parts["conditioner"], threads=1)
    textures = open_textures(PACK, manifest.textures)
    return (
        Painter(session, textures, Conditioner(conditioner, manifest.vocabulary), manifest.canvas),  # type: ignore[arg-type]
        session,
    )


def shot(manifest: VideoManifest, **slots: str) -> Shot:
    usual = {name: slot.default for name, slot in manifest.vocabulary.items()}
    return Shot(slots={**usual, "motion": "move_right", "style": "cartoon", **slots}, seconds=2.0)


def still(layout: Layout, **values: float) -> Layout:
    """The same with its first subject upright at one place, in one size and phase."""
    usual = {"x": 0.9, "y": 0.5, "radius": 0.15, "angle": 0.0, "flip": 1.0, "phase": 0.0} | values
    track = replace(
        layout.tracks[0], **{name: np.full(layout.frames, value, np.float32) for name, value in usual.items()}
    )
    return replace(layout, tracks=(track,))


def grey() -> np.ndarray:
    return np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)


def covered(frame: np.ndarray) -> np.ndarray:
    return np.abs(frame[:HEIGHT].astype(int) - 128) > 12


def test_a_subject_is_painted_where_its_track_is_and_nowhere_else(
    opened: tuple[Painter, Counted], manifest: VideoManifest
) -> None:
    what = shot(manifest, subject="heart", colour="white")
    layout = still(make_layout(what, seed=1, frames=48), x=0.6, y=0.4)

    made = opened[0].paint(grey(), layout, 0, what.slots, NOISE)

    rows, columns = np.nonzero(covered(made))
    assert abs((rows.min() + rows.max()) / 2 / HEIGHT - 0.4) < 0.02
    assert (
        abs(((columns.min() + columns.max()) / 2 + 8) / HEIGHT - 0.6) < 0.02
    )  # the frame is 16 narrower than the canvas
    assert np.ptp(rows) < 1.5 * 2 * 0.15 * HEIGHT
    assert 0.3 < covered(made).sum() / (np.pi * (0.15 * HEIGHT) ** 2) < 1.5


def test_the_colour_of_a_subject_is_the_one_asked_for(opened: tuple[Painter, Counted], manifest: VideoManifest) -> None:
    seen = {}
    for colour in ("red", "blue"):
        what = shot(manifest, subject="heart", colour=colour)
        made = opened[0].paint(grey(), still(make_layout(what, seed=1, frames=48)), 0, what.slots, NOISE)
        u, v = made[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)[:, 120, round((0.9 * HEIGHT - 8) / 2)]
        seen[colour] = int(u), int(v)

    assert seen["red"][1] > 170
    assert seen["red"][0] < 128
    assert seen["blue"][0] > 170
    assert seen["blue"][1] < 128


def test_a_mirrored_and_a_turned_subject_are_the_same_picture_the_other_way_round(
    opened: tuple[Painter, Counted], manifest: VideoManifest
) -> None:
    what = shot(manifest, subject="fish")
    middle = (WIDTH / 2 + 8) / HEIGHT
    plain, mirrored, turned = (
        opened[0].paint(grey(), still(make_layout(what, seed=1, frames=48), x=middle, **pose), 0, what.slots, NOISE)
        for pose in ({}, {"flip": -1.0}, {"angle": np.pi})
    )

    unlike = np.abs(plain[:HEIGHT].astype(int) - mirrored[:HEIGHT]).mean()
    assert unlike > 0.5
    assert np.abs(plain[:HEIGHT, ::-1].astype(int) - mirrored[:HEIGHT]).mean() < unlike / 20
    assert np.abs(plain[HEIGHT - 1 :: -1, ::-1].astype(int) - turned[:HEIGHT]).mean() < unlike / 20


def test_a_subject_that_comes_round_to_a_phase_again_is_not_painted_anew(
    opened: tuple[Painter, Counted], manifest: VideoManifest
) -> None:
    painter, session = opened
    what = shot(manifest, subject="bird", count="three")
    layout = make_layout(what, seed=1, frames=480)
    for number in range(layout.frames):
        painter.paint(grey(), layout, number, what.slots, NOISE)

    assert session.runs <= PHASES <= KEPT


def test_a_subject_outside_the_frame_leaves_it_as_it_is(
    opened: tuple[Painter, Counted], manifest: VideoManifest
) -> None:
    what = shot(manifest)
    layout = make_layout(what, seed=1, frames=48)

    for place in ({"x": -1.0}, {"x": 3.0}, {"y": -1.0}, {"y": 2.0}):
        made = opened[0].paint(grey(), still(layout, **place), 0, what.slots, NOISE)
        assert np.array_equal(made, grey())


def test_a_share_of_a_picture_shines_through_and_the_frame_given_is_left_alone(
    opened: tuple[Painter, Counted], manifest: VideoManifest
) -> None:
    what = shot(manifest, subject="heart", colour="black")
    layout, frame = still(make_layout(what, seed=1, frames=48)), grey()

    none, half, whole = (
        opened[0].paint(frame, layout, 0, what.slots, NOISE, share=share)[:HEIGHT].astype(int) for share in (0, 0.5, 1)
    )

    assert np.array_equal(none, frame[:HEIGHT])
    assert np.abs((none + whole) / 2 - half).max() <= 2
    assert whole.min() < 80


def test_a_small_picture_is_the_mean_of_the_large_one() -> None:
    large = np.zeros((64, 64, 4), np.uint8)
    large[:, ::2] = 255, 0, 0, 255
    pictures = [large]
    while len(pictures[-1]) > 1:
        pictures.append(pictures[-1].reshape(len(pictures[-1]) // 2, 2, -1, 2, 4).mean(axis=(1, 3)).astype(np.uint8))
    plane = np.zeros((40, 40), np.uint8)

    lay([plane], [0], pictures, (20.0, 20.0, 8.0, 0.0, 1.0), share=1.0)

    assert abs(int(plane[20, 20]) - 127) < 3
    assert not plane[:10].any()
