"""What clips of 2 to 60 seconds take, and those of each mode: time and memory, each clip in a process of its own."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.child import call
from bench.figures import take_turns
from bench.store import Row
from edge.mode import Mode
from edge.models import models_of
from edge.pipeline import Finished, run
from edge.request import make_request
from edge.settings import load_settings
from edge.stop import Stop

LENGTHS = (2, 4, 15, 60)
PEAKS = {"pss_mib": "peak PSS", "anonymous_mib": "peak anonymous"}


def lengths(*, quick: bool) -> list[Row]:
    """In turns; `draws` is from the request to the clip on the disk, `decodes` the frames alone."""
    lengths = LENGTHS[:3] if quick else LENGTHS
    cells: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        call("bench.clips:make", {"seconds": 2, "folder": folder}).check()  # networks are prepared once
        for _, seconds in take_turns(1 if quick else 4, lengths):
            ended = call("bench.clips:make", {"seconds": seconds, "folder": folder}, timeout_s=600)
            told = ended.check()
            way = f"{seconds} s clip"
            cells[way, "draws", "s"].append(told["seconds"])
            cells[way, "of that denoises", "s"].append(told["timings_s"]["denoise"])
            cells[way, "of that decodes", "s"].append(told["timings_s"]["decode"])
            cells[way, "of that encodes", "s"].append(told["timings_s"]["encode"])
            for key, column in PEAKS.items():
                cells[way, column, "MiB"].append(ended.peak[key])
            cells[way, "file", "MB"].append(told["bytes"] / 1e6)
    return [Row(way=way, column=column, unit=unit, values=values) for (way, column, unit), values in cells.items()]


def ladder(*, quick: bool) -> list[Row]:
    """Each mode with its own length, from the request to the clip: `time_ratio` of edge/mode.py."""
    modes = [mode.value for mode in Mode if mode is not Mode.PAUSED]
    cells: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for mode in modes[:2]:  # prompts are saved and networks prepared, as after a board's first jobs
            call("bench.clips:make", {"seconds": None, "folder": folder, "mode": mode}, timeout_s=600).check()
        for _, mode in take_turns(1 if quick else 4, modes):
            ended = call("bench.clips:make", {"seconds": None, "folder": folder, "mode": mode}, timeout_s=600)
            cells[mode, "request to clip"].append(ended.check()["seconds"])
    return [Row(way=mode, column=column, unit="s", values=values) for (mode, column), values in cells.items()]


def make(seconds: float | None, folder: str, mode: str = "direct") -> dict[str, Any]:
    """One clip."""
    models = replace(
        models_of(load_settings(None, overrides=["engine.small_board=yes"], env=os.environ)),
        cache=Path(folder) / "cache",
    )
    request = make_request("a red balloon rises over snowy mountains", seed=1, seconds=seconds)
    began = time.perf_counter()
    events = run(request, mode=Mode(mode), reason="", models=models, out=Path(folder) / "clip.mp4", poster=None,
                 stop=Stop())  # fmt: skip
    result = next(event.result for event in events if isinstance(event, Finished))
    assert result.clip
    return {"seconds": time.perf_counter() - began, "timings_s": result.timings_s, "bytes": result.clip.bytes}
