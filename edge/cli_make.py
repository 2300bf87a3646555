"""What `generate` does with one request, also where a whole file of prompts is gone through."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edge.errors import EngineError, ResourceError
from edge.extras import NO_EXTRAS, Extras
from edge.memory import held_mib
from edge.mode import Mode, lower_of
from edge.models import Models, choose_mode, fitting_mode, free_mib
from edge.pipeline import Finished, Progress, run
from edge.request import Request
from edge.result import Result
from edge.settings import Settings
from edge.show import Reporter, progress
from edge.stop import Stop


def mode_of(request: Request, settings: Settings, models: Models) -> tuple[Mode, str]:
    """The mode that this board has memory for, and why it is not what was asked for.

    Raises ResourceError when there is not even enough for the least mode that the request allows.
    """
    asked, reason = choose_mode(request.mode, has_llm=models.llm is not None)
    mode, short = fitting_mode(asked, models, free_mib=free_mib(settings, held_mib=held_mib()))
    if mode.rank > lower_of(request.min_mode, asked).rank:
        raise ResourceError(
            f"There is not enough memory: {short.removeprefix('memory: ')}.",
            hint="End something else, or take less care with --set engine.reserve_mib=0; `edgereel doctor` shows more.",
        )
    return mode, short or reason


def make(
    request: Request, *, settings: Settings, models: Models, out: Path, poster: Path | None, stop: Stop,
    extras: Extras = NO_EXTRAS, title: str = "edgereel",
) -> Result:  # fmt: skip
    """Make one clip and show how far it is. Raises what `mode_of` and `edge.pipeline.run` raise."""
    mode, reason = mode_of(request, settings, models)
    with progress(title) as report:
        events = run(
            request, mode=mode, reason=reason, models=models, out=out, poster=poster, stop=stop, extras=extras,
            watch=lambda event: report(event.phase, event.fraction),
        )  # fmt: skip
        return _last(events, report)


@contextmanager
def stop_on_signals() -> Iterator[tuple[Stop, list[int]]]:
    """A Stop that SIGINT and SIGTERM set; the signals seen are in the list. A second Ctrl-C ends at once."""
    stop, seen = Stop(), list[int]()

    def note(number: int, _frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        stop.request("cancel")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _last(events: Iterator[Progress | Finished], report: Reporter) -> Result:
    for event in events:
        match event:
            case Progress():
                report(event.phase, event.fraction)
            case Finished():
                return event.result
    raise EngineError("The model run ended without a result.", hint="Report this with the command that you gave.")
