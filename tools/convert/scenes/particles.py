"""Particles as shapes: what snow, bubbles, sparkles, rain, leaves and fireflies look like in one frame.

Each kind is a few swarms: small polygons of one drawing order, so that they can be filled in one go. Light and dark
tones lie on each other, so that every kind shows on light and on dark scenery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes.ink import Light, Rgb

Reals = NDArray[np.floating]

SPREAD = 0.7  # pixels by which rasterisers draw the edge of a particle too far out
THIN = 0.2  # pixels: half the width of the finest streak
FALLING = frozenset({"snow", "bubbles", "rain", "leaves"})  # their strength is their nearness
NEAR = 0.75
AUTUMN: tuple[Rgb, ...] = ((214, 72, 36), (236, 140, 34), (246, 190, 60), (168, 84, 40))
_TURN = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_DISC = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_SPIKES = np.arange(8) * np.pi / 4
_STAR = np.stack([np.cos(_SPIKES), np.sin(_SPIKES)], axis=1) * np.where(np.arange(8) % 2 == 0, 1, 0.27)[:, None]
_LEAF = np.array([(-1, 0), (-0.55, -0.34), (0, -0.46), (0.5, -0.3), (1, 0), (0.5, 0.3), (0, 0.46), (-0.55, 0.34)])
_VEIN = np.array([(-1.35, -0.06), (0.7, -0.03), (0.7, 0.03), (-1.35, 0.06)])


@dataclass(frozen=True)
class Swarm:
    """`polygons` [P, n, 2] in pixels, all of the same sense of rotation, `colours` [P, 3], one `alpha` for all."""

    polygons: Reals
    colours: Reals
    alpha: float = 1.0


@dataclass(frozen=True)
class Drift:
    """One depth of particles: lights (which are mixed in and not added so that they show on white) under swarms in
    drawing order."""

    swarms: tuple[Swarm, ...] = ()
    lights: tuple[Light, ...] = ()


def particles(kind: str, now: Reals, *, slant: float, height: int) -> tuple[Drift, Drift]:
    """The particles behind the subjects, and those in front of them.

    `now` is [P, 3]: x, y, strength as in the layout; `slant` is how far they move to the right while falling by one.
    """
    if kind not in _KINDS:
        return Drift(), Drift()
    order = np.arange(len(now))
    front = now[:, 2] > NEAR if kind in FALLING else order % 2 == 1
    seen = now[:, 2] > 0.03
    whole = _KINDS[kind](now, order, slant, height)
    return _part(whole, seen & ~front), _part(whole, seen & front)


def _part(whole: Drift, which: NDArray[np.bool_]) -> Drift:
    """Some of the particles."""
    swarms = tuple(Swarm(swarm.polygons[which], swarm.colours[which], swarm.alpha) for swarm in whole.swarms)
    return Drift(swarms, tuple(light for light, chosen in zip(whole.lights, which, strict=False) if chosen))


def slant_of(tracks: Reals) -> float:
    """How far particles move to the right while falling by one, from their tracks [frames, P, 3]."""
    if len(tracks) < 2 or not tracks.shape[1]:
        return 0.0
    way = tracks[1, :, :2] - tracks[0, :, :2]
    moving = way[:, 1] > 1e-4  # those that have just come round from below are left out
    return float(np.median(way[moving, 0] / way[moving, 1])) if moving.any() else 0.0


def _snow(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del order, slant
    r = 0.016 * height * now[:, 2]
    return Drift((_discs(now, r + 0.0045 * height, (176, 196, 226), height), _discs(now, r, (255, 255, 255), height)))


def _bubbles(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del order, slant
    r = 0.026 * height * now[:, 2]
    glint = now - np.stack([0.36 * r / height, 0.36 * r / height, 0 * r], axis=1)
    return Drift((
        _discs(now, r + 0.0035 * height, (54, 120, 170), height, 0.4), _discs(now, r, (206, 240, 252), height, 0.95),
        _discs(now, r - 0.0075 * height, (112, 182, 220), height, 0.6), _discs(glint, 0.27 * r + 0.4, (255, 255, 255), height),
    ))  # fmt: skip


def _sparkles(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del order, slant
    r = 0.042 * height * (0.25 + 0.75 * now[:, 2])
    return Drift((
        _swarm(now, _STAR * r[:, None, None], (244, 180, 56), height),
        _swarm(now, _STAR * 0.68 * r[:, None, None], (255, 250, 206), height),
    ))  # fmt: skip


def _rain(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del order
    along = np.array([slant, 1.0]) / np.hypot(slant, 1.0)
    across = np.array([along[1], -along[0]])
    length = 0.075 * height * now[:, 2, None, None]
    width = np.maximum(THIN, 0.0035 * height * now[:, 2] - SPREAD)[:, None, None]
    tip, left, right = 0.5 * length * along, width * across, -width * across
    streak = np.concatenate([-tip + 0.6 * left, 0.6 * tip + left, tip, 0.6 * tip + right, -tip + 0.6 * right], axis=1)
    edge = streak + np.array([1.2, 0.0])
    return Drift((
        _swarm(now, edge, (62, 88, 134), height, 0.4),
        _swarm(now, streak, (206, 226, 248), height, 0.8),
    ))  # fmt: skip


def _leaves(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del slant
    r = 0.042 * height * now[:, 2]
    turn = 7.0 * now[:, 1] + 2.4 * order + 2.0 * np.sin(9.0 * now[:, 0])
    flat = 0.5 + 0.5 * np.abs(np.cos(8.0 * now[:, 1] + 1.3 * order))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = r[:, None, None] * np.stack([np.stack([cos, sin], 1), np.stack([-sin * flat, cos * flat], 1)], axis=1)
    colours = np.array(AUTUMN)[order.astype(int) % len(AUTUMN)]
    return Drift((
        _swarm(now, _LEAF * 1.1 @ matrix, 0.6 * colours, height), _swarm(now, _LEAF @ matrix, colours, height),
        _swarm(now, _VEIN @ matrix, 0.7 * colours, height),
    ))  # fmt: skip


def _fireflies(now: Reals, order: Reals, slant: float, height: int) -> Drift:
    del order, slant
    r = 0.0095 * height * (0.4 + 0.6 * now[:, 2])
    lights = tuple(
        Light(float(x * height), float(y * height), (0.03 + 0.05 * float(s)) * height, (255, 206, 84), 0.85 * float(s))
        for x, y, s in now
    )
    return Drift((_discs(now, 1.5 * r, (250, 176, 44), height), _discs(now, r, (255, 250, 190), height)), lights)


_KINDS: dict[str, Callable[[Reals, Reals, float, int], Drift]] = {
    "snow": _snow, "bubbles": _bubbles, "sparkles": _sparkles, "rain": _rain, "leaves": _leaves,
    "fireflies": _fireflies,
}  # fmt: skip


def _discs(now: Reals, radius: Reals, colour: Rgb, height: int, alpha: float = 1.0) -> Swarm:
    return _swarm(now, _DISC * np.maximum(radius - SPREAD, THIN)[:, None, None], colour, height, alpha)


def _swarm(now: Reals, shapes: Reals, colour: Rgb | Reals, height: int, alpha: float = 1.0) -> Swarm:
    colours = np.broadcast_to(np.asarray(colour, np.float64), (len(now), 3))
    return Swarm(shapes + height * now[:, None, :2], colours, alpha)
