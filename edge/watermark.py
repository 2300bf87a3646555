"""A mark in the lower right corner of every frame: a PNG with its transparency, or a few words."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import RequestError

Frame = NDArray[np.uint8]
Array = NDArray[np.float32]

BOX = 0.24, 0.14  # of the frame's width and height: a picture is made to fit in
LETTERS, WIDEST = 0.05, 0.6  # of the frame's height and width
SMALLEST_LETTERS = 11  # pixels
MARGIN = 0.03  # of the frame's shorter side
OPACITY = 0.85
MAX_FILE_BYTES, MAX_PIXELS = 10 * 1024 * 1024, 16_000_000
PNG = b"\x89PNG\r\n\x1a\n"
UNKNOWN = "\U0010fffd"  # no font has a picture of it, so what looks like it is missing too
HINT = "Give a PNG file, at best with transparency, or a few words."
# BT.601, limited range, from blue, green and red of 0..1: rows Y, U, V.
TO_YUV = np.array([[24.966, 128.553, 65.481], [112.0, -74.203, -37.797], [-18.214, -93.786, 112.0]], np.float32)
BLACK = np.array([16, 128, 128], np.float32)


class Watermark:
    """Open with the path of a PNG or with text. Raises RequestError when it is neither, or no font can draw the text."""

    def __init__(self, given: str) -> None:
        path = Path(given).expanduser()
        if path.suffix.lower() == ".png" or path.is_file():
            self._picture: Frame | None = _picture(path)
        else:
            self._picture = None
            _check_letters(given)
        self._text = given
        self._ready: tuple[tuple[int, int], list[tuple[Array, Array]]] | None = None

    def on(self, frame: Frame) -> Frame:
        """A copy of a planar 4:2:0 frame uint8 [h * 3 / 2, w], BT.601 limited range, with the mark on it."""
        height, width = frame.shape[0] * 2 // 3, frame.shape[1]
        if self._ready is None or self._ready[0] != (height, width):
            self._ready = (height, width), _planes(self._fitted(height, width))
        made = frame.copy()
        halves = made[height:].reshape(2, height // 2, width // 2)
        margin = round(MARGIN * min(height, width) / 2)
        for plane, part, (colour, share) in zip([made[:height], *halves], (2, 1, 1), self._ready[1], strict=True):
            rows, columns = colour.shape
            bottom, right = plane.shape[0] - part * margin, plane.shape[1] - part * margin
            under = plane[bottom - rows : bottom, right - columns : right]
            under[:] = np.rint(under * (1 - share) + colour)
        return made

    def _fitted(self, height: int, width: int) -> Frame:
        """The mark for frames of this size: BGRA, uint8, even sides."""
        if self._picture is None:
            return _even(_words(self._text, height=height, width=width))
        rows, columns = self._picture.shape[:2]
        scale = min(1.0, BOX[0] * width / columns, BOX[1] * height / rows)
        size = max(2, round(columns * scale)), max(2, round(rows * scale))
        return _even(_shrunk(self._picture, size))


def _picture(path: Path) -> Frame:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise RequestError(f"The watermark {path} is larger than {MAX_FILE_BYTES >> 20} MiB.", hint=HINT)
        data = path.read_bytes()
    except OSError as exc:
        raise RequestError(f"The watermark {path} cannot be read: {exc.strerror}.", hint=HINT) from exc
    if not data.startswith(PNG):
        raise RequestError(f"The watermark {path} is no PNG.", hint=HINT)
    columns, rows = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    if columns * rows > MAX_PIXELS:
        raise RequestError(f"The watermark {path} has {columns} x {rows} pixels.", hint="Make it smaller.")
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if read is None:
        raise RequestError(f"The watermark {path} is damaged.", hint=HINT)
    picture = np.asarray(read // 256 if read.dtype == np.uint16 else read, np.uint8)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[2] == 3:
        picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return picture


def _check_letters(text: str) -> None:
    if not hasattr(cv2, "FontFace"):
        raise RequestError(
            "This version of OpenCV has no font for a watermark.", hint="Install OpenCV 5, or give a PNG."
        )
    unknown = _letters(UNKNOWN, 40)[0]
    missing = [sign for sign in dict.fromkeys(text) if np.array_equal(_letters(sign, 40)[0], unknown)]
    if missing:
        raise RequestError(
            f"No font here can draw {' '.join(missing)!r} of the watermark.", hint="Leave it out, or give a PNG."
        )


def _letters(text: str, size: int) -> tuple[Frame, int]:
    """Text in white on black, cut to where it is with a free edge, and the width of that edge in pixels."""
    edge = max(2, size // 8)
    canvas = np.zeros((3 * size, size * (len(text) + 4)), np.uint8)
    cv2.putText(canvas, text, (size, 2 * size), (255,), cv2.FontFace("sans"), size, 600)
    left, top, width, height = cv2.boundingRect(canvas)
    return canvas[max(0, top - edge) : top + height + edge, max(0, left - edge) : left + width + edge], edge


def _words(text: str, *, height: int, width: int) -> Frame:
    """White letters with a soft dark edge, which can be read on anything: BGRA."""
    size = max(SMALLEST_LETTERS, round(LETTERS * height))
    mask, edge = _letters(text, size)
    if mask.shape[1] > WIDEST * width:
        smaller = int(size * WIDEST * width / mask.shape[1])
        if smaller < SMALLEST_LETTERS:
            raise RequestError(
                f"The watermark {text[:40]!r} is too long to be read in this frame.", hint="Use fewer words."
            )
        mask, edge = _letters(text, smaller)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge + 1 - edge % 2, edge + 1 - edge % 2))
    dark = cv2.GaussianBlur(cv2.dilate(mask, kernel), (0, 0), edge / 2).astype(np.float32) * 0.6
    alpha = np.maximum(mask, dark) * OPACITY
    return np.dstack([mask, mask, mask, np.rint(alpha).astype(np.uint8)])


def _shrunk(picture: Frame, size: tuple[int, int]) -> Frame:
    """Made smaller without the colour of what is transparent."""
    if size == (picture.shape[1], picture.shape[0]):
        return picture
    alpha = picture[..., 3:].astype(np.float32)
    both = cv2.resize(np.dstack([picture[..., :3] * (alpha / 255), alpha]), size, interpolation=cv2.INTER_AREA)
    colour = both[..., :3] * 255 / np.maximum(both[..., 3:], 1)
    return np.asarray(np.rint(np.clip(np.dstack([colour, both[..., 3:]]), 0, 255)), np.uint8)


def _even(picture: Frame) -> Frame:
    """With a transparent row or column where one is needed."""
    rows, columns = picture.shape[:2]
    return np.asarray(np.pad(picture, ((rows % 2, 0), (columns % 2, 0), (0, 0))), np.uint8)


def _planes(picture: Frame) -> list[tuple[Array, Array]]:
    """Y, U and V, each as its samples times how much they cover, and that share of 0..1: what is below shows the rest."""
    share = np.asarray(picture[..., 3] / 255, np.float32)
    yuv = (picture[..., :3].astype(np.float32) / 255) @ TO_YUV.T + BLACK
    laid = np.asarray(yuv * share[..., None], np.float32)
    half = picture.shape[1] // 2, picture.shape[0] // 2
    small = [
        np.asarray(cv2.resize(laid[..., plane], half, interpolation=cv2.INTER_AREA), np.float32) for plane in (1, 2)
    ]
    under = np.asarray(cv2.resize(share, half, interpolation=cv2.INTER_AREA), np.float32)
    return [(laid[..., 0], share), (small[0], under), (small[1], under)]
