"""A window of another shape on the frames: as large as the frame allows, and led softly after the subjects.

The way of the window is the smoothest one that keeps them in sight: smoothed again and again, and each time put back to
where the subjects are whole in it. Between two pixels the planes are sampled anew, so that a slow window does not stutter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Doubles = NDArray[np.float64]

ROUNDS = 150
SOFT_FRAMES = 3.0  # standard deviation of each smoothing
STILL = 6.0  # pixels: a way shorter than this is not worth moving for
MARGIN = 0.04  # of the window: kept free beside the subjects where there is room


def window_size(ratio: tuple[int, int], *, width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels, both even, of the largest window of this ratio in a frame."""
    across, down = ratio
    if across * height >= down * width:
        return width, _even(width * down / across)
    return _even(height * across / down), height


def ways(takes: Sequence[Doubles], *, size: tuple[int, int], frame: tuple[int, int], loop: bool) -> Doubles:
    """Where the window of `size` (width, height) is in the `frame`: left and top in pixels, float64 [frames, 2].

    `takes` has for every stretch without a cut where the subjects are: float64 [frames, 4], left, top, right and bottom in
    shares of the frame. In a `loop` of one stretch the way ends where it begins.
    """
    joined = loop and len(takes) == 1
    return np.concatenate([
        np.stack([_way(take[:, axis] * frame[axis], take[:, axis + 2] * frame[axis], window=size[axis],
                       whole=frame[axis], loop=joined) for axis in (0, 1)], axis=1)
        for take in takes
    ])  # fmt: skip


def cropped(frames: Iterator[Frame], places: Doubles, *, size: tuple[int, int]) -> Iterator[Frame]:
    """Yield the window of `size` (width, height) of planar 4:2:0 frames uint8 [h * 3 / 2, w], at `places` [frames, 2]."""
    width, height = size
    for frame, (left, top) in zip(frames, places, strict=True):
        full = frame.shape[0] * 2 // 3
        chroma = frame[full:].reshape(2, full // 2, frame.shape[1] // 2)
        planes = [_window(frame[:full], left, top, width, height)]
        planes += [_window(plane, left / 2, top / 2, width // 2, height // 2) for plane in chroma]
        yield np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)


def _way(low: Doubles, high: Doubles, *, window: int, whole: int, loop: bool) -> Doubles:
    """The start of the window [frames] along one side of the frame; subjects reach from `low` to `high` [frames]."""
    room = whole - window
    margin = np.clip((window - (high - low)) / 2, 0, MARGIN * window)
    middle = (low + high - window) / 2
    least, most = np.minimum(high + margin - window, middle), np.maximum(low - margin, middle)
    least, most = np.clip(least, 0, room), np.clip(most, 0, room)
    if np.min(most) - np.max(least) > -STILL:  # one place does for all frames
        spot = np.clip(np.mean(middle), np.max(least), max(np.min(most), np.max(least)))
        return np.full(len(low), float(np.clip(2 * round(spot / 2), 0, room)))
    way = np.clip(middle, 0, room)
    for _ in range(ROUNDS):
        way = _smooth(np.clip(way, least, most), loop=loop)
    return np.clip(way, 0, room)


def _smooth(way: Doubles, *, loop: bool) -> Doubles:
    reach = min(int(3 * SOFT_FRAMES), len(way) - 1)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SOFT_FRAMES) ** 2)
    padded = np.pad(way, reach, mode="wrap") if loop else np.pad(way, reach, mode="reflect", reflect_type="odd")
    return np.convolve(padded, bell / bell.sum(), mode="valid")


def _window(plane: Frame, left: float, top: float, width: int, height: int) -> Frame:
    if left == int(left) and top == int(top):
        return plane[int(top) : int(top) + height, int(left) : int(left) + width]
    moved = np.array([[1, 0, left], [0, 1, top]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, moved, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _even(pixels: float) -> int:
    return max(2, int(pixels) // 2 * 2)
