"""Scene -> frames: scenery, particles, glow, subjects and light, layer over layer."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from edge.video.layout_map import FAR_PARALLAX, NEAR_PARALLAX
from tools.convert.scenes.backgrounds import LEFT, Scenery, paint
from tools.convert.scenes.scene import Scene
from tools.convert.scenes.subjects import COLOURS, SHIFT, SUBJECTS, Pen, Rgb

Frame = NDArray[np.uint8]
GLOW_SIZE = 128
PARTICLE_RADIUS = {"snow": 0.014, "bubbles": 0.02, "sparkles": 0.022}


def render(scene: Scene, frames: Iterable[int], *, height: int = 240) -> Iterator[Frame]:
    """Yield RGB uint8 [height, height * ASPECT, 3] for each of the given frame numbers."""
    painter = _Painter(scene, height)
    for frame in frames:
        yield painter.frame(frame)


def to_i420(rgb: Frame) -> Frame:
    """RGB [h, w, 3] to planar YUV 4:2:0 [h * 3 / 2, w], BT.601 limited range."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


class _Painter:
    """Holds what stays the same from frame to frame."""

    def __init__(self, scene: Scene, height: int) -> None:
        self.scene = scene
        self.height = height
        self.width = round(height * ASPECT)
        self.scenery: Scenery = paint(scene.shot.slots["background"], scene.u, height=height)
        self.base = _vary(COLOURS[scene.shot.slots["colour"]], scene.u)
        self.light = scene.shot.slots["light"]
        axis = np.linspace(-1, 1, GLOW_SIZE, dtype=np.float32)
        self.halo = np.clip(1 - np.hypot(axis[None], axis[:, None]), 0, 1) ** 1.8

    def frame(self, number: int) -> Frame:
        image = self._scenery(number)
        particles = self.scene.shot.slots["particles"]
        if particles != "none":
            self._particles(image, particles, self.scene.layout.particles[number])
        if self.light == "dim":
            image = cv2.convertScaleAbs(image, alpha=0.5)
        for track in self.scene.layout.tracks:
            pose = [float(v[number]) for v in (track.x, track.y, track.radius, track.angle, track.flip, track.phase)]
            self._subject(image, *pose)
        return image

    def _scenery(self, number: int) -> Frame:
        shift, zoom = (float(value) for value in self.scene.layout.camera[number])
        pulse = 0.5 + 0.5 * float(np.sin(self.scene.layout.ambient[number]))
        far = self._warp(self.scenery.far + pulse * self.scenery.pulse, shift, zoom, FAR_PARALLAX)
        near = self._warp(self.scenery.near, shift, zoom, NEAR_PARALLAX)
        cover = self._warp(self.scenery.cover, shift, zoom, NEAR_PARALLAX)[..., None]
        return np.clip(far + (near - far) * cover, 0, 255).astype(np.uint8)

    def _warp(self, layer: NDArray[np.float32], shift: float, zoom: float, parallax: float) -> NDArray[np.float32]:
        """The inverse of `to_scenery`, as one affine warp of the wide canvas to the screen."""
        scale = zoom ** (0.5 + 0.5 * parallax)
        h = self.height
        start_x = (ASPECT / 2 - ASPECT / 2 / scale + parallax * shift - LEFT) * h
        start_y = (0.5 - 0.5 / scale) * h
        if self.scene.shot.slots["camera"] == "static":  # whole pixels will do where nothing moves
            left = round(start_x)
            return layer[:, left : left + self.width]
        half = 0.5 / scale - 0.5
        matrix = np.array([[1 / scale, 0, start_x + half], [0, 1 / scale, start_y + half]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.width, h)
        return np.asarray(cv2.warpAffine(layer, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)

    def _particles(self, image: Frame, kind: str, now: NDArray[np.float32]) -> None:
        radius = PARTICLE_RADIUS[kind] * self.height
        for x, y, strength in now:
            if strength <= 0.02:
                continue
            cx, cy = float(x) * self.height, float(y) * self.height
            if kind == "sparkles":
                r = radius * (0.3 + 0.7 * float(strength))
                t = np.arange(8) * np.pi / 4
                reach = np.where(np.arange(8) % 2 == 0, r, r * 0.3)
                points = np.stack([cx + reach * np.cos(t), cy + reach * np.sin(t)], 1)
                cv2.fillPoly(image, [np.round(points * 16).astype(np.int32)], (255, 246, 190), cv2.LINE_AA, SHIFT)
                continue
            centre = (round(cx * 16), round(cy * 16))
            if kind == "bubbles":
                cv2.circle(image, centre, round(radius * 16), (176, 226, 244), 1, cv2.LINE_AA, SHIFT)
                cv2.circle(image, centre, round(radius * 7), (214, 242, 252), -1, cv2.LINE_AA, SHIFT)
            else:
                cv2.circle(image, centre, round(radius * 16), (255, 255, 255), -1, cv2.LINE_AA, SHIFT)

    def _subject(
        self, image: Frame, x: float, y: float, radius: float, angle: float, flip: float, phase: float
    ) -> None:  # fmt: skip
        px, py, scale = x * self.height, y * self.height, radius * self.height
        if self.light != "natural":
            strength = 0.75 if self.light == "glowing" else 0.45
            self._glow(image, px, py, scale * 2.3, strength * (0.92 + 0.08 * float(np.sin(phase))))
        SUBJECTS[self.scene.shot.slots["subject"]](Pen(image, px, py, scale, angle, flip, self.base), phase)

    def _glow(self, image: Frame, px: float, py: float, reach: float, strength: float) -> None:
        x0, y0 = max(0, int(px - reach)), max(0, int(py - reach))
        x1, y1 = min(self.width, int(px + reach) + 2), min(self.height, int(py + reach) + 2)
        if x1 <= x0 or y1 <= y0:
            return
        step = (GLOW_SIZE - 1) / (2 * reach)
        offset = (GLOW_SIZE - 1) / 2
        matrix = np.array([[step, 0, (x0 - px) * step + offset], [0, step, (y0 - py) * step + offset]])
        halo = cv2.warpAffine(self.halo, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        colour = np.array(self.base, np.float32) * 0.6 + 100
        window = image[y0:y1, x0:x1].astype(np.float32)
        share = np.asarray(halo, np.float32)[..., None] * strength
        image[y0:y1, x0:x1] = (window + (colour - window) * share).astype(np.uint8)


def _vary(colour: Rgb, u: list[float]) -> Rgb:
    """A little jitter of hue and brightness, so that not every red is the same red."""
    hue, light, depth = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    hue = (hue + 0.02 * (u[9] - 0.5)) % 1
    light = min(1.0, light * (0.94 + 0.12 * u[10]))
    red, green, blue = colorsys.hls_to_rgb(hue, light, depth)
    return red * 255, green * 255, blue * 255
