"""The video generator at run time, on a tiny real pack made by the real exporter."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.errors import Cancelled, ModelError
from edge.manifest import MANIFEST, Canvas, VideoManifest, load_manifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.decoder import to_i420
from edge.video.generator import Generator, open_generator
from edge.video.scheduler import choose_steps, timesteps

TINY = Path(__file__).parent / "data" / "tinypack"


def pack(folder: Path = TINY) -> Pack[VideoManifest]:
    manifest = load_manifest(folder)
    assert isinstance(manifest, VideoManifest)
    return Pack(folder, manifest)


def plan(*seconds: float, **slots: str) -> Plan:
    base = {name: slot.default for name, slot in pack().manifest.vocabulary.items()}
    shots = tuple(Shot(slots={**base, **slots}, seconds=length) for length in seconds)
    return Plan(shots=shots, caption="", coverage=1.0)


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with open_generator(pack(), threads=1) as opened:
        yield opened


def draw(generator: Generator, what: Plan, *, seed: int = 1, mode: Mode = Mode.DIRECT) -> list[np.ndarray]:
    return list(generator.frames(what, row=mode.row, seed=seed, stop=Stop()))


def test_frames_are_planar_yuv_of_the_output_size_and_as_many_as_promised(generator: Generator) -> None:
    what = plan(0.7, 0.5)

    frames = draw(generator, what)

    assert len(frames) == generator.count(what) == 17 + 12
    assert {frame.shape for frame in frames} == {(720, 848)}
    assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}


def test_the_same_seed_gives_the_same_frames_and_another_does_not(generator: Generator) -> None:
    one, again, other = (draw(generator, plan(0.5), seed=seed) for seed in (7, 7, 8))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_frames_come_while_later_ones_are_not_made_yet(generator: Generator) -> None:
    before = generator.timings_s["denoise"]
    stream = generator.frames(plan(16.0), row=Mode.DIRECT.row, seed=1, stop=Stop())

    next(stream)
    first = generator.timings_s["denoise"] - before
    list(stream)

    assert first < 0.5 * (generator.timings_s["denoise"] - before)


def test_a_stop_is_honoured_before_the_next_key(generator: Generator) -> None:
    stop = Stop()
    stream = generator.frames(plan(4.0), row=Mode.DIRECT.row, seed=1, stop=stop)
    next(stream)

    stop.request("cancel")

    with pytest.raises(Cancelled):
        list(itertools.islice(stream, 4))


def test_spare_mode_repeats_scenery_three_times_and_moves_subjects_in_every_frame(
    generator: Generator, tmp_path: Path
) -> None:
    frames = draw(generator, plan(0.5), mode=Mode.SPARE)
    with open_generator(pack(without_painter(tmp_path)), threads=1) as plain:
        scenery = draw(plain, plan(0.5), mode=Mode.SPARE)

    assert np.array_equal(scenery[0], scenery[2])
    assert not np.array_equal(scenery[2], scenery[3])
    assert not np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], scenery[0])


def without_painter(folder: Path) -> Path:
    """A copy of the tiny pack as packs of films are: nobody paints their subjects."""
    shutil.copytree(TINY, folder / "plain")
    manifest = pack().manifest
    parts = {name: part for name, part in manifest.parts.items() if name != "painter"}
    (folder / "plain" / MANIFEST).write_bytes(msgspec.yaml.encode(msgspec.structs.replace(manifest, parts=parts)))
    return folder / "plain"


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_a_cut_is_cross_faded_and_a_shot_that_goes_on_is_not(generator: Generator) -> None:
    base = {name: slot.default for name, slot in pack().manifest.vocabulary.items()}
    shots = [Shot(slots={**base, "background": place}, seconds=1.0) for place in ("space", "beach", "beach")]
    frames = draw(generator, Plan(shots=tuple(shots), caption="", coverage=1.0))

    whole = distance(frames[23], frames[36])
    steps = [distance(frames[at], frames[at + 1]) for at in range(23, 30)]
    assert max(steps) < 0.4 * whole
    assert distance(frames[47], frames[48]) < 0.1 * whole


def photo() -> np.ndarray:
    y, x = np.mgrid[0:480, 0:848]
    rgb = np.stack([x * 255 // 848, y * 255 // 480, (x // 8 + y // 8) % 2 * 80], axis=2).astype(np.uint8)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))


def test_a_clip_with_a_photo_begins_with_it_and_plays_in_front_of_it(generator: Generator) -> None:
    what = plan(1.5, particles="none", light="natural", camera="static")

    frames = list(generator.frames(what, row=Mode.DIRECT.row, seed=1, stop=Stop(), photo=photo()))

    assert np.array_equal(frames[0], photo())
    same = [float(np.mean(np.abs(frame[:480].astype(int) - photo()[:480]) <= 1)) for frame in frames]
    assert 0.3 < min(same[12:]) < 0.99


def test_a_photo_moves_with_the_camera(generator: Generator) -> None:
    what = plan(2.0, particles="none", light="natural", camera="pan_right")

    last = list(generator.frames(what, row=Mode.DIRECT.row, seed=1, stop=Stop(), photo=photo()))[-1][:480]

    shifts = [distance(last[:40, :600], photo()[:40, by : 600 + by]) for by in range(80)]
    assert 10 < int(np.argmin(shifts)) < 70
    assert min(shifts) < 0.5 * shifts[0]


def test_a_value_that_the_pack_cannot_draw_is_refused_by_name(generator: Generator) -> None:
    with pytest.raises(ModelError, match="subject 'dragon'"):
        draw(generator, plan(0.5, subject="dragon"))


def test_a_part_that_is_not_a_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(TINY, folder)
    (folder / "tail.onnx").write_bytes(b"not a model")

    with pytest.raises(ModelError, match="models verify"), open_generator(pack(folder), threads=1):
        pass


def test_a_manifest_for_another_model_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "swapped"
    shutil.copytree(TINY, folder)
    shutil.copyfile(TINY / "trunk.onnx", folder / "tail.onnx")

    with pytest.raises(ModelError, match="different versions"), open_generator(pack(folder), threads=1):
        pass


def test_a_pack_with_another_layout_is_refused() -> None:
    manifest = msgspec.structs.replace(pack().manifest, layout_channels=3)

    with pytest.raises(ModelError, match="layout channels"), open_generator(Pack(TINY, manifest), threads=1):
        pass


@pytest.mark.parametrize(
    ("asked", "trained", "chosen"), [(4, [1, 2], 2), (2, [1, 2, 4], 2), (1, [2, 4], 2), (1, [1], 1)]
)
def test_steps_are_the_most_that_were_trained_and_asked_for(asked: int, trained: list[int], chosen: int) -> None:
    assert choose_steps(asked, trained) == chosen


def test_timesteps_start_at_one_and_halve() -> None:
    assert timesteps(3) == [1.0, 0.5, 0.25]


def test_packed_pixels_come_out_where_they_belong() -> None:
    canvas = Canvas(width=16, height=8, scale=1, out_width=16, out_height=8, fps=24)
    i420 = np.random.default_rng(1).integers(0, 256, (12, 16), np.uint8)
    y = i420[:8].reshape(2, 4, 4, 4).transpose(1, 3, 0, 2).reshape(16, 2, 4)
    chroma = i420[8:].reshape(2, 2, 2, 4, 2).transpose(0, 2, 4, 1, 3).reshape(8, 2, 4)

    assert np.array_equal(to_i420(np.concatenate([y, chroma]), canvas), i420)
