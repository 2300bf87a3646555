"""The small moving picture: what it is, that it shows the clip, and that it is never large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.clip import Clip
from edge.encode import Frame, encode
from edge.preview import LONGEST, SIDES, chosen, write_preview
from edge.stop import Stop

Draw = Callable[[int], Frame]


def walking(number: int, *, width: int = 848, height: int = 480) -> Frame:
    """A red square that walks over a blue ramp."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(60, 220, width)
    picture[100:200, number * 4 : number * 4 + 100] = (30, 30, 220)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)


def make(path: Path, count: int, *, fps: int = 24, draw: Draw = walking) -> Clip:
    written = encode(map(draw, range(count)), path, fps=fps, poster=None, stop=Stop())
    while True:
        try:
            next(written)
        except StopIteration as end:
            assert isinstance(end.value, Clip)
            return end.value


def pictures(path: Path) -> tuple[list[Frame], list[int]]:
    """The frames in BGR, and how many milliseconds each is shown."""
    good, film = cv2.imreadanimation(str(path))
    assert good
    return [np.asarray(frame[..., :3], np.uint8) for frame in film.frames], list(film.durations)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_preview_is_smaller_and_plays_as_long_as_the_clip(kind: str, tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 48)
    told = write_preview(clip, tmp_path / f"clip.{kind}")
    frames, durations = pictures(tmp_path / f"clip.{kind}")

    assert len(frames) == told["frames"] == 20
    assert sum(durations) == 2000
    assert frames[0].shape == (told["height"], told["width"], 3) == (204, 360, 3)
    assert told["bytes"] == (tmp_path / f"clip.{kind}").stat().st_size


def test_a_gif_repeats_for_ever(tmp_path: Path) -> None:
    write_preview(make(tmp_path / "clip.mp4", 24), tmp_path / "clip.gif")

    assert b"NETSCAPE2.0\x03\x01\x00\x00" in (tmp_path / "clip.gif").read_bytes()


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_it_shows_the_colours_and_the_places_of_the_clip(kind: str, tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 48)
    write_preview(clip, tmp_path / f"clip.{kind}")
    shown = pictures(tmp_path / f"clip.{kind}")[0]

    for frame, number in zip(shown, chosen(48, fps=24), strict=True):
        wanted = cv2.resize(
            cv2.cvtColor(walking(number), cv2.COLOR_YUV2BGR_I420), (360, 204), interpolation=cv2.INTER_AREA
        )
        assert np.abs(frame.astype(int) - wanted.astype(int)).mean() < 5
        middle = frame[64, (number * 4 + 50) * 360 // 848].astype(int)
        assert np.abs(middle - [30, 30, 220]).max() < 25


def test_of_a_long_clip_as_many_frames_are_shown_as_of_one_of_ten_seconds(tmp_path: Path) -> None:
    told = write_preview(
        make(tmp_path / "clip.mp4", 600, draw=lambda number: walking(number % 150)), tmp_path / "clip.webp"
    )

    assert told["frames"] == LONGEST
    assert len(set(chosen(1440, fps=24))) == LONGEST and chosen(1440, fps=24)[-1] > 1400


@pytest.mark.parametrize(("frames", "fps", "count"), [(12, 24, 5), (1, 24, 1), (5, 1, 5), (24, 5, 24), (60, 15, 40)])
def test_no_frame_is_shown_twice(frames: int, fps: int, count: int) -> None:
    numbers = chosen(frames, fps=fps)

    assert len(numbers) == len(set(numbers)) == count
    assert numbers[0] == 0 and numbers[-1] < frames


def test_where_it_would_be_large_it_gets_smaller_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make(tmp_path / "clip.mp4", 24)
    usual = write_preview(clip, tmp_path / "clip.gif")
    assert isinstance(usual["bytes"], int)
    monkeypatch.setattr("edge.preview.LARGEST", usual["bytes"] - 1)

    assert usual["width"] == SIDES[0]
    assert write_preview(clip, tmp_path / "clip.gif")["width"] == SIDES[1]


def test_a_slow_clip_keeps_its_rate(tmp_path: Path) -> None:
    write_preview(make(tmp_path / "clip.mp4", 10, fps=5), tmp_path / "clip.gif")

    assert pictures(tmp_path / "clip.gif")[1] == [200] * 10


def test_no_half_preview_is_left_when_the_clip_cannot_be_read(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 12)
    (tmp_path / "clip.mp4").write_bytes(b"no clip at all")

    with pytest.raises(Exception, match=r"clip\.gif"):
        write_preview(clip, tmp_path / "clip.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_the_file_is_what_its_name_says(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 12)
    for kind, start in (("gif", b"GIF89a"), ("webp", b"RIFF")):
        write_preview(clip, tmp_path / f"clip.{kind}")
        assert (tmp_path / f"clip.{kind}").read_bytes().startswith(start)
    with av.open(tmp_path / "clip.gif") as file:
        assert file.streams.video[0].codec_context.name == "gif"
