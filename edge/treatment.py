"""What is done to the frames on their way from the generator into the file: window, rate, mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.clip import Clip
from edge.crop import cropped, ways, window_size
from edge.encode import Writer
from edge.extras import Extras
from edge.fit_bytes import FitBytes
from edge.mode import FPS
from edge.preview import write_preview
from edge.resample import resampled, resampled_count
from edge.video.loop import Loop
from edge.watermark import Watermark

Frame = NDArray[np.uint8]


class Treatment:
    """The extras of one clip whose frames are drawn `width` x `height`.

    Opened before any work is spent: raises RequestError for a watermark that cannot be drawn.
    """

    def __init__(self, extras: Extras, *, width: int, height: int) -> None:
        self._extras = extras
        self._mark = Watermark(extras.watermark) if extras.watermark is not None else None
        self._frame = width, height
        self._window = window_size(extras.crop, width=width, height=height) if extras.crop else self._frame
        self._fit = FitBytes(extras.max_bytes) if extras.max_bytes is not None else None

    @property
    def fps(self) -> int:
        """The rate of the clip."""
        return self._extras.fps or FPS

    @property
    def loop(self) -> Loop | None:
        """The loop that the generator shall draw."""
        (width, height), (whole_width, whole_height) = self._window, self._frame
        return Loop(width=width / whole_width, height=height / whole_height) if self._extras.loop else None

    @property
    def write(self) -> Writer | None:
        """What writes the file, where `edge.encode` shall not do it alone."""
        return self._fit

    def count(self, drawn: int) -> int:
        """How many frames become of that many."""
        return resampled_count(drawn, drawn_fps=FPS, fps=self.fps)

    def of(self, frames: Iterator[Frame], takes: Callable[[], Sequence[NDArray[np.float64]]]) -> Iterator[Frame]:
        """The frames as the clip shows them; `takes` tells where the subjects are, as `edge.crop.ways` wants it."""
        if self._extras.crop:
            places = ways(takes(), size=self._window, frame=self._frame, loop=self._extras.loop)
            frames = cropped(frames, places, size=self._window)
        if self._extras.fps:
            frames = resampled(frames, drawn_fps=FPS, fps=self.fps)
        if self._mark:
            frames = map(self._mark.on, frames)
        return frames

    def finish(self, clip: Clip) -> dict[str, object]:
        """Make what is made of the finished clip; returns what was done to it, for the result. Raises OutputError."""
        extras = self._extras
        told: dict[str, object] = {
            **({"crop": f"{extras.crop[0]}:{extras.crop[1]}"} if extras.crop else {}),
            **({"loop": True} if extras.loop else {}),
            **({"drawn_fps": FPS} if extras.fps else {}),
            **({"watermark": extras.watermark} if extras.watermark else {}),
        }
        if self._fit:
            told |= {"max_bytes": self._fit.limit, "crf": round(self._fit.crf, 2), "rounds": self._fit.rounds}
        if extras.preview:
            told["preview"] = write_preview(clip, extras.preview)
        return told
