"""The child process that holds the models: one job at a time, asked for and answered over a socket pair.

It dies with its parent, offers itself to the kernel's out-of-memory killer before anything else on the board, and
ends after an idle time so that the board gets its memory back. The parent decides about signals: a SIGTERM to the
whole service must not look like a crash here.
"""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edge.errors import EdgereelError
from edge.mode import Mode
from edge.models import Models, models_of
from edge.pipe import Done, Failed, Go, Halt, Pipe, Planned, Run, Start, Step
from edge.pipeline import Event, Finished, Progress, run
from edge.plan import Plan
from edge.recall import look_up
from edge.request import Request
from edge.settings import Settings
from edge.stop import Stop
from edge.vectors import FILE
from edge.wire import result_body

OOM_SCORE_ADJ = 500
PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)


class Pipeline(Protocol):
    """What `edge.pipeline.run` looks like."""

    def __call__(
        self,
        request: Request,
        *,
        mode: Mode,
        reason: str,
        models: Models,
        out: Path,
        poster: Path | None,
        stop: Stop,
        watch: Callable[[Progress], None] | None = None,
        planned: Callable[[Plan], None] | None = None,
    ) -> Iterator[Event]:
        """Make the clip of one request."""


def main(argv: list[str], *, pipeline: Pipeline = run, models: Callable[[Settings], Models] = models_of) -> int:
    """Serve jobs over the socket whose descriptor is the only argument, until idle or until the parent is gone."""
    logging.basicConfig(level=logging.INFO, format="engine: %(levelname)s: %(message)s")
    pipe = Pipe(socket.socket(fileno=int(argv[1])))
    _tie_to_parent()
    first = pipe.receive()
    if not isinstance(first, Start):
        return 1
    os.nice(first.settings.engine.nice)
    with suppress(BrokenPipeError):  # the parent is gone, and with it the reason to go on
        Engine(pipe, first.settings, pipeline=pipeline, models=models).serve()
    return 0


class Engine:
    """The main thread runs jobs; a reader thread turns `Halt` into the job's Stop."""

    def __init__(
        self, pipe: Pipe, settings: Settings, *, pipeline: Pipeline, models: Callable[[Settings], Models]
    ) -> None:
        self._pipe = pipe
        self._settings = settings
        self._pipeline = pipeline
        self._models = models
        self._jobs: queue.SimpleQueue[tuple[Run, Stop] | None] = queue.SimpleQueue()
        self._go = threading.Event()

    def serve(self) -> None:
        """Take jobs until none has come for `engine.idle_exit_s`, or the parent is gone."""
        threading.Thread(target=self._read, name="engine-reader", daemon=True).start()
        while True:
            try:
                job = self._jobs.get(timeout=self._settings.engine.idle_exit_s)
            except queue.Empty:
                return
            if job is None:
                return
            self._pipe.send(self._answer(*job))

    def _read(self) -> None:
        stop = Stop()
        while message := self._pipe.receive():
            match message:
                case Run():
                    stop = Stop()
                    self._jobs.put((message, stop))
                case Halt(reason=reason):
                    stop.request(reason)
                    self._go.set()
                case Go():
                    self._go.set()
        stop.request("preempt")
        self._go.set()
        self._jobs.put(None)

    def _answer(self, job: Run, stop: Stop) -> Done | Failed:
        try:
            return self._run(job, stop)
        except EdgereelError as exc:
            return Failed(code=exc.code, message=exc.message, hint=exc.hint)
        except BrokenPipeError:
            raise
        except Exception as exc:  # the process edge: whatever a model raises ends the job, not the board
            log.exception("Job %s failed.", job.request.id)
            return Failed(code="engine", message=f"The model run failed: {type(exc).__name__}: {exc}.", hint="")

    def _run(self, job: Run, stop: Stop) -> Done | Failed:
        models = self._models(self._settings)
        events = self._pipeline(
            job.request,
            mode=job.mode,
            reason=job.reason,
            models=models,
            out=job.out,
            poster=job.poster,
            stop=stop,
            watch=self._step,
            planned=lambda plan: self._ask(plan, models=models, stop=stop),
        )
        for event in events:
            match event:
                case Progress():
                    self._step(event)
                case Finished(result=result):
                    return Done(result=result_body(result))
        return Failed(code="engine", message="The model run ended without a result.", hint="")

    def _ask(self, plan: Plan, *, models: Models, stop: Stop) -> None:
        """Tell the parent what will be drawn, and wait for its word: it may have that clip."""
        vector, near = look_up(plan, models=models, file=self._settings.paths.cache / FILE)
        self._go.clear()
        if not stop.requested:
            self._pipe.send(Planned(plan=plan.to_json(), vector=vector, near=near))
            self._go.wait()

    def _step(self, progress: Progress) -> None:
        self._pipe.send(Step(phase=progress.phase, fraction=progress.fraction))


def _tie_to_parent() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")  # raising is always allowed


if __name__ == "__main__":
    sys.exit(main(sys.argv))
