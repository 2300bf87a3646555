"""What may be asked of a clip beyond its prompt: shapes, sizes, rates; and what is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import RequestError
from edge.extras import NO_EXTRAS, in_units, make_extras


def test_nothing_asked_is_nothing_wanted() -> None:
    assert make_extras() == NO_EXTRAS


@pytest.mark.parametrize(
    ("text", "ratio"), [("9:16", (9, 16)), ("1:1", (1, 1)), ("480:480", (1, 1)), (" 4:3 ", (4, 3))]
)
def test_a_shape_is_width_to_height(text: str, ratio: tuple[int, int]) -> None:
    assert make_extras(crop=text).crop == ratio


@pytest.mark.parametrize("text", ["", "9", "9:", "0:1", "1:0", "-1:1", "9x16", "1:6", "50:9", "1:1:1"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--crop"):
        make_extras(crop=text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("20MB", 20_000_000),
        ("1.5 kB", 1500),
        ("300", 300),
        ("300B", 300),
        ("2MiB", 2 << 20),
        ("7kib", 7168),
        ("1GB", 10**9),
    ],
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert make_extras(max_bytes=text).max_bytes == size


@pytest.mark.parametrize("text", ["", "MB", "0", "0.2B", "-5MB", "20 cows", "1e6"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--max-bytes"):
        make_extras(max_bytes=text)


def test_a_preview_is_a_gif_or_a_webp_and_nothing_else() -> None:
    assert make_extras(preview="a/b.GIF").preview == Path("a/b.GIF")
    assert make_extras(preview="b.webp").preview == Path("b.webp")
    with pytest.raises(RequestError, match="neither GIF nor WebP"):
        make_extras(preview="b.mp4")


def test_a_rate_has_bounds() -> None:
    assert [make_extras(fps=fps).fps for fps in (1, 30, 60)] == [1, 30, 60]
    for fps in (0, 61, -5):
        with pytest.raises(RequestError, match="--fps"):
            make_extras(fps=fps)


def test_an_empty_watermark_is_refused() -> None:
    with pytest.raises(RequestError, match="--watermark"):
        make_extras(watermark="  ")


def test_bytes_are_said_in_units_that_a_person_reads() -> None:
    assert [in_units(size) for size in (12, 1500, 20_000_000)] == ["12 B", "1.5 kB", "20 MB"]
