"""The rule-based judge: follows the subject through a clip's pixels and names its motion and the camera's.

Nothing is learned, so nothing that a recogniser falls for can fool it. It is told how many subjects were asked for
(the plan's count, and one more for a second subject) and nothing else of the plan: it finds them by what moves
(`segment.py`), takes the camera out (`camera.py`), and names the motion by the curve that fits (`motion.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.group import COUNT
from tools.convert.judge.camera import CameraMotion, camera_motion
from tools.convert.judge.motion import Path, best_motion, misfits
from tools.convert.judge.segment import HEIGHT, WIDTH, subject_weights, to_lab

Bytes = NDArray[np.uint8]
Reals = NDArray[np.float32]

FRAMES_PER_SECOND = 8
LOOK_HEIGHT = 120
FOLLOW = 0.5  # of the scenery's pan: what subjects show of it, the farther layer being the one that is mostly followed
ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """What the tracker saw. `misfits` are canvas heights; `paths` has one path for each subject that was asked for."""

    motion: str
    camera: CameraMotion
    misfits: dict[str, float]
    paths: tuple[Path, ...]


def track_numbers(frames: int, seconds: float) -> list[int]:
    """The frame numbers that the tracker wants to see: eight a second, evenly spread over the clip."""
    return [round(i) for i in np.linspace(0, frames - 1, max(4, round(seconds * FRAMES_PER_SECOND)))]


def subjects_asked(slots: Mapping[str, str]) -> int:
    """How many subjects a shot's slots ask for."""
    return COUNT[slots.get("count", "one")] + (1 if slots.get("second") else 0)


def track(frames: Sequence[Bytes], *, subjects: int, seconds: float) -> Tracked:
    """Judge planar 4:2:0 frames uint8 [h * 3 / 2, w], evenly spread over one shot of `seconds`."""
    small = np.stack([smaller(frame) for frame in frames])
    camera = camera_motion(small[:, :LOOK_HEIGHT])
    weights = subject_weights(to_lab(small), camera)
    paths = tuple(steady(member, camera, seconds) for member in members(weights, subjects))
    each = [misfits(path) for path in paths]
    scores = {name: float(np.mean([score[name] for score in each])) for name in each[0]}
    return Tracked(motion=best_motion(scores), camera=camera, misfits=scores, paths=paths)


def smaller(i420: Bytes) -> Bytes:
    """The same frame with a luma height of LOOK_HEIGHT."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    columns = round(width * LOOK_HEIGHT / height / 4) * 4
    planes = [(i420[:height], 1), *((plane, 2) for plane in i420[height:].reshape(2, height // 2, width // 2))]
    made = [cv2.resize(p, (columns // k, LOOK_HEIGHT // k), interpolation=cv2.INTER_AREA) for p, k in planes]
    return np.concatenate([plane.reshape(-1) for plane in made]).reshape(LOOK_HEIGHT * 3 // 2, columns)


def members(weights: Reals, subjects: int) -> list[tuple[Reals, Reals, Reals]]:
    """Centre x, y in canvas heights and mass, each [n], of every member of a group standing side by side."""
    x, y = np.meshgrid((np.arange(WIDTH) + 0.5) / HEIGHT, (np.arange(HEIGHT) + 0.5) / HEIGHT)
    middle, _, _ = _centre(weights, x, y)
    beside = x[None] - middle[:, None, None]
    if subjects == 1 or not weights.any():
        return [_centre(weights, x, y)]
    centres = _spread(beside.reshape(-1), weights.reshape(-1), subjects)
    nearest = np.argmin(np.abs(beside[..., None] - centres), axis=-1)
    return [_centre(weights * (nearest == member), x, y) for member in range(subjects)]


def _centre(weights: Reals, x: Reals, y: Reals) -> tuple[Reals, Reals, Reals]:
    mass = weights.sum(axis=(1, 2)) + 1e-6
    return (weights * x).sum(axis=(1, 2)) / mass, (weights * y).sum(axis=(1, 2)) / mass, mass


def _spread(places: Reals, weights: Reals, groups: int) -> Reals:
    """Where along x the members of a group are: k-means on the line, begun at the quantiles."""
    order = np.argsort(places[weights > 0])
    places, weights = places[weights > 0][order], weights[weights > 0][order]
    summed = np.cumsum(weights)
    centres = places[np.searchsorted(summed, summed[-1] * (np.arange(groups) + 0.5) / groups)]
    for _ in range(ROUNDS):
        cuts = np.searchsorted(places, (centres[1:] + centres[:-1]) / 2)
        parts = zip(np.split(places, cuts), np.split(weights, cuts), centres, strict=True)
        centres = np.array([float(np.average(p, weights=w)) if len(p) else c for p, w, c in parts])
    return centres


def steady(member: tuple[Reals, Reals, Reals], camera: CameraMotion, seconds: float) -> Path:
    """The path as it would be before a camera that stands."""
    x, y, mass = member
    share = np.linspace(-0.5, 0.5, len(x))
    growth = np.exp(camera.zoom * share)
    middle_x = WIDTH / HEIGHT / 2
    usual = float(np.median(mass))
    return Path(
        seconds=np.linspace(0, seconds, len(x)),
        x=middle_x + (x - middle_x) / growth + FOLLOW * camera.pan * share,
        y=0.5 + (y - 0.5) / growth,
        size=np.sqrt(mass + 4) / growth,
        weight=np.minimum(mass, usual + 1) + 0.02 * usual + 1e-3,
    )
