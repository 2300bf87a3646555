"""Plan -> layout: where everything is in every frame, drawn by rule from the shot's slots and a seed.

Units: the canvas is 1 high and `ASPECT` wide, y grows downwards, angles are radians clockwise, times are frames.
The renderer that the generator learnt from moves things by these same tracks, so motion is right by construction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot
from edge.video.group import ZOOM_RANGE
from edge.video.loop import Loop
from edge.video.motions import ASPECT, FPS, Time
from edge.video.particles import make_particles
from edge.video.seam import join_camera, last_steps
from edge.video.tracks import Track, facing, make_tracks

__all__ = ["ASPECT", "FPS", "Layout", "Link", "Span", "Track", "faced", "make_layout"]

Array = NDArray[np.float32]

PAN_PER_SECOND = 0.10
PAN_LIMIT = 0.4
OFFSET_RANGE = 0.3


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Everything that moves in one shot.

    `camera` is [frames, 2]: shift over the scenery in canvas heights, and zoom factor. `particles` is [frames, P, 3]:
    x, y, and strength 0..1, where P depends on the kind. `ambient` is [frames]: the phase of slow things such as
    waves and light rays.
    """

    tracks: tuple[Track, ...]
    camera: Array
    particles: Array
    ambient: Array

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.ambient.shape[0])


@dataclass(frozen=True, kw_only=True)
class Span:
    """The stretch over which one movement goes on, in frames: how many of it came before this shot, and all of it."""

    before: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Link:
    """How a shot hangs on its neighbours: the layout that it goes on from, and over how long its movements stretch."""

    before: Layout | None
    motion: Span
    camera: Span


def make_layout(
    shot: Shot, *, seed: int, frames: int, start_frame: int = 0, link: Link | None = None, loop: Loop | None = None
) -> Layout:
    """Draw the layout of one shot.

    Beside the slots of the pack, `second` and `second_colour` may name one more subject: it stands beside the others
    and moves by the same law. `start_frame` is the number of frames that earlier shots of a chain have shown, so that
    animation and particles go on where they were; with a `link` (edge.video.chain makes them) tracks and camera do so
    too. A path of the shot takes the place of the motion's own. Positions stay inside the canvas for any `frames`.

    In a `loop` the movements come round in the span of the link's motion, from frame 0, however long the layout is; what
    goes somewhere leaves the canvas on one side and comes in on the other.
    """
    slots = shot.slots
    alone = Span(before=0, total=frames)
    link = link or Link(before=None, motion=alone, camera=alone)
    time = _time(frames, start_frame=start_frame, span=link.motion, loop=loop)
    move = _camera(slots["camera"], _time(frames, start_frame=start_frame, span=link.camera, loop=loop))
    rng = np.random.default_rng([seed, 0x1A])
    ambient = (2 * np.pi * (time.turns(0.25) + rng.uniform())).astype(np.float32)
    offset = np.array([rng.uniform(-OFFSET_RANGE, OFFSET_RANGE), 0], np.float32)  # another part of the scenery
    before = link.before.tracks if link.before else ()
    return Layout(
        tracks=make_tracks(slots, seed=seed, time=time, camera=move, path=shot.path, before=before),
        camera=_joined(move + offset, offset, link.before),
        particles=make_particles(
            slots["particles"], time.clock, width=ASPECT, rng=rng, period=time.duration if loop else None
        ),
        ambient=ambient,
    )


def faced(layout: Layout, subjects: Collection[str]) -> Layout:
    """The same layout with these subjects facing where they go."""
    tracks = (
        replace(track, flip=facing(track.x, 1.0)) if track.subject in subjects else track for track in layout.tracks
    )
    return replace(layout, tracks=tuple(tracks))


def _time(frames: int, *, start_frame: int, span: Span, loop: Loop | None) -> Time:
    """The frames of a shot within the stretch over which a movement goes on."""
    seconds = (np.arange(frames, dtype=np.float64) + 0.5) / FPS
    clock = seconds + start_frame / FPS
    if loop:
        return Time(seconds=clock, clock=clock, duration=span.total / FPS, loop=loop)
    return Time(seconds=seconds + span.before / FPS, clock=clock, duration=span.total / FPS)


def _joined(camera: Array, offset: Array, before: Layout | None) -> Array:
    """The camera as it goes on from the shot before."""
    if before is None:
        return camera
    ends = last_steps(before.camera[:, 0], before.camera[:, 1])
    low = np.array([offset[0] - PAN_LIMIT / 2, 1.0])
    high = np.array([offset[0] + PAN_LIMIT / 2, ZOOM_RANGE])
    return join_camera(camera, ends, low=low, high=high).astype(np.float32)


def _camera(kind: str, time: Time) -> Array:
    shift = np.zeros_like(time.seconds)
    zoom = np.ones_like(time.seconds)
    travel = min(PAN_PER_SECOND * time.duration / (2 if time.loop else 1), PAN_LIMIT)
    match kind:
        case "pan_left":
            shift = -travel * time.share
        case "pan_right":
            shift = travel * time.share
        case "zoom_in":
            zoom = ZOOM_RANGE ** (time.share + 0.5)
        case "zoom_out":
            zoom = ZOOM_RANGE ** (0.5 - time.share)
    return np.stack([shift, zoom], axis=1).astype(np.float32)
