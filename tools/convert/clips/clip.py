"""A captioned clip, and what every source of clips can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import FPS, Track


class ClipError(Exception):
    """Clips cannot be read or written: what, where, what to do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A clip and what is known of it.

    `video` is planar 4:2:0, uint8 [frames, height * 3 / 2, width], at 24 frames per second, BT.601 limited range.
    `stated` are the slots that the caption says; `slots` all slots of the scene, empty where nobody knows them; `seed` the scene's, so that it can be made again. `tracks` has one entry for
    each subject that is known, each of whose arrays is [frames]; `camera` is float32 [frames, 2]: shift and zoom.
    """

    video: NDArray[np.uint8]
    caption: str
    language: str
    origin: str
    stated: dict[str, str] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    tracks: tuple[Track, ...] = ()
    camera: NDArray[np.float32] | None = None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.video)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / FPS


class ClipSource(Protocol):
    """A numbered set of clips; the same number is always the same clip. Sources can be pickled for other processes."""

    def __len__(self) -> int:
        """How many clips there are."""
        ...

    def clip(self, number: int) -> Clip:
        """Clip `number`, 0 to len - 1. Raises ClipError when it cannot be read."""
        ...


def each(source: ClipSource, *, part: int = 0, parts: int = 1) -> Iterator[Clip]:
    """Every clip of a source in order, or this part's share of them."""
    for number in range(part, len(source), parts):
        yield source.clip(number)
