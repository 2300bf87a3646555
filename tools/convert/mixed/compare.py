"""How far the answers of a network are from those that it gave in fp32, and from what they cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import EngineError, ModelError
from edge.part import Part
from edge.video.session import open_session
from tools.convert.parity import sqnr
from tools.convert.quantize import Feed

LEAST_ERROR = 1e-20
EXACT_DB, ROUNDED_DB = 80.0, 15.0  # a twin against its source: of one in fp32, and of one that had been rounded
Answers = list[dict[str, NDArray[Any]]]


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Mean squared error in shares of the range of every output, and the same as PSNR; the signal's power against it."""

    error: float
    psnr_db: float
    worst_psnr_db: float
    sqnr_db: float


def answers(path: Path, part: Part, feeds: Sequence[Feed], *, threads: int) -> Answers:
    """What a network says, run as a board runs it."""
    session, _ = open_session(path, part, threads=threads)
    names = list(part.outputs)
    return [dict(zip(names, session.run(names, dict(feed)), strict=True)) for feed in feeds]


def likeness(made: Answers, wanted: Answers) -> Likeness:
    """Every output counts alike, whatever its range; one that never changes does not count."""
    spans = {name: max(float(np.ptp(one[name])) for one in wanted) for name in wanted[0]}
    names = [name for name, span in spans.items() if span > 0]
    errors = [
        float(np.mean([_squared(ours[name], theirs[name]) / spans[name] ** 2 for name in names]))
        for ours, theirs in zip(made, wanted, strict=True)
    ]
    ratios = [
        sqnr(np.stack([one[name] for one in wanted]), np.stack([one[name] for one in made])) for name in names
    ]  # fmt: skip
    error = float(np.mean(errors))
    return Likeness(
        error=error, psnr_db=psnr(error), worst_psnr_db=psnr(max(errors)), sqnr_db=float(np.mean(ratios))
    )  # fmt: skip


def check_twin(part: str, psnr_db: float, *, exact: bool) -> None:
    """Raise ModelError where a network in fp32 is not that of the source any more."""
    least = EXACT_DB if exact else ROUNDED_DB
    if psnr_db < least:
        raise ModelError(
            f"The part {part} in fp32 does not say what it says as it is: PSNR {psnr_db:.1f} dB, {least:g} dB are the least. "
            "No pack was made.",
            hint="It holds something that is not undone here. Take it as it was before it was stored so.",
        )


def psnr(error: float) -> float:
    """In dB, of a mean squared error in shares of the range."""
    return -10 * float(np.log10(max(error, LEAST_ERROR)))


def error_of(psnr_db: float) -> float:
    """The other way round."""
    return float(10 ** (-psnr_db / 10))


def cost(path: Path, part: Part, feeds: Path, *, arena: bool, cache: Path | None) -> Mapping[str, float]:
    """Seconds of processor for a run and MiB of anonymous memory, in a process of its own. Raises EngineError."""
    given = [str(path), msgspec.json.encode(part).decode(), str(feeds), str(int(arena)), str(cache or "")]
    command = [sys.executable, "-m", "tools.convert.mixed.cost", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    if done.returncode:
        raise EngineError(
            f"{path.name} cannot be run as a board does: {done.stderr.strip().splitlines()[-1:]}.",
            hint="Is enough memory free?",
        )
    return dict(json.loads(done.stdout))


def _squared(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    return float(np.mean((ours.astype(np.float64) - theirs.astype(np.float64)) ** 2))
