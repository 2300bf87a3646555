"""The bank of painted scenery: each place, variant and style is painted once and then only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT
from tools.convert.scenes.backgrounds import LEFT, VARIANTS, paint
from tools.convert.scenes.washes import WASHES

Plate = NDArray[np.uint8]

BANK = 256  # more than all places, variants and styles at one height: about 1.3 MB each at 240 lines


@dataclass(frozen=True)
class Plates:
    """A painted place. `far` [h, W, 4] is RGBX with the pulse at its darkest, `bright` the same at its brightest (None
    where nothing pulses), `near` [h - top, W, 4] is RGBA premultiplied, for the rows from `top` on; from row `solid`
    on it hides everything."""

    far: Plate
    bright: Plate | None
    near: Plate
    top: int
    solid: int


@lru_cache(maxsize=BANK)
def plates(name: str, variant: int, style: str, height: int) -> Plates:
    """Paint a background in one of its `VARIANTS` and one style, `height` pixels high."""
    scenery = WASHES[style](paint(name, variant, height=height), height)
    near = np.concatenate([scenery.near * scenery.cover[..., None], 255 * scenery.cover[..., None]], axis=2)
    covered = np.round(255 * scenery.cover)
    some, all_ = covered.max(axis=1) > 0, covered.min(axis=1) == 255
    top = max(0, int(np.argmax(some)) - 1) if some.any() else height - 1  # one empty row above, so that it fades out
    solid = height - int(np.argmin(all_[::-1])) if not all_.all() else 0
    pulses = float(scenery.pulse.max()) >= 1
    return Plates(
        far=_plate(scenery.far),
        bright=_plate(scenery.far + scenery.pulse) if pulses else None,
        near=np.ascontiguousarray(_bytes(near[top:])),
        top=top,
        solid=max(solid, top),
    )


def _plate(rgb: NDArray[np.float32]) -> Plate:
    opaque = np.full((*rgb.shape[:2], 1), 255, np.float32)
    return _bytes(np.concatenate([rgb, opaque], axis=2))


def _bytes(values: NDArray[np.float32]) -> Plate:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def view(shift: float, zoom: float, *, parallax: float, height: int) -> tuple[float, float, float]:
    """Where the screen looks: plate pixel = start + screen pixel * step, as (step, start x, start y).

    The inverse of `edge.video.places.to_scenery` on pixel centres.
    """
    step = zoom ** -(0.5 + 0.5 * parallax)
    start_x = ((1 - step) * ASPECT / 2 + parallax * shift - LEFT) * height
    start_y = (1 - step) * 0.5 * height
    half = 0.5 * step - 0.5
    return step, start_x + half, start_y + half


__all__ = ["VARIANTS", "Plates", "plates", "view"]
