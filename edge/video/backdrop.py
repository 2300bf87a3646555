"""A photo as the scenery of a clip: it moves with the camera, and what was drawn before it is laid over.

The clip begins with the photo alone; what the generator adds fades in. What that is, is known by comparing each frame
with the scenery as the generator draws it on its own.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.layout import ASPECT
from edge.video.places import FAR_PARALLAX, to_scenery

Picture = NDArray[np.uint8]
Array = NDArray[np.float32]

FADE_FRAMES = FPS / 2
LEAST, RANGE = 5.0, 18.0  # levels: a difference below the first is nothing, one above their sum is all of it
CLOSED = np.ones((11, 11), np.uint8)
SOFT = (7, 7)


class Backdrop:
    """`photo` and `bare`, the generator's own scenery without subjects, both as seen by the `camera` [2] of frame 0."""

    def __init__(self, photo: Picture, bare: Picture, camera: Array) -> None:
        self._photo, self._bare = _planes(photo), _planes(bare)
        self._camera = camera

    def compose(self, frame: Picture, *, camera: Array, number: float) -> Picture:
        """The frame, planar 4:2:0, with the photo for its scenery; `number` counts from the beginning of the clip."""
        matrix = view(camera, self._camera)
        photo, bare = _seen(self._photo, matrix), _seen(self._bare, matrix)
        share = _added(_planes(frame), bare) * min(1.0, number / FADE_FRAMES)
        shares = [cv2.resize(share, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), share, share]
        made = [
            np.rint(one + part * (other.astype(np.float32) - one)).astype(np.uint8)
            for one, other, part in zip(photo, _planes(frame), shares, strict=True)
        ]
        return np.concatenate([plane.reshape(-1) for plane in made]).reshape(frame.shape)


def view(now: Array, first: Array) -> NDArray[np.float64]:
    """The affine matrix [2, 3] from a place on the screen now to the same place of the scenery on frame 0's screen.

    Places are in canvas heights; `now` and `first` are cameras: shift and zoom.
    """
    ends = np.array([0.0, 1.0])
    (x0, x1), (y0, _) = to_scenery(ends, ends, shift=float(now[0]), zoom=float(now[1]), parallax=FAR_PARALLAX)
    (left, right), (top, _) = to_scenery(ends, ends, shift=float(first[0]), zoom=float(first[1]), parallax=FAR_PARALLAX)
    scale = right - left
    return np.array([[(x1 - x0) / scale, 0, (x0 - left) / scale], [0, (x1 - x0) / scale, (y0 - top) / scale]])


def _planes(frame: Picture) -> list[Picture]:
    """Y [HEIGHT, WIDTH], then U and V of half the size."""
    chroma = frame[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return [frame[:HEIGHT], chroma[0], chroma[1]]


def _seen(planes: list[Picture], matrix: NDArray[np.float64]) -> list[Picture]:
    if np.allclose(matrix, np.eye(2, 3)):
        return planes
    return [_warped(plane, matrix) for plane in planes]


def _warped(plane: Picture, matrix: NDArray[np.float64]) -> Picture:
    height, width = plane.shape
    pixels = matrix.copy()
    margin = (ASPECT - WIDTH / HEIGHT) / 2  # the output is a little narrower than the canvas
    pixels[0, 2] += (matrix[0, 0] - 1) * margin
    pixels[:, 2] *= height
    pixels[:, 2] += 0.5 * (matrix[0, 0] - 1)  # pixel centres
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, pixels, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101), np.uint8
    )


def _added(frame: list[Picture], bare: list[Picture]) -> Array:
    """The share 0..1 [HEIGHT / 2, WIDTH / 2] of what stands before the scenery."""
    luma = cv2.resize(cv2.absdiff(frame[0], bare[0]), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    most = np.maximum.reduce([luma, *(cv2.absdiff(a, b) for a, b in zip(frame[1:], bare[1:], strict=True))])
    share = np.clip((cv2.blur(most, (5, 5)).astype(np.float32) - LEAST) / RANGE, 0, 1)
    return np.asarray(cv2.blur(cv2.morphologyEx(share, cv2.MORPH_CLOSE, CLOSED), SOFT), np.float32)
