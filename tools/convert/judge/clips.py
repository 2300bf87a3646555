"""The clips that are judged: from a pack through the board's own generator, and the renderer's of the same plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.manifest import Canvas, VideoManifest, load_manifest
from edge.mode import Mode, ModeRow
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.generator import Generator, open_generator
from edge.video.layout import ASPECT, FPS, Layout, make_layout
from tools.convert.judge.measures import burst_numbers
from tools.convert.judge.tracker import track_numbers
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import make_scene
from tools.convert.tinyvideo.vocabulary import load_vocabulary

Bytes = NDArray[np.uint8]

VIEW_FRAMES = 16
NEAR_SUBJECT = 1.3  # radii


@dataclass(frozen=True, kw_only=True)
class Clip:
    """The frames of one clip that the judges look at: planar 4:2:0 uint8 [h * 3 / 2, w], by their numbers."""

    frames: Mapping[int, Bytes]
    total: int
    seconds: float

    def evenly(self) -> list[Bytes]:
        """The sixteen frames of the judge view."""
        return [self.frames[number] for number in view_numbers(self.total)]

    def for_tracking(self) -> list[Bytes]:
        """The frames that the tracker wants."""
        return [self.frames[number] for number in track_numbers(self.total, self.seconds)]

    def bursts(self) -> list[list[Bytes]]:
        """The luma [h, w] of the bursts that are measured."""
        return [[_luma(self.frames[number]) for number in burst] for burst in burst_numbers(self.total)]


def view_numbers(total: int) -> list[int]:
    """The frame numbers of the judge view."""
    return [round(i) for i in np.linspace(0, total - 1, VIEW_FRAMES)]


def wanted_numbers(total: int, seconds: float) -> set[int]:
    """Every frame number that any judge wants."""
    bursts = {number for burst in burst_numbers(total) for number in burst}
    return bursts | set(view_numbers(total)) | set(track_numbers(total, seconds))


def whole_clip(frames: Sequence[Bytes], *, fps: float = FPS) -> Clip:
    """A clip of which every frame is at hand."""
    return Clip(frames=dict(enumerate(frames)), total=len(frames), seconds=len(frames) / fps)


def generated(generator: Generator, shot: Shot, *, seed: int, row: ModeRow) -> Clip:
    """What a pack draws, as the board would draw it; only the frames that are judged are kept."""
    plan = Plan(shots=(shot,), caption="", coverage=1.0)
    total = generator.count(plan)
    wanted = wanted_numbers(total, shot.seconds)
    stream = enumerate(generator.frames(plan, row=row, seed=seed, stop=Stop()))
    return Clip(frames={n: frame for n, frame in stream if n in wanted}, total=total, seconds=shot.seconds)


def rendered(shot: Shot, *, seed: int, canvas: Canvas | None = None, numbers: set[int] | None = None) -> Clip:
    """The renderer's clip of the same shot and seed, at a canvas's output size or 432x240.

    Slots that the shot's pack does not have are as usual.
    """
    usual = {name: slot.default for name, slot in load_vocabulary().items()}
    scene = make_scene(usual | shot.slots, seed=seed, seconds=shot.seconds)
    total = scene.layout.frames
    wanted = sorted(wanted_numbers(total, shot.seconds) if numbers is None else numbers)
    height, width = (canvas.out_height, canvas.out_width) if canvas else (240, 432)
    pictures = render(scene, wanted, height=height)
    frames = {n: to_i420(_middle(picture, width)) for n, picture in zip(wanted, pictures, strict=True)}
    return Clip(frames=frames, total=total, seconds=shot.seconds)


def layout_of(shot: Shot, *, seed: int) -> Layout:
    """Where pack and renderer were told to put things."""
    return make_layout(shot, seed=seed, frames=round(shot.seconds * FPS))


def subject_mask(layout: Layout, frame: int, *, height: int, width: int) -> NDArray[np.bool_]:
    """True [height, width] near a subject. A narrower picture than the canvas shows its middle."""
    mask = np.zeros((height, width), np.uint8)
    left = (ASPECT * height - width) / 2
    for track in layout.tracks:
        centre = round(float(track.x[frame]) * height - left), round(float(track.y[frame]) * height)
        cv2.circle(mask, centre, round(NEAR_SUBJECT * float(track.radius[frame]) * height), 1, -1)
    return mask.astype(bool)


@contextmanager
def open_pack(folder: Path, *, threads: int) -> Iterator[Generator]:
    """A video pack in any folder, opened. Raises ModelError when it is none."""
    manifest = cast("VideoManifest", load_manifest(folder))
    with open_generator(Pack(folder, manifest), threads=threads) as generator:
        yield generator


def direct_row(steps: int | None) -> ModeRow:
    """The board's direct mode, with another number of steps if one is given."""
    return Mode.DIRECT.row if steps is None else replace(Mode.DIRECT.row, steps=steps)


def _luma(i420: Bytes) -> Bytes:
    return i420[: i420.shape[0] * 2 // 3]


def _middle(picture: Bytes, width: int) -> Bytes:
    left = (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[:, left : left + width])
