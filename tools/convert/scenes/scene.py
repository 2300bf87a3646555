"""A scene as one frozen value, and how seeds become scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot
from edge.video.layout import FPS, Layout, make_layout
from edge.video.scheduler import draw_noise

NUISANCE = 12
VARIANT_NOISE = 2  # the nuisance value that chooses which variant of its place a scene shows
TONE_NOISE = 9, 10  # those that change the hue and the brightness of its colours
HOLD_OUT = 10
PAIRS = 0.15


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip to draw: the slots, the tracks, and the nuisance values `z` [NUISANCE] from N(0, I)."""

    shot: Shot
    layout: Layout
    z: NDArray[np.float32]

    @property
    def u(self) -> list[float]:
        """The nuisance values as shares 0..1."""
        return uniform(self.z)


def uniform(z: NDArray[np.float32]) -> list[float]:
    """Values from N(0, I) as shares 0..1 of the normal distribution."""
    return [0.5 * (1 + erf(float(value) / sqrt(2))) for value in z]


def make_scene(slots: Mapping[str, str], *, seed: int, seconds: float) -> Scene:
    """A scene from slot values and a seed; the same arguments give the same scene."""
    shot = Shot(slots=dict(slots), seconds=seconds)
    layout = make_layout(shot, seed=seed, frames=round(seconds * FPS))
    return Scene(shot=shot, layout=layout, z=draw_noise(seed, NUISANCE))


def held_out(slots: Mapping[str, str]) -> bool:
    """True for the tenth of all (subject, colour, motion) combinations that training never sees.

    Where there is a second subject, true if either is such a combination.
    """
    pairs = [(slots["subject"], slots["colour"])]
    if slots.get("second"):
        pairs.append((slots["second"], slots.get("second_colour", slots["colour"])))
    keys = ["/".join((subject, colour, slots["motion"])) for subject, colour in pairs]
    return any(hashlib.sha256(key.encode()).digest()[0] % HOLD_OUT == 0 for key in keys)


def random_slots(
    values: Mapping[str, Sequence[str]], rng: np.random.Generator, *, pairs: float = PAIRS
) -> dict[str, str]:
    """A random training combination: every slot uniform, held-out combinations left out.

    Half of the scenes show one subject. A share `pairs` of all shows two different ones (slots `second` and
    `second_colour`, `count` is one then).
    """
    while True:
        slots = {name: str(rng.choice(list(options))) for name, options in values.items()}
        if rng.uniform() < 0.5:
            slots["count"] = "one"
        if rng.uniform() < pairs:
            others = [subject for subject in values["subject"] if subject != slots["subject"]]
            second = str(rng.choice(others)), str(rng.choice(list(values["colour"])))
            slots |= {"count": "one", "second": second[0], "second_colour": second[1]}
        if not held_out(slots):
            return slots
