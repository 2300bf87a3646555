"""Where the moving subject is in every frame: the colours that come and go where the scenery stays.

The scenery is the median over time at each place, after the camera is taken out. Its layers shift by different amounts,
so several are tried, and what any of them explains is scenery. Colours are then sorted by how much more often they
occur where nothing explains them, and what is always there at a place is taken off again: scenery of the same colour
goes, and so does the part that a slow subject never uncovers, which leaves its path as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.places import FAR_PARALLAX, NEAR_PARALLAX
from tools.convert.judge.camera import CameraMotion

Reals = NDArray[np.float32]

HEIGHT, WIDTH = 60, 108
MARGIN_X, MARGIN_Y = 30, 10  # the stabilised picture is larger than a frame
NEARER = NEAR_PARALLAX / FAR_PARALLAX
NEARER_ZOOM = (1 + NEAR_PARALLAX) / (1 + FAR_PARALLAX)
BINS = 16
NOISE = 9.0  # distance in Lab that noise and compression reach
ALWAYS = 0.1  # quantile over time that counts as always
LONE = 0.12  # share of a neighbourhood below which a spot is a particle
SPREAD = 3.0  # cells: the neighbourhood


def to_lab(frames: NDArray[np.uint8]) -> Reals:
    """Planar 4:2:0 uint8 [n, h * 3 / 2, w] to Lab float32 [n, HEIGHT, WIDTH, 3], each 0..255."""
    out = np.empty((len(frames), HEIGHT, WIDTH, 3), np.float32)
    for index, frame in enumerate(frames):
        rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420)
        out[index] = cv2.cvtColor(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    return out


def subject_weights(lab: Reals, camera: CameraMotion) -> Reals:
    """How surely each cell shows the moving subject: float32 [n, HEIGHT, WIDTH], 0..1."""
    layers = [_Layer(pan, zoom, len(lab)) for pan, zoom in _layers(camera)]
    moved = np.min([layer.unlike(lab) for layer in layers], axis=0)
    odds = _colour_odds(lab, moved)
    weight = np.clip(odds - np.max([layer.always(odds) for layer in layers], axis=0), 0, None)
    return _without_lone(weight.astype(np.float32))


def _layers(camera: CameraMotion) -> list[tuple[float, float]]:
    """Pan and zoom of the layer that the camera fit may have followed, of one nearer and of one farther."""
    if camera.kind == "static":
        return [(0.0, 0.0)]
    if camera.kind in {"pan_left", "pan_right"}:
        return [(camera.pan * factor, 0.0) for factor in (1, NEARER, 1 / NEARER)]
    return [(0.0, camera.zoom * factor) for factor in (1, NEARER_ZOOM, 1 / NEARER_ZOOM)]


class _Layer:
    """One layer of scenery: frames are warped to where it stands still, and back."""

    def __init__(self, pan: float, zoom: float, frames: int) -> None:
        self.still = pan == zoom == 0
        self.matrices = list(_to_still(pan, zoom, frames))

    def unlike(self, lab: Reals) -> Reals:
        """Distance [n, h, w] in Lab from the layer's median over time."""
        median = np.median(lab, axis=0) if self.still else _median(self._stand(lab, -1.0))
        return np.asarray(np.linalg.norm(lab - self._back(median), axis=-1), np.float32)

    def always(self, values: Reals) -> Reals:
        """What `values` [n, h, w] hardly ever fall below at a place of the layer."""
        index = int(ALWAYS * len(values))
        return self._back(np.partition(self._stand(values, 1.0), index, axis=0)[index])

    def _stand(self, frames: Reals, outside: float) -> Reals:
        if self.still:
            return frames
        size = (WIDTH + 2 * MARGIN_X, HEIGHT + 2 * MARGIN_Y)
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": (outside,) * 3}
        return np.stack([cv2.warpAffine(f, m, size, **border) for f, m in zip(frames, self.matrices, strict=True)])

    def _back(self, picture: Reals) -> Reals:
        if self.still:
            return picture[None]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.stack([cv2.warpAffine(picture, m, (WIDTH, HEIGHT), flags=flags) for m in self.matrices])


def _to_still(pan: float, zoom: float, frames: int) -> Iterator[NDArray[np.float64]]:
    """The affine maps from each frame to the layer's standing picture."""
    for share in np.linspace(-0.5, 0.5, frames):
        k = np.exp(-zoom * share)
        x = WIDTH / 2 * (1 - k) + MARGIN_X + pan * share * HEIGHT
        yield np.array([[k, 0, x], [0, k, HEIGHT / 2 * (1 - k) + MARGIN_Y]])


def _median(standing: Reals) -> Reals:
    """Median over the frames that show a place; negative where a frame does not."""
    hidden = standing[..., 0] < 0
    order = np.sort(np.where(hidden[..., None], np.inf, standing), axis=0)
    middle = np.clip((len(standing) - hidden.sum(axis=0) - 1) // 2, 0, None)
    median = np.take_along_axis(order, middle[None, ..., None], axis=0)[0]
    return np.where(np.isfinite(median), median, 0).astype(np.float32)


def _colour_odds(lab: Reals, moved: Reals) -> Reals:
    """The probability [n, h, w] that a cell's colour belongs to what the scenery does not explain."""
    inside = _without_lone(np.clip((moved - NOISE) / NOISE, 0, 1)).reshape(-1)
    low, step = np.float32([0, 64, 64]), np.float32([256, 128, 128]) / BINS
    place = np.clip(((lab - low) / step).astype(np.int64), 0, BINS - 1) @ np.array([BINS**2, BINS, 1])
    front, back = (
        _soften(np.bincount(place.reshape(-1), part, BINS**3).reshape(BINS, BINS, BINS))
        for part in (inside, 1 - inside)
    )
    return (front / (front + back + 1)).astype(np.float32).reshape(-1)[place]


def _soften(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neighbouring colours share a little."""
    for axis in range(3):
        padded = np.pad(histogram, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        before, after = (np.take(padded, range(start, start + BINS), axis=axis) for start in (0, 2))
        histogram = 0.6 * histogram + 0.2 * (before + after)
    return histogram


def _without_lone(weight: Reals) -> Reals:
    """Particles go: a spot counts as far as its neighbourhood is filled."""
    filled = np.stack([cv2.GaussianBlur(frame, (0, 0), SPREAD) for frame in weight])
    return weight * np.clip((filled - LONE) * 5, 0, 1)
