"""The picture that a clip begins with: read, checked before anything large is made of it, and cut to the clip's shape."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import RequestError
from edge.mode import HEIGHT, WIDTH
from edge.request import IMAGE_STARTS

Picture = NDArray[np.uint8]

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 24_000_000
QUALITY = 92
HINT = "Give another JPEG or PNG."
NO_SIZES = frozenset({0xC4, 0xC8, 0xCC})  # markers among the JPEG frame headers that are none


def photo_text(path: Path) -> str:
    """An image file as the `image` of a request: cut and shrunk to the clip's size, JPEG, base64.

    Raises RequestError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise RequestError(f"The image {path} cannot be read: {exc.strerror}.", hint=HINT) from exc
    if len(data) > MAX_FILE_BYTES:
        raise RequestError(f"The image {path} is larger than {MAX_FILE_BYTES >> 20} MiB.", hint="Make it smaller.")
    _, packed = cv2.imencode(".jpg", _cut(_decoded(data)), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(packed.tobytes()).decode("ascii")


def open_photo(image: str, *, clips: Path) -> Picture:
    """The `image` of a checked request, planar 4:2:0 uint8 [HEIGHT * 3 / 2, WIDTH], BT.601 limited range.

    `clips` is the folder of earlier clips, for `job:ID`. Raises RequestError.
    """
    if image.startswith("job:"):
        return _last_frame(clips / f"{image.removeprefix('job:')}.mp4", name=image)
    return np.asarray(cv2.cvtColor(_cut(_decoded(base64.b64decode(image))), cv2.COLOR_BGR2YUV_I420), np.uint8)


def _decoded(data: bytes) -> Picture:
    size = _size(data)
    if size is None:
        raise RequestError("The image is neither JPEG nor PNG.", hint=HINT)
    if not 0 < size[0] * size[1] <= MAX_PIXELS:
        raise RequestError(
            f"The image has {size[0]} x {size[1]} pixels.", hint=f"{MAX_PIXELS // 10**6} million is the most."
        )
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise RequestError("The image is damaged.", hint=HINT)
    return np.asarray(picture, np.uint8)


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the header states them: what a decoder would make room for."""
    jpeg, png = IMAGE_STARTS
    if data.startswith(png) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    at = 2 if data.startswith(jpeg) else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in NO_SIZES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _cut(picture: Picture) -> Picture:
    """The middle of a BGR picture in the clip's shape and size."""
    height, width = picture.shape[:2]
    scale = max(HEIGHT / height, WIDTH / width)
    size = max(WIDTH, round(width * scale)), max(HEIGHT, round(height * scale))
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - HEIGHT) // 2, (size[0] - WIDTH) // 2
    return np.ascontiguousarray(fitted[top : top + HEIGHT, left : left + WIDTH])


def _last_frame(path: Path, *, name: str) -> Picture:
    try:
        with av.open(path) as file:
            stream = file.streams.video[0]
            file.seek(max(0, int((stream.duration or 0) - 1)), stream=stream)
            frames = [frame.to_ndarray(format="yuv420p") for frame in file.decode(stream)]
    except (OSError, IndexError, av.FFmpegError) as exc:
        raise RequestError(
            f"There is no clip {name!r} any more.", hint="Name a job whose clip is still there."
        ) from exc
    if not frames or frames[-1].shape != (HEIGHT * 3 // 2, WIDTH):
        raise RequestError(f"The clip {name!r} has no last frame of {WIDTH} x {HEIGHT}.", hint="Name another job.")
    return np.asarray(frames[-1], np.uint8)
