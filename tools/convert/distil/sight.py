"""What can be seen in a clip: its camera, its scenery, and where its subjects are, in the terms of the board's layout.

The judges' tracker finds roughly what moves; the scenery without it gives the exact outline, which gives centre, radius
and colour. A subject that hardly moves against the scenery cannot be told from it: such a clip is left out, which costs
nothing that a board needs, since there motion comes from the layout's own law.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.layout import ASPECT, FPS, Track
from edge.video.tracks import CYCLES_PER_SECOND, USUAL_CYCLES, facing, heading
from tools.convert.clips.clip import Clip
from tools.convert.distil.scenery import camera_track, panorama, seen_from
from tools.convert.judge.camera import camera_motion
from tools.convert.judge.motion import best_motion, misfits
from tools.convert.judge.segment import subject_weights, to_lab
from tools.convert.judge.tracker import LOOK_HEIGHT, members, smaller, steady, track_numbers
from tools.convert.tinyvideo.loop import write_whole

Bytes = NDArray[np.uint8]
Array = NDArray[np.float32]

ARRAYS = ("x", "y", "radius", "angle", "flip", "phase")
WAY_FRAMES, POSE_FRAMES = 5, 13  # that a path is the mean of: to say where it is, and where it goes
STEP = 2  # frames from one look at the outline to the next
SURE = 0.12  # a cell whose weight is above it may show the subject
RIM = 9  # pixels of LOOK_HEIGHT that its outline is grown by before the scenery is taken
OUTLINE = 16.0  # distance in Lab from the scenery
NEAR = 2.6  # radii of a disc of the subject's area, around its centre, in which its outline is looked for
TO_RADIUS = 1.12  # a subject's radius in those of a disc of its area: the board's pictures of it reach 1.5 radii
LEAST_AREA = 0.002  # squared canvas heights
LEAST_WAY = 1.2  # radii that a subject has to go over the scenery
MOST_UNLIKE = 0.35  # how much the area may vary through a clip, as the quartiles' distance from each other
MOST_RESIDUE = 9.0  # mean distance in Lab of what is not subject from the scenery: it moves in itself, or in depth
STANDS = "its subject hardly moves, so that it cannot be told from the scenery"


class Unseen(Exception):  # noqa: N818 - not an error of anybody's
    """Why nothing can be learnt from a clip."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What was seen. `camera` is [frames, 2], `scenery` the panorama uint8 [rows, columns, 3], `colour` RGB 0..1 of the
    subjects together, `motion` and `camera_kind` are values of those slots; `residue` says how far the scenery stands still."""

    tracks: tuple[Track, ...]
    camera: Array
    scenery: Bytes
    colour: Array
    motion: str
    camera_kind: str
    residue: float


def look(clip: Clip, *, subjects: Sequence[tuple[str, str]], rows: int = LOOK_HEIGHT) -> Sight:
    """Look for `subjects` (subject and colour of each, as far as they are known). Raises Unseen."""
    numbers = track_numbers(clip.frames, clip.seconds)
    small = np.stack([smaller(clip.video[number]) for number in numbers])
    motion = camera_motion(small[:, :LOOK_HEIGHT])
    camera = camera_track(motion, clip.frames)
    weights = subject_weights(to_lab(small), motion)
    if not weights.any():
        raise Unseen("nothing moves in it")
    pictures = np.stack([cv2.cvtColor(one, cv2.COLOR_YUV2RGB_I420) for one in small])
    scenery = panorama(pictures, _grown(weights, pictures.shape[1:3]), camera[numbers], rows=rows)
    rough = members(weights, len(subjects))
    scores = [misfits(steady(member, motion, clip.seconds)) for member in rough]
    moves = best_motion({name: float(np.mean([score[name] for score in scores])) for name in scores[0]})
    if moves == "hover":
        raise Unseen(STANDS)
    often = np.arange(0, clip.frames, STEP)
    centres = np.stack([[np.interp(often, numbers, way) for way in member[:2]] for member in rough])  # [members, 2, n]
    radius = np.sqrt(np.median([member[2] for member in rough], axis=1) / np.pi) / weights.shape[1]
    found = [
        _outlines(clip.video[number], scenery, camera[number], centres[..., index], radius)
        for index, number in enumerate(often)
    ]
    residue = float(np.median([one.residue for one in found]))
    if residue > MOST_RESIDUE:
        raise Unseen(f"its scenery does not stand still (residue {residue:.1f})")
    tracks = tuple(
        _track(name, np.stack([one.places[index] for one in found]), often, camera)
        for index, name in enumerate(subjects)
    )
    hidden = _grown(weights, pictures.shape[1:3]) | _bodies(tracks, numbers, pictures.shape[1:3])
    scenery = panorama(pictures, hidden, camera[numbers], rows=rows)  # once more, now that they are found
    return Sight(
        tracks=tracks, camera=camera, scenery=scenery, colour=np.mean([one.colour for one in found], axis=0).astype(np.float32),
        motion=moves, camera_kind=motion.kind, residue=residue,
    )  # fmt: skip


@dataclass(frozen=True)
class _Outlines:
    """One frame: centre x, y and area of each subject [members, 3], their colour together, and what is left over."""

    places: Array
    colour: Array
    residue: float


def _outlines(i420: Bytes, scenery: Bytes, camera: Array, centres: Array, radius: Array) -> _Outlines:
    """Where the picture is unlike the scenery near each of `centres` [members, 2], in canvas heights."""
    rgb = cv2.cvtColor(smaller(i420), cv2.COLOR_YUV2RGB_I420)
    height, width = rgb.shape[:2]
    behind = seen_from(scenery, camera, height=height).astype(np.uint8)
    unlike = np.linalg.norm(_lab(rgb) - _lab(behind), axis=2)
    y, x = (np.mgrid[:height, :width].astype(np.float32) + 0.5) / height
    away = np.stack(
        [np.hypot(x - cx, y - cy) / max(size, 0.02) for (cx, cy), size in zip(centres, radius, strict=True)]
    )
    nearest, close = away.argmin(axis=0), away.min(axis=0) < NEAR
    inside = (
        cv2.morphologyEx(((unlike > OUTLINE) & close).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    )
    places = []
    for index, (cx, cy) in enumerate(centres):
        mine = inside & (nearest == index)
        area = float(mine.sum()) / height**2
        places.append((x[mine].mean(), y[mine].mean(), area) if area > LEAST_AREA else (cx, cy, 0.0))
    colour = rgb[inside].mean(axis=0) / 255 if inside.any() else np.zeros(3)
    return _Outlines(
        np.array(places, np.float32),
        colour.astype(np.float32),
        float(unlike[~close].mean()) if not close.all() else 0.0,
    )


def _track(name: tuple[str, str], places: Array, often: NDArray[np.int64], camera: Array) -> Track:
    """The track of one subject from its `places` [n, 3] at the frames `often`. Raises Unseen."""
    seen = places[:, 2] > 0
    if seen.mean() < 0.7:
        raise Unseen("its subject is not seen through it all")
    frames = np.arange(len(camera))
    zoom = camera[:, 1]
    own = np.sqrt(places[seen, 2] / np.pi) / zoom[often[seen]]  # as large as it would be without the camera's zoom
    low, high = np.quantile(own, (0.25, 0.75))
    if (high - low) / np.median(own) > MOST_UNLIKE:
        raise Unseen("its subject's outline changes too much")
    x, y = (smooth(np.interp(frames, often[seen], places[seen, axis]), WAY_FRAMES) for axis in (0, 1))
    radius = TO_RADIUS * float(np.median(own)) * zoom
    over = np.stack([(x - ASPECT / 2) / zoom - camera[:, 0] * 0.4, (y - 0.5) / zoom])  # the way over the scenery
    if np.hypot(*np.ptp(over, axis=1)) < LEAST_WAY * TO_RADIUS * np.median(own):
        raise Unseen(STANDS)
    angle, flip = _pose(name[0], x, y)
    phase = 2 * np.pi * CYCLES_PER_SECOND.get(name[0], USUAL_CYCLES) * frames / FPS
    values = {"x": x, "y": y, "radius": radius, "angle": angle, "flip": flip, "phase": phase}
    return Track(subject=name[0], colour=name[1], **{key: value.astype(np.float32) for key, value in values.items()})


def _pose(
    subject: str, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Angle and flip: by the board's law for a subject that it knows; any other faces where it goes."""
    x, y = smooth(x, POSE_FRAMES), smooth(y, POSE_FRAMES)
    if subject in CYCLES_PER_SECOND:
        return heading(subject, x, y, side=1.0, sway=np.zeros_like(x), along=True)
    return np.zeros_like(x), facing(x, 1.0)


def smooth(way: NDArray[np.floating], frames: int) -> NDArray[np.floating]:
    """The mean of so many frames (an odd number) around each."""
    return np.convolve(np.pad(way, frames // 2, mode="edge"), np.full(frames, 1 / frames), mode="valid")


def _grown(weights: Array, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the subject may be, and a rim around it, in pictures of that shape."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RIM, RIM))
    return np.stack(
        [cv2.dilate(cv2.resize(one, shape[::-1], interpolation=cv2.INTER_LINEAR), kernel) > SURE for one in weights]
    )


def _bodies(tracks: Sequence[Track], numbers: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where the subjects are found to be at these frames."""
    mask = np.zeros((len(numbers), *shape), np.uint8)
    for track in tracks:
        for picture, number in zip(mask, numbers, strict=True):
            middle = round(float(track.x[number]) * shape[0]), round(float(track.y[number]) * shape[0])
            cv2.circle(picture, middle, round(float(track.radius[number]) * shape[0]), 1, -1)
    return mask > 0


def _lab(rgb: Bytes) -> Array:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)


def turned(sight: Sight) -> Sight:
    """The same sight, with its subjects facing the other way."""
    tracks = tuple(replace(track, flip=-track.flip, angle=-track.angle) for track in sight.tracks)
    return replace(sight, tracks=tracks)


def save_sight(path: Path, sight: Sight) -> None:
    """Write it whole."""
    tracks = {f"{name}{number}": getattr(track, name) for number, track in enumerate(sight.tracks) for name in ARRAYS}
    names = json.dumps([(track.subject, track.colour) for track in sight.tracks])
    rest = {
        name: np.array(getattr(sight, name))
        for name in ("camera", "scenery", "colour", "motion", "camera_kind", "residue")
    }
    write_whole(path, lambda file: np.savez_compressed(file, names=np.array(names), **tracks, **rest))


def save_unseen(path: Path, reason: str) -> None:
    """Why there is nothing to see."""
    write_whole(path, lambda file: np.savez(file, reason=np.array(reason)))


def load_sight(path: Path) -> Sight:
    """Read it again. Raises Unseen where there is nothing to see."""
    with np.load(path) as file:
        if "reason" in file:
            raise Unseen(str(file["reason"]))
        tracks = [
            Track(subject=subject, colour=colour, **{name: file[f"{name}{number}"] for name in ARRAYS})
            for number, (subject, colour) in enumerate(json.loads(str(file["names"])))
        ]
        return Sight(
            tracks=tuple(tracks), camera=file["camera"], scenery=file["scenery"], colour=file["colour"],
            motion=str(file["motion"]), camera_kind=str(file["camera_kind"]), residue=float(file["residue"]),
        )  # fmt: skip
