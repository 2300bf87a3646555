"""Does a part in INT8, run as a board runs it, say what it said in torch? Signal to noise of its answers, in dB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import ModelError
from edge.part import Part
from edge.video.session import open_session
from tools.convert.diffusion.sample import Array
from tools.convert.parity import sqnr

BAR_DB = 30.0


@dataclass(frozen=True, kw_only=True)
class Parity:
    """PSNR (the range of torch's answers against the error), mean and worst, and the signal's own power against it."""

    psnr_db: float
    worst_psnr_db: float
    sqnr_db: float
    answers: int


def compare(
    path: Path, part: Part, *, feeds: Sequence[dict[str, Array]], wanted: Sequence[Array], threads: int
) -> Parity:  # fmt: skip
    """Run a part on the same inputs as torch."""
    session, _ = open_session(path, part, threads=threads, arena=False)
    span = max(float(np.ptp(one)) for one in wanted)
    made = [np.asarray(session.run(None, dict(feed))[0], np.float64) for feed in feeds]
    errors = [float(np.mean((ours - theirs) ** 2)) for ours, theirs in zip(made, wanted, strict=True)]
    ratios = [10 * float(np.log10(span**2 / max(error, 1e-20))) for error in errors]
    return Parity(
        psnr_db=10 * float(np.log10(span**2 / max(float(np.mean(errors)), 1e-20))), worst_psnr_db=min(ratios),
        sqnr_db=sqnr(np.concatenate([one.ravel() for one in wanted]), np.concatenate([one.ravel() for one in made])),
        answers=len(made),
    )  # fmt: skip


def check(parity: Parity, *, part: str) -> None:
    """Raise ModelError for a part that is not itself any more."""
    if not parity.psnr_db >= BAR_DB:
        raise ModelError(
            f"The part {part} does not say what it said in torch: PSNR {parity.psnr_db:.1f} dB over "
            f"{parity.answers} answers; {BAR_DB:g} dB are the least. No pack was made.",
            hint="More calibration may help: --calibrate 8. Some models do not bear INT8.",
        )
