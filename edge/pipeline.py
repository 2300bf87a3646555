"""One request, from its prompt to a clip on disk: plan, frames, file. The same for the command line and the daemon."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.clip import Clip
from edge.cpu import bind
from edge.diffusers_manifest import DiffusersManifest
from edge.encode import Frame, encode
from edge.errors import ModelError
from edge.expand import open_expander
from edge.extras import NO_EXTRAS, Extras
from edge.manifest import ModelManifest
from edge.memory import return_what_is_free
from edge.meter import Meter
from edge.mode import Mode
from edge.models import Models, needs_of
from edge.packs import check_trusted, verified_file
from edge.photo import open_photo
from edge.plan import Plan
from edge.request import MAX_SEED, Request
from edge.result import ModeChoice, Result
from edge.stop import Stop
from edge.treatment import Treatment
from edge.video.loop import MIDDLE
from edge.video.opening import check_can_draw, open_drawer
from edge.whole_file import check_writable

__all__ = ["Event", "Finished", "Models", "Progress", "Watch", "expand", "run", "seed_of"]

# Where each phase ends on the way from 0 to 1. Writing frames is the long part; a language model takes its share.
EXPANDED_BY_LLM = 0.3
EXPANDED = 0.02
LOADED = 0.03


@dataclass(frozen=True)
class Progress:
    """How far the job is: the phase (expand, text, denoise, decode or encode) and the share of the whole, 0 to 1."""

    phase: str
    fraction: float


@dataclass(frozen=True)
class Finished:
    """The last event."""

    result: Result


Event = Progress | Finished
Watch = Callable[[Progress], None]


def run(
    request: Request,
    *,
    mode: Mode,
    reason: str,
    models: Models,
    out: Path,
    poster: Path | None,
    stop: Stop,
    watch: Watch | None = None,
    extras: Extras = NO_EXTRAS,
    planned: Callable[[Plan], None] | None = None,
) -> Iterator[Event]:
    """Make the clip of one request in `mode`; `reason` says why that is not what was asked for.

    Yields Progress with a fraction that never falls, at last Finished; each yield is a place to stop. `watch` is
    called with the progress of the language model, which cannot yield while it works. With `extras` the clip has another
    shape, rate or size, a mark, or no seam. `planned` is told of the plan before anything is drawn; it may take its time,
    and ask to stop.
    Raises what the parts raise: ModelError, OutputError, EngineError, ResourceError, Cancelled, Preempted, and
    RequestError for extras that cannot be had.
    """
    seed = request.seed if request.seed is not None else seed_of(request)
    check_trusted(models.video)
    check_can_draw(request, models.video.manifest)
    for path in filter(None, (out, poster, extras.preview)):
        check_writable(path)
    canvas = models.video.manifest.canvas
    treatment = Treatment(extras, width=canvas.out_width, height=canvas.out_height)
    if models.cores:
        bind(models.cores)
    return_what_is_free()
    with Meter() as meter:
        yield Progress("expand", 0.0)
        photo = open_photo(request.image, clips=out.parent) if request.image else None
        plan = expand(request, mode=mode, models=models, seed=seed, stop=stop, watch=watch, meter=meter)
        return_what_is_free()  # of the language model
        if planned:
            planned(plan)
            stop.check()
        clip = yield from _draw(
            plan, photo, mode=mode, models=models, seed=seed, out=out, poster=poster, stop=stop, meter=meter,
            treatment=treatment, watch=watch,
        )  # fmt: skip
        told = treatment.finish(clip)
        result = Result(
            state="done",
            mode=ModeChoice(requested=request.mode, effective=mode, reason=reason),
            plan=plan,
            clip=clip,
            seed=seed,
            models=_models_used(mode, models),
            extras=told,
            **meter.fields(),
        )
    needs_of(models).learn(mode, result.memory.get("peak_held_mib", 0.0))
    yield Finished(result)


def expand(
    request: Request, *, mode: Mode, models: Models, seed: int, stop: Stop, watch: Watch | None = None,
    meter: Meter | None = None,
) -> Plan:  # fmt: skip
    """The plan of a request, led along its path; the language model, where the mode has one, lives only in here.

    Raises ModelError when the mode needs a language model and none is there, Cancelled, Preempted.
    """
    stop.check()
    video = models.video.manifest
    if mode.row.language_model and models.llm is None and not isinstance(video, DiffusersManifest):
        raise ModelError(
            f"Mode {mode.value} needs a language model, and none is here.",
            hint="Run `edgereel models pull smollm2-135m-expand`, or use --mode direct.",
        )
    started = time.monotonic()
    llm = models.llm if mode.row.language_model else None
    with open_expander(
        mode,
        video=video,
        llm=llm,
        threads=models.threads,
        cores=models.cores,
        small_board=models.small_board,
        cache=models.cache,
        stop=stop,
    ) as expander:
        plan = expander.expand(
            request.prompt, seconds=request.seconds, seed=seed, progress=_scaled(watch, _expanded(mode, models))
        )
        if meter:
            meter.usage |= expander.usage
            meter.prove([llm.file(llm.manifest.file)] if llm else [])
    if meter:
        meter.timings_s["expand"] = time.monotonic() - started
    return plan.along(request.path) if request.path else plan


def seed_of(request: Request) -> int:
    """A seed for a request that names none; it follows from the request, so a job tried again gives the same clip."""
    digest = hashlib.sha256(f"{request.id}\n{request.prompt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & MAX_SEED


def _expanded(mode: Mode, models: Models) -> float:
    return EXPANDED_BY_LLM if mode.row.language_model and models.llm else EXPANDED


def _scaled(watch: Watch | None, end: float) -> Callable[[float], None] | None:
    if watch is None:
        return None
    return lambda share: watch(Progress("expand", end * min(max(share, 0.0), 1.0)))


def _ahead(watch: Watch | None, begin: float) -> Callable[[float], None]:
    """Tells of the steps that come before the first frame, by their share of what is left from `begin` on."""
    return lambda share: watch(Progress("denoise", begin + (1 - begin) * share)) if watch else None


class _Clock:
    """Time spent waiting for frames, so that the rest of the loop is the encoder's."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        started = time.monotonic()
        try:
            return next(self._frames)
        finally:
            self.seconds += time.monotonic() - started


def _draw(
    plan: Plan, photo: Frame | None, *, mode: Mode, models: Models, seed: int, out: Path, poster: Path | None,
    stop: Stop, meter: Meter, treatment: Treatment, watch: Watch | None = None,
) -> Generator[Progress, None, Clip]:  # fmt: skip
    """Frames into the file as they come; the meter gets the seconds of load, text, denoise, decode and encode."""
    begin = _expanded(mode, models)
    yield Progress("text", begin)
    loading = time.monotonic()
    for name in models.video.manifest.files:
        verified_file(models.video, name, cache=models.cache)
    tell = _ahead(watch, begin + LOADED)
    with open_drawer(models.video, threads=models.threads, cache=models.cache, progress=tell) as generator:
        total = max(1, treatment.count(generator.count(plan)))
        yield Progress("denoise", begin + LOADED)
        drawing = time.monotonic()
        loop = treatment.loop
        clock = _Clock(generator.frames(plan, row=mode.row, seed=seed, stop=stop, photo=photo, loop=loop))
        treated = treatment.of(clock, lambda: generator.takes(plan, seed=seed, loop=loop))
        middle = round(total * MIDDLE) if loop else total // 2
        written = encode(
            treated, out, fps=treatment.fps, poster=poster, stop=stop, poster_frame=middle, write=treatment.write
        )
        clip = yield from _follow(written, total=total, begin=begin + LOADED + (1 - begin - LOADED) * generator.ahead)
        encoding = time.monotonic() - drawing - clock.seconds
        meter.prove(generator.weights)
        meter.usage |= {
            "threads": models.threads,
            "ms_per_step": 1000 * generator.timings_s["denoise"] / max(1, generator.steps),
        }
    meter.timings_s |= {"load": drawing - loading, **generator.timings_s, "encode": encoding}
    yield Progress("encode", 1.0)
    return clip


def _follow(written: Generator[int, None, Clip], *, total: int, begin: float) -> Generator[Progress, None, Clip]:
    with contextlib.closing(written):
        while True:
            try:
                count = next(written)
            except StopIteration as end:
                clip: Clip = end.value
                return clip
            yield Progress("decode", begin + (1 - begin) * min(count / total, 1.0) * 0.99)


def _models_used(mode: Mode, models: Models) -> dict[str, dict[str, str]]:
    manifests: list[ModelManifest] = [models.video.manifest]
    if models.llm is not None and mode.row.language_model:
        manifests.append(models.llm.manifest)
    return {manifest.name: {name: file.sha256 for name, file in manifest.files.items()} for manifest in manifests}
