"""The picture that a clip begins with: what is taken, what is refused, and that nothing large is made of a bad one."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.encode import encode
from edge.errors import RequestError
from edge.photo import open_photo, photo_text
from edge.request import MAX_BODY_BYTES, MAX_IMAGE_CHARS, from_json, make_request
from edge.stop import Stop


def colours(height: int = 300, width: int = 400) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], axis=2).astype(np.uint8)


def packed(kind: str, picture: np.ndarray) -> bytes:
    return bytes(cv2.imencode(kind, picture)[1].tobytes())


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_the_middle_of_a_picture_fills_the_frame(kind: str, tmp_path: Path) -> None:
    photo = open_photo(text(packed(kind, colours())), clips=tmp_path)

    bgr = cv2.cvtColor(photo, cv2.COLOR_YUV2BGR_I420).astype(int)
    assert photo.shape == (720, 848)
    assert abs(bgr[240, 0, 0] - 0) < 6
    assert abs(bgr[240, 847, 0] - 255) < 6
    top = (1 - 480 / 848 * 400 / 300) / 2 * 255  # as much is cut off above as below
    assert bgr[0, 424, 1] == pytest.approx(top, abs=6)


def test_a_file_becomes_a_request_that_is_small_enough_whatever_its_size(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2000, 3000, 3)).astype(np.uint8)
    (tmp_path / "big.png").write_bytes(packed(".png", cv2.GaussianBlur(noise, (0, 0), 4)))

    request = make_request("a bird", image=photo_text(tmp_path / "big.png"))

    assert request.image is not None
    assert len(request.image) < MAX_IMAGE_CHARS < MAX_BODY_BYTES
    assert from_json(request.to_json()).image == request.image
    assert open_photo(request.image, clips=tmp_path).shape == (720, 848)


def test_a_data_address_is_taken_without_its_prefix() -> None:
    data = text(packed(".png", colours(8, 8)))

    assert make_request("a bird", image=f"data:image/png;base64,{data}").image == data


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("https://example.org/cat.jpg", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("job:../../etc/passwd", "nothing is fetched"),
        ("not base64!", "no base64"),
        (text(b"GIF89a and so on"), "neither JPEG nor PNG"),
        ("A" * (MAX_IMAGE_CHARS + 4), "the most"),
        (7, "not text"),
    ],
)
def test_what_is_no_picture_is_refused_when_it_is_asked_for(image: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        make_request("a bird", image=image)


def huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (huge_png(), "60000 x 60000"),
        (packed(".jpg", colours())[:40], "neither JPEG nor PNG"),
        (packed(".png", colours())[:60], "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\xff" * 100, "neither JPEG nor PNG"),
    ],
)
def test_a_picture_that_is_damaged_or_would_not_fit_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=said):
        open_photo(text(data), clips=tmp_path)


def test_the_last_frame_of_an_earlier_clip_can_be_gone_on_from(tmp_path: Path) -> None:
    levels = [np.full((720, 848), level, np.uint8) for level in range(40, 140, 2)]
    for frame in levels:
        frame[480:] = 128
    for _ in encode(iter(levels), tmp_path / "first.mp4", fps=24, poster=None, stop=Stop(), poster_frame=0):
        pass

    photo = open_photo("job:first", clips=tmp_path)

    assert abs(float(photo[:480].mean()) - 138) < 2


@pytest.mark.parametrize("content", [None, b"no clip"])
def test_a_clip_that_is_gone_or_damaged_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "gone.mp4").write_bytes(content)

    with pytest.raises(RequestError, match="job:gone"):
        open_photo("job:gone", clips=tmp_path)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"cat\.jpg cannot be read"):
        photo_text(tmp_path / "cat.jpg")
