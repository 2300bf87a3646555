"""Where the subjects of a clip are in its frames, for whoever wants to look at them alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot
from edge.video.chain import goes_on
from edge.video.group import extent_of
from edge.video.layout import ASPECT, Layout
from edge.video.loop import overlap
from edge.video.motions import TRAVEL_X, TRAVEL_Y

Doubles = NDArray[np.float64]


def takes(shots: Iterable[tuple[Shot, Layout]], *, aspect: float, frames: int, loop: bool) -> list[Doubles]:
    """For every stretch without a cut where the subjects are in its frames: float64 [frames, 4].

    The columns are left, top, right and bottom in shares of a frame of this `aspect`, which is the middle of the canvas.
    `shots` are as they are drawn, `frames` those of the whole clip. What travels through the frame of a loop may be
    anywhere on its way: it counts as being everywhere.
    """
    stretches: list[list[Doubles]] = []
    before: Shot | None = None
    for shot, layout in shots:
        if before is None or not goes_on(before, shot) or _comes_again(stretches, frames):
            stretches.append([])
        box = _box(layout, aspect=aspect)
        if loop and shot.path is None and len(layout.ambient) > frames:
            for motions, columns in ((TRAVEL_X, (0, 2)), (TRAVEL_Y, (1, 3))):
                if shot.slots["motion"] in motions:
                    box[:, columns] = 0, 1
        stretches[-1].append(box)
        before = shot
    found = [np.concatenate(stretch) for stretch in stretches]
    return _turned(found, frames=frames) if loop else found


def _comes_again(stretches: Sequence[Sequence[Doubles]], frames: int) -> bool:
    return sum(len(box) for stretch in stretches for box in stretch) == frames


def _turned(stretches: list[Doubles], *, frames: int) -> list[Doubles]:
    """The frames in the order in which a loop shows them: the first `overlap` of them come last."""
    over = overlap(frames)
    first, rest = stretches[0][over:], stretches[1:]
    return [first, *rest[:-1], rest[-1][:over]] if rest else [first[:frames]]


def _box(layout: Layout, *, aspect: float) -> Doubles:
    """Around all subjects of a layout: [frames, 4]."""
    sides = []
    for track in layout.tracks:
        extent = extent_of([track.subject])
        x, y, radius = (values.astype(np.float64) for values in (track.x, track.y, track.radius))
        x = (x - (ASPECT - aspect) / 2) / aspect
        side = extent.side * radius / aspect
        sides.append(np.stack([x - side, y - extent.above * radius, x + side, y + extent.below * radius], axis=1))
    left, top, right, bottom = np.moveaxis(np.stack(sides), -1, 0)
    return np.stack([left.min(axis=0), top.min(axis=0), right.max(axis=0), bottom.max(axis=0)], axis=1)
