"""Scene -> frames with OpenCV: scenery, particles, light and subjects, layer over layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from tools.convert.scenes.backdrop_cv import Backdrop
from tools.convert.scenes.fields import grain, pigment, pigment_corner, vignette
from tools.convert.scenes.ink import Rgb
from tools.convert.scenes.particles import Drift, particles, slant_of
from tools.convert.scenes.raster_cv import SHIFT, dilute, draw, fixed_point, halo, lay, mix_in, polygons, scatter, shade
from tools.convert.scenes.scene import Scene
from tools.convert.scenes.stage import (
    HALO_REACH,
    LIGHTING,
    POOL_REACH,
    Actor,
    actors,
    bounds,
    coarse_pixels,
    reach_of,
    style_of,
)
from tools.convert.scenes.styles import FINISH

Frame = NDArray[np.uint8]


def render(scene: Scene, frames: Iterable[int], *, height: int = 240, bodies: bool = True) -> Iterator[Frame]:
    """Yield RGB uint8 [height, height * ASPECT, 3] for each of the given frame numbers.

    Without `bodies` the subjects are seen by their shadows and by the light around them alone.
    """
    painter = _Painter(scene, height, bodies=bodies)
    for frame in frames:
        yield painter.frame(frame)


def masks(scene: Scene, frames: Iterable[int], *, height: int = 240) -> Iterator[Frame]:
    """Yield uint8 [height, height * ASPECT]: 255 where a subject or a particle covers the picture, else 0.

    Shadows, halos and glows do not count.
    """
    slant = slant_of(scene.layout.particles)
    kind = scene.shot.slots["particles"]
    for frame in frames:
        mask = np.zeros((height, round(height * ASPECT)), np.uint8)
        for actor in actors(scene, frame, height=height):
            for outline in polygons(actor.cut):
                cv2.fillPoly(mask, [outline], 255, cv2.LINE_8, SHIFT)
        for drift in particles(kind, scene.layout.particles[frame], slant=slant, height=height):
            for swarm in drift.swarms:
                for outline in fixed_point(swarm.polygons - 0.5):
                    cv2.fillConvexPoly(mask, outline, 255, cv2.LINE_8, SHIFT)
        yield mask


def to_i420(rgb: Frame) -> Frame:
    """RGB [h, w, 3] to planar YUV 4:2:0 [h * 3 / 2, w], BT.601 limited range."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


class _Painter:
    """Holds what stays the same from frame to frame."""

    def __init__(self, scene: Scene, height: int, *, bodies: bool) -> None:
        self.scene, self.height, self.bodies = scene, height, bodies
        self.backdrop = Backdrop(scene, height)
        self.kind = scene.shot.slots["particles"]
        self.slant = slant_of(scene.layout.particles)
        self.light = LIGHTING[scene.shot.slots["light"]]
        self.style = style_of(scene)
        self.coarse = coarse_pixels(height)
        self.vignette = np.round(255 * vignette(height, self.light)).astype(np.uint8)
        self.grain = grain(height) if self.style == "watercolour" else None

    def frame(self, number: int) -> Frame:
        cast = actors(self.scene, number, height=self.height)
        behind, before = particles(
            self.kind, self.scene.layout.particles[number], slant=self.slant, height=self.height
        )  # fmt: skip
        image = self.backdrop.frame(number)
        self._drift(image, behind, 1.0)
        if self.light.pool:
            self._dim(image, cast)
        for actor in cast:
            self._halo(image, actor)
        for actor in cast:
            self._actor(image, actor)
        self._drift(image, before, self.light.body)
        if self.grain is not None:
            cv2.subtract(image, self.grain, dst=image)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2RGB), np.uint8)

    def _dim(self, image: Frame, cast: list[Actor]) -> None:
        """Darken the picture towards its corners, and leave a pool of light around each actor."""
        field = self.vignette.copy()
        small = field.shape[0] / self.height
        for actor in cast:
            found = halo(field, actor.x * small, actor.y * small, POOL_REACH * actor.radius * small)
            if found is not None:
                (x0, y0, x1, y1), share = found
                window = field[y0:y1, x0:x1]
                cv2.add(window, cv2.convertScaleAbs(share, alpha=self.light.pool), dst=window)
        full = cv2.resize(field, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(image, cv2.merge([full] * 4), dst=image, scale=1 / 255)

    def _halo(self, image: Frame, actor: Actor) -> None:
        if self.light.halo:
            strength = self.light.halo * actor.breath
            _mix(image, actor.x, actor.y, HALO_REACH * actor.radius, actor.halo, strength)

    def _actor(self, image: Frame, actor: Actor) -> None:
        finish = FINISH[self.style]
        box = bounds(
            actor.cut, margin=reach_of(finish) * self.height, step=self.coarse, width=image.shape[1],
            height=self.height,
        )  # fmt: skip
        if box is None:
            return
        tile = draw(actor.cut, box)
        if self.style == "watercolour":
            column, row = pigment_corner(actor.x, actor.y, box[:2], self.height)
            dilute(tile, pigment(self.height)[row : row + tile.shape[0], column : column + tile.shape[1]])
        if not self.bodies:
            shade(image, tile, box, finish, height=self.height, coarse=self.coarse)
            return
        lay(image, tile, box, finish, edge=actor.edge, height=self.height, coarse=self.coarse, light=self.light.body)

    def _drift(self, image: Frame, drift: Drift, light: float) -> None:
        for glow in drift.lights:
            _mix(image, glow.x, glow.y, glow.radius, glow.colour, light * glow.strength)
        scatter(image, drift.swarms, light)


def _mix(image: Frame, x: float, y: float, radius: float, colour: Rgb, strength: float) -> None:
    """Mix a colour into the picture, most of it at (x, y) and none beyond the radius."""
    found = halo(image, x, y, radius)
    if found is not None:
        (x0, y0, x1, y1), share = found
        mix_in(image[y0:y1, x0:x1], share, colour, strength)
