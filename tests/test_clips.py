"""Captioned clips: three sources, one format, whole shards only, and the same seed gives the same bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.encode import encode
from edge.stop import Stop
from tests.conftest import CHECKOUT
from tools.convert.clips.clip import Clip, ClipError, each
from tools.convert.clips.folder import FolderSource
from tools.convert.clips.make import write_shards
from tools.convert.clips.renderer import RendererSource
from tools.convert.clips.shards import ShardSource, shard_path, write_shard
from tools.convert.scenes.scene import held_out, make_scene

HEIGHT = 60


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered")
    list(write_shards(RendererSource(count=4, height=HEIGHT, seed=3), out, per_shard=2))
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_rendered_clip_has_its_caption_slots_and_tracks() -> None:
    clip = RendererSource(count=3, height=HEIGHT).clip(1)

    assert clip.video.shape == (clip.frames, 90, 108)
    assert clip.seconds in (2.0, 4.0)
    assert clip.stated.items() <= clip.slots.items()
    assert clip.caption
    scene = make_scene(clip.slots, seed=clip.seed or 0, seconds=clip.seconds)
    assert np.array_equal(scene.layout.tracks[0].x, clip.tracks[0].x)


def test_shards_give_back_what_was_written(rendered: Path) -> None:
    made, read = RendererSource(count=4, height=HEIGHT, seed=3), ShardSource(rendered)

    assert len(read) == 4
    for number in range(4):
        one, other = made.clip(number), read.clip(number)
        assert np.array_equal(one.video, other.video)
        assert np.array_equal(one.camera, other.camera)
        assert (one.caption, one.slots, one.stated, one.seed) == (
            other.caption, other.slots, other.stated, other.seed,
        )  # fmt: skip
        for mine, theirs in zip(one.tracks, other.tracks, strict=True):
            assert (mine.subject, mine.colour) == (theirs.subject, theirs.colour)
            assert np.array_equal(mine.angle, theirs.angle)


def test_the_same_seed_gives_the_same_bytes_however_the_work_is_shared(rendered: Path, tmp_path: Path) -> None:
    source = RendererSource(count=4, height=HEIGHT, seed=3)
    for part in (1, 0):
        list(write_shards(source, tmp_path / "parts", per_shard=2, part=part, parts=2))
    list(write_shards(source, tmp_path / "pool", per_shard=2, processes=2))
    list(write_shards(replace(source, seed=4), tmp_path / "other", per_shard=2))

    assert content(tmp_path / "parts") == content(rendered)
    assert content(tmp_path / "pool") == content(rendered)
    assert content(tmp_path / "other") != content(rendered)


def test_held_out_combinations_are_never_among_the_training_clips() -> None:
    from tools.convert.tinyvideo.data import load_vocabulary, random_scene

    slots = [random_scene(load_vocabulary(), seed=seed).shot.slots for seed in range(600)]

    assert not any(held_out(one) for one in slots)
    assert any("second" in one for one in slots)


def test_a_killed_run_leaves_whole_shards_and_goes_on_after_them(rendered: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "tools.convert.clips", "render", "--out", tmp_path, "--clips", "4", "--seed", "3",
        "--height", str(HEIGHT), "--per-shard", "2",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None and run.stdout.readline().strip().endswith("000000")
        run.kill()
    half = tmp_path / ".000001.part"
    half.mkdir(exist_ok=True)
    (half / "video.npy").write_bytes(b"half a clip")
    stamp = (shard_path(tmp_path, 0) / "video.npy").stat().st_mtime_ns
    assert content(shard_path(tmp_path, 0)) == content(shard_path(rendered, 0))

    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)

    assert content(shard_path(tmp_path, 1)) == content(shard_path(rendered, 1))
    assert (shard_path(tmp_path, 0) / "video.npy").stat().st_mtime_ns == stamp


def test_info_counts_what_is_there(rendered: Path) -> None:
    command = [sys.executable, "-m", "tools.convert.clips", "info", rendered]

    text = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout

    assert "2 shards, 4 clips" in text
    assert "origin: scenes 4" in text


def test_a_teacher_may_write_clips_of_which_little_is_known(tmp_path: Path) -> None:
    video = np.random.default_rng(1).integers(0, 255, (30, 90, 108), np.uint8)
    clip = Clip(video=video, caption="a dog runs", language="en", origin="some teacher")

    write_shard(tmp_path, 0, [clip, replace(clip, caption="a dog sleeps", video=video[:12])])

    dogs = list(each(ShardSource(tmp_path)))
    assert [(dog.caption, dog.frames) for dog in dogs] == [("a dog runs", 30), ("a dog sleeps", 12)]
    assert np.array_equal(dogs[1].video, video[:12])
    assert (dogs[0].slots, dogs[0].tracks, dogs[0].camera, dogs[0].seed) == ({}, (), None, None)


def test_what_does_not_fit_into_a_shard_is_refused(tmp_path: Path, rendered: Path) -> None:
    good = ShardSource(rendered).clip(0)

    with pytest.raises(ClipError, match="at least one clip"):
        write_shard(tmp_path, 0, [])
    with pytest.raises(ClipError, match="planar 4:2:0, uint8"):
        write_shard(tmp_path, 0, [replace(good, video=good.video.astype(np.float32))])
    with pytest.raises(ClipError, match="a shard holds one size"):
        write_shard(tmp_path, 0, [good, replace(good, video=good.video[:, :, 2:])])
    assert not shard_path(tmp_path, 0).exists()
    with pytest.raises(ClipError, match="20 divides"):
        RendererSource(count=1, height=250)
    with pytest.raises(ClipError, match="no shards here"):
        ShardSource(tmp_path)
    (shard_path(tmp_path, 0)).mkdir()
    with pytest.raises(ClipError, match="video.npy, .*missing"):
        ShardSource(tmp_path)


def film(path: Path, *, seconds: float, fps: int = 24, size: tuple[int, int] = (160, 120)) -> Path:
    """A small video whose white square moves from the left to the right."""

    def pictures() -> Iterator[np.ndarray]:
        width, height = size
        for number in range(round(seconds * fps)):
            rgb = np.full((height, width, 3), 40, np.uint8)
            left = round(number / (seconds * fps) * (width - 40))
            rgb[height // 2 - 16 : height // 2 + 16, left : left + 32] = 250
            yield cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)

    for _ in encode(pictures(), path, fps=fps, poster=None, stop=Stop()):
        pass
    return path


def squares(clip: Clip) -> np.ndarray:
    """Where the bright square is in each frame, 0..1 of the width."""
    luma = clip.video[:, : clip.video.shape[1] * 2 // 3].max(axis=1)
    bright = luma > 150
    return (bright * np.arange(luma.shape[1])).sum(1) / np.maximum(bright.sum(1), 1) / luma.shape[1]


def test_a_folder_of_videos_becomes_clips_at_24_frames_per_second(tmp_path: Path) -> None:
    film(tmp_path / "b.mp4", seconds=2.0, fps=12)
    film(tmp_path / "a.mp4", seconds=1.0, fps=30, size=(120, 160))
    (tmp_path / "captions.csv").write_text('file,caption\nb.mp4,"a white star, moving right"\n', encoding="utf-8")
    (tmp_path / "a.txt").write_text("一颗白色的星星\n", encoding="utf-8")

    tall, wide = each(FolderSource(tmp_path, height=HEIGHT))

    assert (wide.caption, wide.language, wide.origin) == ("a white star, moving right", "en", "b.mp4#0")
    assert (tall.caption, tall.language) == ("一颗白色的星星", "zh")
    assert wide.stated == {"subject": "star", "count": "one", "colour": "white", "motion": "move_right"}
    assert tall.video.shape[1:] == wide.video.shape[1:] == (90, 108)
    assert abs(wide.frames - 48) <= 1
    assert abs(tall.frames - 24) <= 1
    path = squares(wide)
    assert np.all(np.diff(path) >= -0.02)
    assert path[-1] - path[0] > 0.5
    repeated = (wide.video[1:] == wide.video[:-1]).all(axis=(1, 2))
    assert 0.4 < repeated.mean() < 0.6  # 12 pictures a second, each shown twice


def test_a_long_video_gives_several_clips_in_order(tmp_path: Path) -> None:
    film(tmp_path / "long.mp4", seconds=5.0)
    (tmp_path / "long.txt").write_text("a white square")

    source = FolderSource(tmp_path, height=HEIGHT, seconds=2.0)
    first, second = each(source)

    assert (first.frames, second.frames) == (48, 48)
    assert squares(first)[-1] < squares(second)[0] + 0.05
    assert squares(second)[0] > squares(first)[0] + 0.2
    list(write_shards(source, tmp_path / "shards", per_shard=8))
    assert [clip.origin for clip in each(ShardSource(tmp_path / "shards"))] == ["long.mp4#0", "long.mp4#1"]


def test_what_is_wrong_with_a_folder_is_said_with_the_names(tmp_path: Path) -> None:
    def refused() -> str:
        with pytest.raises(ClipError) as caught:
            list(each(FolderSource(tmp_path, height=HEIGHT)))
        return str(caught.value)

    assert "no videos here" in refused()
    film(tmp_path / "good.mp4", seconds=1.0)
    film(tmp_path / "silent.mp4", seconds=1.0)
    (tmp_path / "good.txt").write_text("a cat")
    assert re.search(r"no caption for silent.mp4\. .*silent.txt", refused())
    table = tmp_path / "captions.csv"
    table.write_text("name,text\nsilent.mp4,a bird\n")
    assert "must name the columns: file,caption" in refused()
    table.write_text("file,caption\nsilent.mp4,a bird\ngone.mp4,a fish\n")
    assert "no such video: gone.mp4" in refused()
    table.write_text("file,caption\nsilent.mp4,a bird\n")
    (tmp_path / "broken.mp4").write_bytes(b"this is no video" * 50)
    (tmp_path / "broken.txt").write_text("a boat")
    assert "broken.mp4 is not a video that can be read" in refused()
    (tmp_path / "broken.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:1500])
    assert "broken.mp4" in refused()
    film(tmp_path / "broken.mp4", seconds=0.25)
    assert "the shortest clip is 0.5 s" in refused()
