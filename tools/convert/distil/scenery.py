"""The scenery of a clip as one wide picture: what the camera sees in all its frames, without what moves before it.

Everything that stands is taken for the far layer of `edge.video.slot_map`, so that the board can pan and zoom over it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from edge.video.places import FAR_PARALLAX
from edge.video.slot_map import FAR_X
from tools.convert.judge.camera import CameraMotion

Bytes = NDArray[np.uint8]
Array = NDArray[np.float32]
MIXED = 5  # frames, those nearest to the middle of the clip, that a place is the median of
SCALE_POWER = 0.5 + 0.5 * FAR_PARALLAX


def camera_track(motion: CameraMotion, frames: int) -> Array:
    """A layout's camera float32 [frames, 2] (shift, zoom) that moves the far layer as the scenery of a clip moves."""
    share = np.linspace(-0.5, 0.5, frames)
    zoom = motion.zoom / SCALE_POWER
    return np.stack([motion.pan / FAR_PARALLAX * share, np.exp(zoom * share + abs(zoom) / 2)], axis=1).astype(
        np.float32
    )


def panorama(frames: Bytes, hidden: NDArray[np.bool_], camera: Array, *, rows: int) -> Bytes:
    """RGB uint8 [rows, columns, 3] over FAR_X of RGB frames uint8 [n, h, w, 3], without what is `hidden` [n, h, w].

    `camera` is [n, 2]. What no frame shows is filled from around it.
    """
    size = round(rows * (FAR_X[1] - FAR_X[0])), rows
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    middle_first = np.argsort(np.abs(np.arange(len(frames)) - (len(frames) - 1) / 2), kind="stable")
    standing, shown = [], []
    for number in middle_first:
        matrix = _to_frame(camera[number], rows=rows, height=frames.shape[1])
        standing.append(cv2.warpAffine(frames[number], matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
        seen = cv2.warpAffine(
            (~hidden[number]).astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        shown.append(seen > 0)
    there = np.stack(shown)
    used = there & (there.cumsum(axis=0) <= MIXED)
    stack = np.where(used[..., None], np.stack(standing).astype(np.float32), np.inf)
    count = used.sum(axis=0)
    middle = np.clip((count - 1) // 2, 0, None)[None, ..., None]
    picture = np.take_along_axis(np.sort(stack, axis=0), middle, axis=0)[0]
    return _filled(np.where(np.isfinite(picture), picture, 0).astype(np.uint8), count == 0)


def seen_from(picture: Array | Bytes, camera: Array, *, height: int) -> Array:
    """What a frame [height, width, 3] shows of a panorama through a `camera` [2]."""
    matrix = _to_frame(camera, rows=picture.shape[0], height=height)
    size = (round(height * ASPECT), height)
    return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _to_frame(camera: Array, *, rows: int, height: int) -> NDArray[np.float64]:
    """The affine map of a panorama's pixels to a frame's, as `edge.video.places.to_scenery` backwards."""
    shift, zoom = (float(value) for value in camera)
    scale = zoom**SCALE_POWER
    left = (0.5 / rows + FAR_X[0] - ASPECT / 2 - FAR_PARALLAX * shift) * scale + ASPECT / 2
    top = (0.5 / rows - 0.5) * scale + 0.5
    grow = scale * height / rows
    return np.array([[grow, 0, left * height - 0.5], [0, grow, top * height - 0.5]])


def _filled(picture: Bytes, missing: NDArray[np.bool_]) -> Bytes:
    """What lies beyond the frames mirrors them; holes within are painted over from their rim."""
    columns = np.flatnonzero(~missing.all(axis=0))
    if not len(columns):
        return picture
    first, last = int(columns[0]), int(columns[-1]) + 1
    inner = cv2.inpaint(picture[:, first:last], missing[:, first:last].astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return np.pad(inner, ((0, 0), (first, picture.shape[1] - last), (0, 0)), mode="symmetric")
