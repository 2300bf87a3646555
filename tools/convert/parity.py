"""How close two versions of the same network are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from tools.convert.quantize import Feed


def parity(reference: Path, candidate: Path, feeds: list[Feed]) -> dict[str, float]:
    """Signal to noise in dB of the first output of two ONNX files, worst and mean over the feeds."""
    one, two = ort.InferenceSession(str(reference)), ort.InferenceSession(str(candidate))
    ratios = [sqnr(one.run(None, feed)[0], two.run(None, feed)[0]) for feed in feeds]
    return {"sqnr_db_mean": float(np.mean(ratios)), "sqnr_db_worst": float(np.min(ratios))}


def sqnr(reference: NDArray[Any], candidate: NDArray[Any]) -> float:
    """Signal to noise ratio of one array against another, in dB."""
    truth = reference.astype(np.float64)
    noise = np.mean((truth - candidate.astype(np.float64)) ** 2) + 1e-12
    return float(10 * np.log10(np.mean(truth**2) / noise))
