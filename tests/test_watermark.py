"""A mark on every frame: where it is, that it is what was given, and that the rest of the frame stays as it was."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import RequestError
from edge.watermark import Watermark

Frame = NDArray[np.uint8]


def grey(width: int = 848, height: int = 480, *, level: int = 90) -> Frame:
    frame = np.full((height * 3 // 2, width), 128, np.uint8)
    frame[:height] = level
    return frame


def picture(frame: Frame) -> Frame:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), np.uint8)


def logo(path: Path, colour: tuple[int, ...], *, size: tuple[int, int] = (200, 400)) -> str:
    """A PNG [rows, columns] with a free edge around a plate of this colour (BGR, BGRA or grey)."""
    image = np.zeros((*size, len(colour)), np.uint8)
    image[size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4] = colour
    cv2.imwrite(str(path), image)
    return str(path)


def changed(before: Frame, after: Frame) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what differs in the luma."""
    height = before.shape[0] * 2 // 3
    left, top, width, tall = cv2.boundingRect((before[:height] != after[:height]).astype(np.uint8))
    return left, top, left + width, top + tall


def test_a_picture_with_transparency_is_laid_over_the_lower_right_corner(tmp_path: Path) -> None:
    mark = Watermark(logo(tmp_path / "logo.png", (40, 60, 220, 255)))
    made = mark.on(grey())

    left, top, right, bottom = changed(grey(), made)
    assert left > 600 and top > 380 and 780 < right <= 848 and 440 < bottom <= 480
    inside = picture(made)[(top + bottom) // 2, (left + right) // 2].astype(int)
    assert np.abs(inside - [40, 60, 220]).max() < 8, "red stays red through the conversion"


def test_half_transparency_shows_half_of_what_is_below(tmp_path: Path) -> None:
    mark = Watermark(logo(tmp_path / "logo.png", (255, 255, 255, 128)))
    frame = grey(level=90)
    left, top, right, bottom = changed(frame, mark.on(frame))

    assert mark.on(frame)[(top + bottom) // 2, (left + right) // 2] == pytest.approx((90 + 235) / 2, abs=3)


def test_what_is_not_under_the_mark_stays_bit_for_bit_and_the_frame_given_too(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(16, 236, (720, 848), np.uint8)
    before = frame.copy()
    made = Watermark(logo(tmp_path / "logo.png", (0, 0, 0, 255))).on(frame)

    np.testing.assert_array_equal(frame, before)
    np.testing.assert_array_equal(made[:380], frame[:380])
    np.testing.assert_array_equal(made[:, :300][480:], frame[:, :300][480:])


@pytest.mark.parametrize("colour", [(200,), (200, 200, 200)])
def test_a_picture_without_transparency_covers_all_of_its_place(colour: tuple[int, ...], tmp_path: Path) -> None:
    made = Watermark(logo(tmp_path / "logo.png", colour)).on(grey())
    left, top, right, bottom = changed(grey(), made)

    assert (right - left) / (bottom - top) == pytest.approx(2, rel=0.05)
    assert made[top + 2, left + 2] < 30, "its black edge is black"


@pytest.mark.parametrize(("width", "height"), [(270, 480), (480, 480), (848, 168)])
def test_a_mark_fits_into_frames_of_every_shape(width: int, height: int, tmp_path: Path) -> None:
    for given in (logo(tmp_path / "logo.png", (0, 0, 255, 255), size=(301, 501)), "edgereel"):
        left, top, right, bottom = changed(grey(width, height), Watermark(given).on(grey(width, height)))
        assert 0 < left < right <= width and 0 < top < bottom <= height
        assert right - left <= 0.65 * width


@pytest.mark.parametrize("text", ["edgereel", "红色气球", "© é 2026"])
def test_words_can_be_read_on_dark_and_on_bright(text: str) -> None:
    for level in (30, 220):
        frame = grey(level=level)
        made = Watermark(text).on(frame)
        left, top, right, bottom = changed(frame, made)
        place = made[top:bottom, left:right].astype(int)
        assert np.ptp(place) > 100
        assert left > 500 and top > 400


def test_another_text_looks_different() -> None:
    assert not np.array_equal(Watermark("红").on(grey()), Watermark("绿").on(grey()))


@pytest.mark.parametrize("text", ["smile \U0001f600", "\ue123"])
def test_letters_that_no_font_has_are_named(text: str) -> None:
    with pytest.raises(RequestError, match="No font here can draw"):
        Watermark(text)


def test_words_that_are_too_many_are_refused_in_a_narrow_frame_and_not_in_a_wide_one() -> None:
    mark = Watermark("a rather long name of a rather long company")

    assert mark.on(grey()).shape == grey().shape
    with pytest.raises(RequestError, match="too long"):
        mark.on(grey(270, 480))


def test_a_file_that_is_no_png_or_not_there_or_broken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logo.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2)

    for name, reason in (
        ("logo.jpg", "no PNG"),
        ("none.png", "cannot be read"),
        ("broken.png", "damaged"),
        ("bomb.png", "60000"),
    ):
        with pytest.raises(RequestError, match=reason):
            Watermark(str(tmp_path / name))
