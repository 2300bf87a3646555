"""Which way things face that go nowhere to a side: as those of their kind do that go somewhere, or mirrored.

Where a clip shows a side view that only rises or hops, its motion does not say where it faces; its picture does, once the
clips that go to a side have shown what the kind looks like.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import FPS
from edge.video.tracks import CALM
from tools.convert.distil.pictures import Sums, cut_out
from tools.convert.distil.sight import POSE_FRAMES, Sight, smooth, turned

Bytes = NDArray[np.uint8]
TEXELS = 32
LOOKS = 4  # frames of a clip
GOING = 0.3


def mirrored(sights: Sequence[Sight], videos: Sequence[Bytes]) -> list[bool]:
    """For each clip whether its subject faces to the left where its track says to the right."""
    kinds: dict[str, Sums] = {}
    for sight, video in zip(sights, videos, strict=True):
        if goes(sight):
            sums = kinds.setdefault(sight.tracks[0].subject, Sums(TEXELS))
            for number in _numbers(video):
                sums.add(*cut_out(sight, video[number], number, TEXELS), sight.colour)
    known = {name: sums.solved() for name, sums in kinds.items()}
    return [
        not goes(sight)
        and sight.tracks[0].subject in known
        and _is_mirrored(known[sight.tracks[0].subject], sight, video)
        for sight, video in zip(sights, videos, strict=True)
    ]


def goes(sight: Sight) -> bool:
    """Whether its first subject goes to a side for a good part of the time, so that its way says where it faces."""
    speed = np.abs(np.gradient(smooth(sight.tracks[0].x, POSE_FRAMES))) * FPS
    return bool(np.mean(speed >= CALM) > GOING)


def _is_mirrored(kind: NDArray[np.float32], sight: Sight, video: Bytes) -> bool:
    """Whether the picture of its kind explains the clip better the other way round."""
    colour = sight.colour - 0.5
    added = kind[:3] + np.einsum("abij,b->aij", kind[3:12].reshape(3, 3, TEXELS, TEXELS), colour) / Sums.grown
    left = []
    for one in (sight, turned(sight)):
        looks = [cut_out(one, video[number], number, TEXELS) for number in _numbers(video)]
        expected = [np.moveaxis(added, 0, 2) + (1 - kind[12])[..., None] * back for _, back, _ in looks]
        left.append(
            sum(
                float((np.abs(front - wanted).mean(axis=2) * inside).sum())
                for (front, _, inside), wanted in zip(looks, expected, strict=True)
            )
        )
    return left[1] < left[0]


def _numbers(video: Bytes) -> list[int]:
    return [round(number) for number in np.linspace(0, len(video) - 1, LOOKS)]
