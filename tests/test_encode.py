"""Encoding: what the file is, that equal frames give equal bytes, and that no half file is ever left."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.clip import Clip
from edge.encode import Frame, encode
from edge.errors import Cancelled, EngineError, OutputError
from edge.manifest import file_sha256
from edge.stop import Stop
from edge.whole_file import check_writable

WIDTH, HEIGHT, FPS = 848, 480, 24


def frames(count: int, *, seed: int = 0) -> Iterator[Frame]:
    """A bright square that walks over a grey ramp, as planar I420."""
    rng = np.random.default_rng(seed)
    left = int(rng.integers(0, 200))
    for number in range(count):
        frame = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        frame[:HEIGHT] = np.linspace(16, 120, WIDTH, dtype=np.uint8)
        frame[100:200, left + number * 4 : left + number * 4 + 100] = 235
        yield frame


def make(path: Path, count: int = 12, *, seed: int = 0, poster: Path | None = None) -> Clip:
    """Encode to the end."""
    written = encode(frames(count, seed=seed), path, fps=FPS, poster=poster, stop=Stop(), poster_frame=count // 2)
    counts = []
    while True:
        try:
            counts.append(next(written))
        except StopIteration as end:
            assert counts == list(range(1, count + 1))
            assert isinstance(end.value, Clip)
            return end.value


def test_the_file_is_h264_in_mp4_as_browsers_want_it(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 48)

    with av.open(clip.path) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (WIDTH, HEIGHT, FPS)
        assert stream.codec_context.color_range == 1
        assert sum(1 for _ in container.decode(stream)) == 48
    head = Path(clip.path).read_bytes()
    assert 0 < head.index(b"moov") < head.index(b"mdat"), "faststart: the index comes before the pictures"


def test_the_clip_says_what_is_on_disk(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 36)

    assert (clip.width, clip.height, clip.fps, clip.frames, clip.seconds) == (WIDTH, HEIGHT, FPS, 36, 1.5)
    assert clip.bytes == (tmp_path / "clip.mp4").stat().st_size
    assert clip.sha256 == file_sha256(tmp_path / "clip.mp4")


def test_a_square_that_was_drawn_is_there_when_the_clip_is_decoded(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 6)

    with av.open(clip.path) as container:
        decoded = next(container.decode(video=0)).to_ndarray(format="yuv420p")
    wanted = next(frames(1))
    assert np.abs(decoded[:HEIGHT].astype(int) - wanted[:HEIGHT].astype(int)).mean() < 2


def test_equal_frames_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    shas = [make(tmp_path / f"{number}.mp4", 24, seed=seed).sha256 for number, seed in enumerate((1, 1, 2))]

    assert shas[0] == shas[1] != shas[2]


def test_the_poster_is_a_jpeg_of_the_middle_frame(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", 12, poster=tmp_path / "clip.jpg")

    picture = cv2.imread(clip.poster)
    assert picture is not None
    assert picture.shape == (HEIGHT, WIDTH, 3)
    bright = np.flatnonzero(picture[150, :, 1] > 200)
    middle = np.flatnonzero(list(frames(12))[6][150] > 200)
    assert abs(int(bright[0]) - int(middle[0])) <= 2


def test_a_clip_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    stop = Stop()
    written = encode(frames(90), tmp_path / "clip.mp4", fps=FPS, poster=None, stop=stop)
    for _ in range(80):
        next(written)
    assert [path.name for path in tmp_path.iterdir()] == [".clip.mp4.part"], "the file grows under another name"
    stop.request("cancel")

    with pytest.raises(Cancelled):
        next(written)
    assert list(tmp_path.iterdir()) == []


def test_a_clip_whose_reader_went_away_leaves_nothing_behind(tmp_path: Path) -> None:
    written = encode(frames(90), tmp_path / "clip.mp4", fps=FPS, poster=None, stop=Stop())
    for _ in range(80):
        next(written)
    written.close()

    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_breaks_leaves_the_older_clip_as_it_was(tmp_path: Path) -> None:
    before = make(tmp_path / "clip.mp4", 6)

    def broken() -> Iterator[Frame]:
        yield from frames(3)
        raise EngineError("The model run failed.")

    with pytest.raises(EngineError):
        list(encode(broken(), tmp_path / "clip.mp4", fps=FPS, poster=None, stop=Stop()))
    assert file_sha256(tmp_path / "clip.mp4") == before.sha256
    assert len(list(tmp_path.iterdir())) == 1


def test_no_frame_at_all_is_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        list(encode(frames(0), tmp_path / "clip.mp4", fps=FPS, poster=None, stop=Stop()))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(OutputError, match=r"Cannot write .*clip\.mp4"):
            make(tmp_path / "clip.mp4", 90)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(OutputError, match="Cannot write"):
        check_writable(tmp_path / "file/clip.mp4")
    with pytest.raises(OutputError, match="is a folder"):
        check_writable(tmp_path)


def test_a_folder_that_nobody_may_write_to_is_refused() -> None:
    with pytest.raises(OutputError, match="Cannot write /proc/clip.mp4"):
        check_writable(Path("/proc/clip.mp4"))


def test_memory_does_not_grow_with_the_length_of_the_clip(tmp_path: Path) -> None:
    def pss(count: int) -> int:
        make(tmp_path / "clip.mp4", count)
        text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
        return int(text.split("Pss:")[1].split()[0])

    short = max(pss(24), pss(24))

    assert pss(240) < short + 24 * 1024  # ten times the frames would be 140 MiB more if they were kept
