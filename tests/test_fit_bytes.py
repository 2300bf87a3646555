"""A bound on the bytes: never above it, near it, and said plainly when it cannot be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.clip import Clip
from edge.encode import Frame, encode
from edge.errors import Cancelled, RequestError
from edge.fit_bytes import COARSEST_CRF, FINEST_CRF, MAX_ROUNDS, FitBytes, next_crf
from edge.stop import Stop

WIDTH, HEIGHT = 320, 192


def frames(count: int, *, seen: Callable[[int], None] = lambda number: None) -> Iterator[Frame]:
    """Clouds that drift, with a bright square before them: it has details to lose."""
    rng = np.random.default_rng(1)
    clouds = cv2.GaussianBlur(rng.integers(16, 236, (HEIGHT, 3 * WIDTH), np.uint8), (0, 0), 1.2)
    for number in range(count):
        seen(number)
        frame = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        frame[:HEIGHT] = clouds[:, 2 * number : 2 * number + WIDTH]
        frame[60:120, 3 * number : 3 * number + 60] = 230
        yield frame


def make(path: Path, fit: FitBytes | None, *, count: int = 48, stop: Stop | None = None) -> Clip:
    written = encode(frames(count), path, fps=24, poster=None, stop=stop or Stop(), write=fit)
    while True:
        try:
            next(written)
        except StopIteration as end:
            assert isinstance(end.value, Clip)
            return end.value


def likeness(clip: Clip) -> float:
    """PSNR in dB of the luma against what was drawn."""
    with av.open(clip.path) as file:
        errors = [
            np.mean((one.to_ndarray(format="yuv420p")[:HEIGHT].astype(float) - other[:HEIGHT]) ** 2)
            for one, other in zip(file.decode(video=0), frames(clip.frames), strict=True)
        ]
    return float(10 * np.log10(255**2 / np.mean(errors)))


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.08])
def test_the_clip_is_never_larger_than_asked_and_near_it(share: float, tmp_path: Path) -> None:
    usual = make(tmp_path / "usual.mp4", None)
    limit = int(share * usual.bytes)
    fit = FitBytes(limit)
    clip = make(tmp_path / "clip.mp4", fit)

    assert clip.bytes == Path(clip.path).stat().st_size <= limit
    assert clip.bytes >= 0.85 * limit or fit.crf == FINEST_CRF
    assert (clip.frames, clip.width, clip.seconds) == (48, WIDTH, 2.0)
    assert 1 < fit.rounds <= MAX_ROUNDS + 2


def test_fewer_bytes_look_coarser_and_enough_bytes_look_as_ever(tmp_path: Path) -> None:
    usual = make(tmp_path / "usual.mp4", None)
    tight = make(tmp_path / "tight.mp4", FitBytes(usual.bytes // 8))
    half = make(tmp_path / "half.mp4", FitBytes(usual.bytes // 2))

    assert likeness(tight) + 3 < likeness(half) <= likeness(usual) + 0.5


def test_a_clip_that_is_small_enough_is_the_very_file_that_it_would_be_without_a_bound(tmp_path: Path) -> None:
    usual = make(tmp_path / "usual.mp4", None)
    fit = FitBytes(usual.bytes)

    assert make(tmp_path / "clip.mp4", fit).sha256 == usual.sha256
    assert (fit.crf, fit.rounds) == (20, 1)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_same_bound_gives_the_same_file(tmp_path: Path) -> None:
    shas = {make(tmp_path / f"{number}.mp4", FitBytes(20_000)).sha256 for number in range(8)}

    assert len(shas) == 1


def test_what_cannot_be_reached_is_said_with_the_smallest_that_was_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"48 frames of 320x192 do not fit into 1 kB: the smallest .* is [\d.]+ kB"):
        make(tmp_path / "clip.mp4", FitBytes(1000))
    assert list(tmp_path.iterdir()) == []


def test_a_stop_in_a_later_round_leaves_nothing_behind(tmp_path: Path) -> None:
    stop = Stop()
    written = encode(frames(24), tmp_path / "clip.mp4", fps=24, poster=None, stop=stop, write=FitBytes(5000))
    for _ in range(30):  # 24 are of the first round
        next(written)
    assert list(tmp_path.iterdir()) != [], "the frames are kept in a file until the end"
    stop.request("cancel")

    with pytest.raises(Cancelled):
        next(written)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_drawn_once_however_many_rounds_there_are(tmp_path: Path) -> None:
    seen: list[int] = []
    fit = FitBytes(9000)
    list(encode(frames(24, seen=seen.append), tmp_path / "clip.mp4", fps=24, poster=None, stop=Stop(), write=fit))

    assert seen == list(range(24)) and fit.rounds > 1


def test_memory_does_not_grow_with_the_length_of_the_clip(tmp_path: Path) -> None:
    def pss(count: int) -> int:
        make(tmp_path / "clip.mp4", FitBytes(60_000), count=count)
        text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
        return int(text.split("Pss:")[1].split()[0])

    short = max(pss(40), pss(40))

    assert pss(200) < short + 8 * 1024  # the frames are 18 MiB


@pytest.mark.parametrize("halving", [4.0, 6.0, 9.0])
@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
def test_the_search_ends_soon_and_below_the_bound(halving: float, share: float) -> None:
    first, limit = 1_000_000, int(share * 1_000_000)
    tried: list[tuple[float, int]] = []
    while (crf := next_crf(tried, first=first, limit=limit)) is not None:
        tried.append((crf, int(0.7 * first * 2 ** ((20 - crf) / halving))))

    assert len(tried) <= 5
    assert any(size <= limit for _, size in tried)


def test_the_search_gives_up_at_the_coarsest_and_does_not_begin_where_nothing_is_wanted() -> None:
    assert next_crf([], first=100, limit=100) is None
    assert next_crf([(COARSEST_CRF, 101)], first=1000, limit=100) is None
    assert next_crf([(30.0, 101)] * MAX_ROUNDS, first=1000, limit=100) == COARSEST_CRF
