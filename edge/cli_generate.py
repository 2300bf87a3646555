"""`edgereel generate` and `edgereel plan`: the pipeline in this process, with no broker and no daemon."""

from __future__ import annotations

import argparse
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from edge.cli_settings import request_of, settings_of
from edge.errors import Cancelled, EngineError, ResourceError
from edge.memory import held_mib
from edge.mode import Mode, lower_of
from edge.models import Models, choose_mode, fitting_mode, free_mib, models_of
from edge.pipeline import Finished, Progress, expand, run, seed_of
from edge.plan import Plan
from edge.request import Request
from edge.result import Result
from edge.show import Reporter, print_json, print_plan, print_result, progress
from edge.stop import Stop
from edge.whole_file import check_writable, whole_file

SLUG_CHARS = 40


def generate(args: argparse.Namespace) -> int:
    """Make one clip; returns the exit code. A signal ends the job at its next step and leaves no half file."""
    request, mode, reason, models = _prepare(args)
    out = Path(args.out).expanduser() if args.out else free_name(request.prompt, folder=Path())
    poster = Path(args.poster).expanduser() if args.poster else None
    with _stop_on_signals() as (stop, signals):
        try:
            with progress("edgereel") as report:
                events = run(
                    request, mode=mode, reason=reason, models=models, out=out, poster=poster, stop=stop,
                    watch=lambda event: report(event.phase, event.fraction),
                )  # fmt: skip
                result = _last(events, report)
        except Cancelled:
            if signals:
                return 128 + signals[0]
            raise
    if args.json:
        print_json(result.to_json())
    else:
        print_result(result)
    return 0


def plan(args: argparse.Namespace) -> int:
    """Show how a prompt is understood; returns the exit code."""
    request, mode, reason, models = _prepare(args)
    drawing = Path(args.draw).expanduser() if args.draw else None
    if drawing:
        check_writable(drawing)
    seed = request.seed if request.seed is not None else seed_of(request)
    started = time.monotonic()
    with _stop_on_signals() as (stop, signals):
        try:
            made = expand(request, mode=mode, models=models, seed=seed, stop=stop)
        except Cancelled:
            if signals:
                return 128 + signals[0]
            raise
    expand_s = round(time.monotonic() - started, 3)
    if drawing:
        _draw(made, seed=seed, out=drawing)
    if args.json:
        choice = {"requested": request.mode, "effective": mode.value, "reason": reason}
        body = made.to_json()
        print_json({"mode": choice, "plan": body, "caption": made.caption, "coverage": made.coverage, "seed": seed,
                    "timings_s": {"expand": expand_s}}
                   | ({"drawing": str(drawing)} if drawing else {}))  # fmt: skip
        return 0
    print_plan(made)
    if drawing:
        print(f"  drawing  {drawing}")
    return 0


def _draw(made: Plan, *, seed: int, out: Path) -> None:
    from edge.expand.storyboard import caption
    from edge.video.draw_layout import draw_plan

    picture = draw_plan(made.shots, seed=seed, captions=[caption(shot.slots) for shot in made.shots])
    with whole_file(out) as part:
        part.write_bytes(picture)


def free_name(prompt: str, *, folder: Path) -> Path:
    """A file name made from the prompt that no file in `folder` has yet."""
    slug = re.sub(r"[\W_]+", "-", prompt.lower())[:SLUG_CHARS].strip("-") or "clip"
    names = (folder / (f"{slug}.mp4" if number == 1 else f"{slug}-{number}.mp4") for number in range(1, 10_000))
    return next((name for name in names if not name.exists()), folder / f"{slug}.mp4")


def _prepare(args: argparse.Namespace) -> tuple[Request, Mode, str, Models]:
    request, settings = request_of(args), settings_of(args)
    models = models_of(settings)
    asked, reason = choose_mode(request.mode, has_llm=models.llm is not None)
    mode, short = fitting_mode(asked, models, free_mib=free_mib(settings, held_mib=held_mib()))
    if mode.rank > lower_of(request.min_mode, asked).rank:
        raise ResourceError(
            f"There is not enough memory: {short.removeprefix('memory: ')}.",
            hint="End something else, or take less care with --set engine.reserve_mib=0; `edgereel doctor` shows more.",
        )
    return request, mode, short or reason, models


def _last(events: Iterator[Progress | Finished], report: Reporter) -> Result:
    for event in events:
        match event:
            case Progress():
                report(event.phase, event.fraction)
            case Finished():
                return event.result
    raise EngineError("The model run ended without a result.", hint="Report this with the command that you gave.")


@contextmanager
def _stop_on_signals() -> Iterator[tuple[Stop, list[int]]]:
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
