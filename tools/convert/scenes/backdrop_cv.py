"""The scenery of one scene, frame after frame: composed once where the camera stands, else warped layer by layer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from edge.video.places import FAR_PARALLAX, NEAR_PARALLAX
from tools.convert.scenes.scene import Scene
from tools.convert.scenes.scenery import Plates, view
from tools.convert.scenes.stage import pulse, scenery_of, tint

Plate = NDArray[np.uint8]


class Backdrop:
    """Draws the scenery of one scene at one height, tinted, as RGBX uint8 [height, width, 4]."""

    def __init__(self, scene: Scene, height: int) -> None:
        self.scene, self.height, self.width = scene, height, round(height * ASPECT)
        self.plates = _tinted(scenery_of(scene, height), tint(scene))
        camera = scene.layout.camera
        self.still: tuple[Plate, Plate | None] | None = None
        if np.ptp(camera, axis=0).max() == 0:
            bright = self.plates.bright
            self.still = self._composed(self.plates.far, 0), None if bright is None else self._composed(bright, 0)

    def frame(self, number: int) -> Plate:
        """The scenery in one frame, a picture of its own that may be painted on."""
        share = pulse(self.scene, number)
        if self.still is None:
            return self._composed(_blended(self.plates.far, self.plates.bright, share), number)
        dark, bright = self.still
        return dark.copy() if bright is None else _blended(dark, bright, share)

    def _composed(self, far: Plate, number: int) -> Plate:
        """The far layer as the camera sees it, and the near one over it."""
        shift, zoom = (float(value) for value in self.scene.layout.camera[number])
        step, x, y = view(shift, zoom, parallax=FAR_PARALLAX, height=self.height)
        image = self._seen(far, step, x, y, 0, self.height)
        step, x, y = view(shift, zoom, parallax=NEAR_PARALLAX, height=self.height)
        first = max(0, int((self.plates.top - 1 - y) / step))
        solid = min(self.height, max(first, int(np.ceil((self.plates.solid - y) / step)) + 1))
        if first >= self.height:
            return image
        near = self._seen(self.plates.near, step, x, y + first * step - self.plates.top, first, self.height)
        window, above = image[first:solid], near[: solid - first]
        keep = cv2.bitwise_not(cv2.extractChannel(np.ascontiguousarray(above), 3))
        cv2.multiply(window, cv2.merge([keep] * 4), dst=window, scale=1 / 255)
        cv2.add(window, above, dst=window)
        image[solid:] = near[solid - first :]
        return image

    def _seen(self, layer: Plate, step: float, x: float, y: float, first: int, last: int) -> Plate:
        """Rows `first` to `last` of the screen, looking at layer pixel (x, y) with its first pixel."""
        size = self.width, last - first
        left = int(np.floor(x))
        if (
            step == 1
            and y == round(y)
            and 0 <= left < layer.shape[1] - self.width
            and 0 <= y <= layer.shape[0] - size[1]
        ):
            rows, part = layer[round(y) : round(y) + size[1]], x - left
            one, other = rows[:, left : left + self.width], rows[:, left + 1 : left + 1 + self.width]
            return np.asarray(cv2.addWeighted(one, 1 - part, other, part, 0), np.uint8)
        matrix = np.array([[step, 0, x], [0, step, y]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(layer, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _blended(dark: Plate, bright: Plate | None, share: float) -> Plate:
    return dark if bright is None else np.asarray(cv2.addWeighted(dark, 1 - share, bright, share, 0), np.uint8)


def _tinted(plates: Plates, factors: NDArray[np.float64]) -> Plates:
    """The plates with red, green and blue multiplied by the factors."""
    levels = np.arange(256)[None, :, None] * np.array([*factors, 1.0])
    table = np.clip(np.round(levels), 0, 255).astype(np.uint8)
    far, bright, near = (
        None if layer is None else np.asarray(cv2.LUT(layer, table), np.uint8)
        for layer in (plates.far, plates.bright, plates.near)
    )
    assert far is not None
    assert near is not None
    return Plates(far=far, bright=bright, near=near, top=plates.top, solid=plates.solid)
