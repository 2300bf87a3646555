"""A clip that is no larger than so many bytes: the same pictures again, as coarse as they have to be and no coarser.

Why: frames come once and are far too large to be kept, and drawing them again takes minutes. So they pass into a
second file of nearly no loss beside the first one, and only when the first one is too large are they read back from there.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from math import log2
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from edge.encode import X264, FileWriter, write_frames
from edge.errors import RequestError
from edge.extras import in_units
from edge.stop import Stop

Frame = NDArray[np.uint8]

USUAL_CRF, FINEST_CRF, COARSEST_CRF = float(X264["crf"]), 17.0, 51.0
SOURCE = {**X264, "crf": "6"}
# More pictures for the bytes, with 20 frames held in memory. x264's quick arithmetic for its lookahead gave, beside a
# decoder, one of five files of 18.7 to 18.8 kB for the same frames (40 % were not the commonest); made exact, always one.
AGAIN = {**X264, "preset": "fast", "rc-lookahead": "20", "x264-params": "cpu-independent=1"}
SAVED = 0.75  # of the bytes are left with it at the same CRF, about
FULL = 0.93  # of the bound: nearer than this is near enough
NEAREST = 0.5  # CRF
CRF_TO_HALF = 6.0  # x264: about so many more make half the bytes
MAX_ROUNDS = 8

Try = tuple[float, int]  # CRF and bytes


class FitBytes:
    """Writes files of at most `limit` bytes, in the place of `write_frames`; `crf` and `rounds` tell how in the end."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.crf = USUAL_CRF
        self.rounds = 1

    def __call__(
        self, frames: Iterator[Frame], part: Path, *, fps: int, stop: Stop, poster_frame: int
    ) -> Generator[int, None, tuple[int, Frame]]:
        """As `write_frames`. Raises RequestError that says how small it got when that is not small enough."""
        source, again = (part.with_name(part.name + kind) for kind in (".source", ".again"))
        try:
            with FileWriter(source, fps=fps, options=SOURCE) as copy:
                count, kept = yield from write_frames(
                    map(copy.write, frames), part, fps=fps, stop=stop, poster_frame=poster_frame
                )
            first = part.stat().st_size
            tried: list[Try] = []
            while (crf := next_crf(tried, first=first, limit=self.limit)) is not None:
                options = {**AGAIN, "crf": f"{crf:.2f}"}
                yield from write_frames(_read(source), again, fps=fps, stop=stop, poster_frame=0, options=options)
                tried.append((crf, again.stat().st_size))
                if _best(tried, limit=self.limit) == tried[-1]:
                    again.replace(part)
        finally:
            for path in (source, again):
                path.unlink(missing_ok=True)
        self.rounds = 1 + len(tried)
        self.crf, size = _best(tried, limit=self.limit) if tried else (USUAL_CRF, first)
        if size > self.limit:
            raise RequestError(
                f"{count} frames of {kept.shape[1]}x{kept.shape[0] * 2 // 3} do not fit into {in_units(self.limit)}: the "
                f"smallest that was reached is {in_units(size)}.",
                hint="Allow more bytes, or ask for fewer --seconds, a lower --fps or a --crop.",
            )
        return count, kept


def next_crf(tried: list[Try], *, first: int, limit: int) -> float | None:
    """The CRF to try next, or None when the best was found or nothing helps; `first` are the bytes of the usual file."""
    fitting = [one for one in tried if one[1] <= limit]
    over = [one for one in tried if one[1] > limit]
    if first <= limit or (over and max(over)[0] >= COARSEST_CRF):
        return None
    finest, room = min(fitting, default=(COARSEST_CRF, 0))
    coarsest, large = max(over, default=(FINEST_CRF, 0))
    last = len(tried) >= MAX_ROUNDS
    if fitting and (last or room >= FULL * limit or finest - coarsest <= NEAREST):
        return None
    if last:
        return COARSEST_CRF
    near = (finest, room) if fitting else (coarsest, large) if over else (USUAL_CRF, int(SAVED * first))
    slope = (finest - coarsest) / log2(large / room) if fitting and over and room < large else CRF_TO_HALF
    wanted = near[0] + slope * log2(near[1] / (0.5 * (1 + FULL) * limit))
    low = coarsest + NEAREST / 2 if over else FINEST_CRF
    return min(max(wanted, low), finest - NEAREST / 2 if fitting else COARSEST_CRF)


def _best(tried: list[Try], *, limit: int) -> Try:
    """The finest that fits, else the smallest."""
    return min(tried, key=lambda one: (one[1] > limit, one[0] if one[1] <= limit else one[1]))


def _read(source: Path) -> Iterator[Frame]:
    with av.open(os.fspath(source)) as container:
        for picture in container.decode(video=0):
            yield np.asarray(picture.to_ndarray(format="yuv420p"), np.uint8)
