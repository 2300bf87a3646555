"""Percentiles over the runs of a board: how long each phase takes and what it holds in memory, by mode."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from edge.mode import Mode
from edge.runlog import RunRow

SHARES = (0.5, 0.9, 0.99)
FIGURES = (
    "expand_s", "load_s", "denoise_s", "decode_s", "encode_s", "cpu_s", "peak_pss_mib", "peak_anonymous_mib",
    "peak_locked_mib", "major_faults", "tokens_per_s", "ms_per_step",
)  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not pass (nearest rank); `values` is not empty."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def summary(runs: Sequence[RunRow]) -> list[dict[str, Any]]:
    """For each mode that was run, and each figure: the count, the percentiles of SHARES, and the largest.

    Seconds are of the runs that were done; `ended` says how all of them ended.
    """
    return [_of_mode(mode, [run for run in runs if run.mode is mode]) for mode in Mode
            if any(run.mode is mode for run in runs)]  # fmt: skip


def _of_mode(mode: Mode, runs: Sequence[RunRow]) -> dict[str, Any]:
    done = [run for run in runs if run.ended == "done"]
    columns = {"seconds": [run.seconds for run in done]}
    columns |= {name: [run.figures[name] for run in done if name in run.figures] for name in FIGURES}
    ends = sorted({run.ended for run in runs})
    return {
        "mode": mode.value,
        "ended": {end: sum(run.ended == end for run in runs) for end in ends},
        "figures": {name: _percentiles(values) for name, values in columns.items() if values},
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    named = {f"p{share * 100:g}": round(percentile(values, share), 2) for share in SHARES}
    return {"runs": len(values), **named, "max": round(max(values), 2)}
