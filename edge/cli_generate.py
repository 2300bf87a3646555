"""`edgereel generate` and `edgereel plan`: the pipeline in this process, with no broker and no daemon."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from edge.bulk import slug
from edge.cli_make import make, mode_of, stop_on_signals
from edge.cli_settings import extras_of, request_of, settings_of
from edge.diffusers_manifest import DiffusersManifest
from edge.errors import Cancelled, RequestError
from edge.models import models_of
from edge.pipeline import expand, seed_of
from edge.plan import Plan
from edge.show import print_json, print_plan, print_result
from edge.video.opening import check_can_draw
from edge.whole_file import check_writable, whole_file


def generate(args: argparse.Namespace) -> int:
    """Make one clip; returns the exit code. A signal ends the job at its next step and leaves no half file."""
    if args.prompt is None:
        raise RequestError("There is no prompt.", hint="Say what to show, or name a file of prompts: -f prompts.txt.")
    request, extras, settings = request_of(args), extras_of(args), settings_of(args)
    models = models_of(settings)
    out = Path(args.out).expanduser() if args.out else free_name(request.prompt, folder=Path())
    poster = Path(args.poster).expanduser() if args.poster else None
    with stop_on_signals() as (stop, signals):
        try:
            result = make(request, settings=settings, models=models, out=out, poster=poster, stop=stop, extras=extras)
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
    request, settings = request_of(args), settings_of(args)
    models = models_of(settings)
    mode, reason = mode_of(request, settings, models)
    drawing = Path(args.draw).expanduser() if args.draw else None
    check_can_draw(request, models.video.manifest)
    if drawing and isinstance(models.video.manifest, DiffusersManifest):
        raise RequestError(f"The pack {models.video.name} plans nothing that could be drawn.", hint="Leave out --draw.")
    if drawing:
        check_writable(drawing)
    seed = request.seed if request.seed is not None else seed_of(request)
    started = time.monotonic()
    with stop_on_signals() as (stop, signals):
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
    stem = slug(prompt)
    names = (folder / (f"{stem}.mp4" if number == 1 else f"{stem}-{number}.mp4") for number in range(1, 10_000))
    return next((name for name in names if not name.exists()), folder / f"{stem}.mp4")
