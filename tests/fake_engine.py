"""The real engine process with a small pipeline whose behaviour the prompt asks for; run as `fake_engine.py FD`.

Words in the prompt: `slow` takes a second, `long` a minute, `deaf` ignores every request to stop, `raise` is a bug,
`refuse` an error of edgereel, `full` a disk without room, `die` kills the process above the mode `lite`, `alwaysdie` in every mode.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.clip import Clip
from edge.engine import main
from edge.errors import ModelError, OutputError
from edge.mode import Mode
from edge.pipeline import Finished, Progress
from edge.plan import Plan, Shot
from edge.request import Request
from edge.result import ModeChoice, Result
from edge.settings import Settings
from edge.stop import Stop


def pipeline(
    request: Request,
    *,
    mode: Mode,
    reason: str,
    models: Any,
    out: Path,
    poster: Path | None,
    stop: Stop,
    watch: Any = None,
    planned: Any = None,
) -> Iterator[Progress | Finished]:
    yield Progress("expand", 0.0)
    words = request.prompt.split()
    if "raise" in words:
        raise ZeroDivisionError("a bug")
    if "refuse" in words:
        raise ModelError("The pack is gone.", hint="Fetch it again.")
    if "full" in words:
        raise OutputError("Cannot write the clip: No space left on device.", code="disk_full")
    if "alwaysdie" in words or ("die" in words and mode.rank < Mode.LITE.rank):
        os.kill(os.getpid(), signal.SIGKILL)
    steps = 20 if "slow" in words else 1200 if "long" in words else 1
    for number in range(steps):
        if "deaf" not in words:
            stop.check()
        time.sleep(0.05)
        yield Progress("denoise", number / steps)
    out.write_text(request.prompt)
    sha256 = hashlib.sha256(out.read_bytes()).hexdigest()
    clip = Clip(path=str(out), width=848, height=480, fps=24, frames=48, seconds=2.0, codec="h264",
                bytes=out.stat().st_size, sha256=sha256, poster=str(poster))  # fmt: skip
    plan = Plan(
        shots=(Shot(slots={"subject": "fish"}, seconds=2.0),), caption="a fish", coverage=1.0, reasoning="r" * 100_000
    )
    choice = ModeChoice(requested=request.mode, effective=mode, reason=reason)
    yield Finished(Result(state="done", mode=choice, plan=plan, clip=clip, seed=1, timings_s={"total": 1.0}, memory={}))


def no_models(_: Settings) -> Any:
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv, pipeline=pipeline, models=no_models))
