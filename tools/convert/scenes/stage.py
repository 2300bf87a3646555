"""What is on the stage in one frame, before any pixel: the actors with their display lists, the light, the tint.

Every rasteriser starts from here, so that the same scene gives the same picture.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import Track
from tools.convert.scenes.ink import Light, Rgb
from tools.convert.scenes.palette import COLOURS
from tools.convert.scenes.pen import Pen
from tools.convert.scenes.scene import VARIANT_NOISE, Scene
from tools.convert.scenes.scenery import VARIANTS, Plates, plates
from tools.convert.scenes.styles import FINISH, Cutouts, Finish, bright, dress
from tools.convert.scenes.subjects import SUBJECTS

Box = tuple[int, int, int, int]

HALO_REACH = 2.5  # radii around a glowing subject
POOL_REACH = 3.2  # radii that a subject lights up around itself in the dim
HALO_POWER = 1.8
SHINE = 0.34


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """`scenery` is the brightness of the scenery, `corner` how much of it is left in the corners of the screen;
    `halo` is the share of the subject's colour around it, `pool` the brightness that it gives back to the scenery
    around itself, `body` the brightness of the subjects and of what is in front of them."""

    scenery: float = 1.0
    corner: float = 1.0
    halo: float = 0.0
    pool: float = 0.0
    body: float = 1.0


LIGHTING = {
    "natural": Lighting(),
    "glowing": Lighting(scenery=0.82, halo=0.78),
    "dim": Lighting(scenery=0.46, corner=0.4, pool=0.3, body=0.84),
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One subject in one frame: what to paint, its centre and radius in pixels, the colours of its silhouette and of
    its halo, and how far the halo is in its breathing."""

    cut: Cutouts
    x: float
    y: float
    radius: float
    edge: Rgb
    halo: Rgb
    breath: float


def actors(scene: Scene, frame: int, *, height: int) -> list[Actor]:
    """The subjects of a frame from back to front."""
    glowing = scene.shot.slots["light"] == "glowing"
    style = style_of(scene)
    cast = []
    for track in scene.layout.tracks:
        base = vary(COLOURS[track.colour], scene.u)
        x, y, radius, angle, flip, phase = _pose(track, frame, height)
        pen = Pen(x, y, radius, angle, flip, base)
        SUBJECTS[track.subject](pen, phase)
        cut = dress(pen.ink(), style, height=height)
        if glowing:
            cut.marks.append(Light(x, y, radius, base, SHINE))
        edge = FINISH[style].edge or bright(base)
        breath = 0.93 + 0.07 * float(np.sin(phase))
        cast.append(Actor(cut=cut, x=x, y=y, radius=radius, edge=edge, halo=_halo(base), breath=breath))
    return cast


def _pose(track: Track, frame: int, height: int) -> tuple[float, float, float, float, float, float]:
    x, y, radius, angle, flip, phase = (
        float(v[frame]) for v in (track.x, track.y, track.radius, track.angle, track.flip, track.phase)
    )
    return x * height, y * height, radius * height, angle, flip, phase


def _halo(base: Rgb) -> Rgb:
    red, green, blue = bright(base)
    return 0.68 * red + 82, 0.68 * green + 82, 0.68 * blue + 82


def style_of(scene: Scene) -> str:
    """The style of a scene; vocabularies without the slot are drawn as cartoons."""
    return scene.shot.slots.get("style", "cartoon")


def vary(colour: Rgb, u: list[float]) -> Rgb:
    """A little jitter of hue and brightness, so that not every red is the same red."""
    hue, light, depth = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    hue = (hue + 0.02 * (u[9] - 0.5)) % 1
    light = min(1.0, light * (0.94 + 0.12 * u[10]))
    red, green, blue = colorsys.hls_to_rgb(hue, light, depth)
    return red * 255, green * 255, blue * 255


def scenery_of(scene: Scene, height: int) -> Plates:
    """The painted scenery of a scene."""
    return plates(scene.shot.slots["background"], variant_of(scene), style_of(scene), height)


def variant_of(scene: Scene) -> int:
    """Which variant of its background a scene shows: it comes from the nuisance values."""
    return min(VARIANTS - 1, int(scene.u[VARIANT_NOISE] * VARIANTS))


def tint(scene: Scene) -> NDArray[np.float64]:
    """Brightness and warmth of the scenery as a factor for each of red, green, blue."""
    light = LIGHTING[scene.shot.slots["light"]]
    warm = 0.08 * (scene.u[0] - 0.5)
    return light.scenery * (0.9 + 0.14 * scene.u[1]) * np.array([1 + warm, 1.0, 1 - warm])


def coarse_pixels(height: int) -> int:
    """The size in pixels of the coarse cells that soft shadows are made of."""
    return max(1, round(height / 60))


def reach_of(finish: Finish) -> float:
    """How far beyond its paint a subject changes the picture, in canvas heights."""
    return max(0.012, *(length + 0.03 for length in finish.drop if finish.shadow), 0.07 if finish.shine else 0)


def pulse(scene: Scene, frame: int) -> float:
    """0..1: how far the scenery's light is between its darkest and its brightest."""
    return 0.5 + 0.5 * float(np.sin(scene.layout.ambient[frame]))


def bounds(cut: Cutouts, *, margin: float, step: int, width: int, height: int) -> Box | None:
    """The box x0, y0, x1, y1 around all paint and a margin, in whole multiples of `step`, cut at the frame.

    None where nothing would be seen.
    """
    lights = [mark for mark in cut.marks if isinstance(mark, Light)]
    low = [(light.x - light.radius, light.y - light.radius) for light in lights]
    high = [(light.x + light.radius, light.y + light.radius) for light in lights]
    if len(cut.points):
        low.append(tuple(cut.points.min(axis=0).tolist()))
        high.append(tuple(cut.points.max(axis=0).tolist()))
    if not low:
        return None
    x0, y0 = (min(values) - margin for values in zip(*low, strict=True))
    x1, y1 = (max(values) + margin for values in zip(*high, strict=True))
    left, top = max(0, int(x0 // step)) * step, max(0, int(y0 // step)) * step
    right, bottom = (min(-(-size // step), int(end // step) + 1) * step for size, end in ((width, x1), (height, y1)))
    return (left, top, right, bottom) if right > left and bottom > top else None
