"""The worker thread: claims a job, has the engine run it, and sees that it ends once, whatever happens to the child."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from edge.attempt import Ask, attempt
from edge.child import ENGINE_COMMAND, Child, Lost
from edge.errors import EdgereelError, Preempted
from edge.governor import sooner_to_finish
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.librarian import Librarian
from edge.library import Known
from edge.mode import Mode
from edge.pipe import Done, Failed, Planned, Run, Step
from edge.result import ModeChoice
from edge.settings import Settings
from edge.warmer import Warmer

WAITING_TURN_S = 1.0  # what another board does with a waiting job does not wake the worker
IDLE_TURN_S = 5.0  # a new job, a message or a change of mode wakes the worker at once
DISK_RETRY_S = 5.0
PROGRESS_PERIOD_S = 0.25

log = logging.getLogger(__name__)


class Worker:
    """Runs one job at a time.

    `choose` gives the mode for a job, or None when it has to wait; `allowed` the best mode that the board allows now;
    `progress` is told of the steps of a job, at most four times a second. `ours` tells the jobs that no other board
    has; `answer` gives the result as it is told, and the clip in base64 where it is to be sent along. `librarian` gives
    clips that are there already, `warmer` what to make when nothing else is to do; `offer` is told of a clip that is near
    the one to be made.
    """

    def __init__(
        self,
        queue: JobQueue,
        settings: Settings,
        *,
        choose: Callable[[Job], ModeChoice | None],
        allowed: Callable[[], Mode],
        progress: Callable[[Job, Step], None],
        ours: Callable[[Job], bool] = lambda _: True,
        answer: Callable[[Job, dict[str, Any]], tuple[dict[str, Any], str]] = lambda _, result: (result, ""),
        librarian: Librarian | None = None,
        warmer: Warmer | None = None,
        offer: Callable[[Job, Known], None] = lambda _job, _known: None,
        command: Sequence[str] = ENGINE_COMMAND,
    ) -> None:
        self._librarian = librarian
        self._warmer = warmer
        self._offer = offer
        self._queue = queue
        self._settings = settings
        self._choose = choose
        self._allowed = allowed
        self._progress = progress
        self._ours = ours
        self._answer = answer
        self._command = command
        self._child: Child | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="worker", daemon=True)
        self.beat = time.monotonic()
        self.running: Job | None = None
        self._fraction = 0.0
        self._anew = ""  # the job that a clip of the library could not be given to
        queue.watch(self._wake)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False when the thread has died, which is a fault of this program."""
        return self._thread.is_alive()

    @property
    def engine_pid(self) -> int | None:
        """The process id of the engine, None when there is none."""
        child = self._child
        return child.pid if child and child.alive else None

    def wake(self) -> None:
        """Look again now: what the board allows has changed."""
        self._wake.set()

    def stop(self, *, timeout_s: float) -> None:
        """Take nothing new, put the running job back, end the engine; returns within `timeout_s` seconds."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=timeout_s)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self.beat = time.monotonic()
            self._wake.clear()
            try:
                if not self._work_once():
                    self._wake.wait(WAITING_TURN_S if self._queue.depth() else IDLE_TURN_S)
            except sqlite3.Error as exc:
                log.warning("The queue cannot be used (%s); trying again. Free some disk space.", exc)
                self._end_child()
                self._stop.wait(DISK_RETRY_S)
        self._end_child()

    def _work_once(self) -> bool:
        if self._child and not self._child.alive:
            self._end_child()
        if self._child and self._allowed().rank >= Mode.SPARE.rank:
            self._child.kill()  # idle, and its memory is needed
            self._end_child()
        lease_s, now = self._settings.queue.lease_s, self._queue.now()
        job = self._queue.claim(lease_s=lease_s, now=now, choose=self._choose, ours=self._ours)
        if job is None:
            return self._warm()
        if self._warmer:
            self._warmer.busy()
        self.running = job
        try:
            if not (self._librarian and self._librarian.at_once(job)):
                self._make(job)
        finally:
            self.running = None
        return True

    def _make(self, job: Job) -> None:
        self._child = self._child or Child(self._command, self._settings)
        plans: list[Planned] = []
        answer = attempt(
            self._order(job), self._child, ask=self._asker(job), progress=self._teller(job),
            planned=lambda planned: self._recall(job, planned, plans),
        )  # fmt: skip
        self._settle_in_time(job, answer, plans)
        if self._warmer:
            self._warmer.busy()

    def _recall(self, job: Job, planned: Planned, plans: list[Planned]) -> Known | None:
        """The clip that answers a job whose plan is made; one that is near may be offered."""
        plans.append(planned)
        if self._librarian is None or self._anew == job.id:
            return None
        known = self._librarian.by_plan(job, planned)
        if known is None and (near := self._librarian.near(job, planned)):
            self._offer(job, near)
        return known

    def _warm(self) -> bool:
        """Make a hot prompt, as long as nothing else is to do; False when there is none to make now."""
        warmer = self._warmer
        if warmer is None or self._stop.is_set() or (warming := warmer.next()) is None:
            return False
        plans: list[Planned] = []

        def recall(planned: Planned) -> Known | None:
            plans.append(planned)
            return warmer.planned(warming, planned)

        def ask() -> Ask | None:
            self.beat = time.monotonic()
            if self._allowed() is Mode.PAUSED:
                return "end"
            return "preempt" if self._stop.is_set() or self._queue.depth() or not warmer.may_go_on else None

        self._child = self._child or Child(self._command, self._settings)
        answer = attempt(warming.run, self._child, ask=ask, progress=lambda _: None, planned=recall)
        warmer.settle(warming, answer, plans[-1] if plans else None)
        if not self._child.alive:
            self._end_child()
        return True

    def _order(self, job: Job) -> Run:
        clips = self._settings.paths.clips
        mode = job.mode or Mode.SPARE
        return Run(job.request, mode, job.reason, clips / f"{job.id}.mp4", clips / f"{job.id}.jpg")

    def _asker(self, job: Job) -> Callable[[], Ask | None]:
        """What is looked after at every turn of an attempt: the heartbeat, the lease, and reasons to stop."""
        lease_s = self._settings.queue.lease_s
        started = renewed = time.monotonic()

        def ask() -> Ask | None:
            nonlocal renewed
            self.beat = time.monotonic()
            if self.beat - renewed > lease_s / 3:
                with suppress(sqlite3.Error):  # a full disk; nobody else takes jobs from this queue
                    self._queue.renew(job.id, lease_s=lease_s, now=self._queue.now())
                renewed = self.beat
            if self._queue.cancel_asked(job.id):
                return "cancel"
            return "preempt" if self._stop.is_set() else self._give_way(job, elapsed_s=self.beat - started)

        return ask

    def _give_way(self, job: Job, *, elapsed_s: float) -> Ask | None:
        """Whether a running job has to stop for what the board allows now, and how soon."""
        allowed, mode = self._allowed(), job.mode or Mode.SPARE
        if allowed is Mode.PAUSED:
            return "end"
        if allowed.rank <= mode.rank:
            return None
        whole_s = elapsed_s / max(self._fraction, 1e-3)
        anew_s = self._queue.runs.usual_s(allowed) or whole_s * allowed.row.time_ratio / mode.row.time_ratio
        soft = allowed.rank < Mode.SPARE.rank
        return (
            None
            if soft and sooner_to_finish(elapsed_s=elapsed_s, fraction=self._fraction, anew_s=anew_s)
            else "preempt"
        )

    def _teller(self, job: Job) -> Callable[[Step], None]:
        told = 0.0
        self._fraction = 0.0

        def tell(step: Step) -> None:
            nonlocal told
            self._fraction = step.fraction
            if time.monotonic() - told >= PROGRESS_PERIOD_S:
                told = time.monotonic()
                self._progress(job, step)

        return tell

    def _settle_in_time(self, job: Job, answer: Done | Failed | Lost | Known, plans: Sequence[Planned]) -> None:
        """Write down how an attempt ended, as soon as the disk takes it: what is done is not done again."""
        while not self._stop.is_set():
            self.beat = time.monotonic()
            try:
                return self._settle(job, answer, plans)
            except sqlite3.Error as exc:
                log.warning(
                    "The end of job %s cannot be written (%s); trying again. Free some disk space.", job.id, exc
                )
                self._stop.wait(DISK_RETRY_S)
        return self._settle(job, answer, plans)

    def _settle(self, job: Job, answer: Done | Failed | Lost | Known, plans: Sequence[Planned]) -> None:
        """Write down how an attempt ended."""
        now = self._queue.now()
        match answer:
            case Done(result=result):
                told, inline = self._answer(job, result)
                if self._queue.finish(job.id, told, now=now, inline=inline) and self._librarian:
                    self._librarian.keep(job, plans[-1] if plans else None, result)
            case Known():
                if not (self._librarian and self._librarian.answer(job, answer)):
                    self._anew = job.id
                    self._queue.release(job.id, now=now)
            case Failed(code=Preempted.code):
                self._queue.release(job.id, now=now)
            case Failed(code="disk_full", message=message):  # it waits for room, if that is looked after
                log.warning("Job %s: %s", job.id, message)
                self._queue.release(job.id, now=now, crashed=message)
            case Failed(code=code, message=message, hint=hint):
                self._queue.fail(job.id, EdgereelError(message, hint=hint, code=code), now=now)
            case Lost(how=how):
                log.warning("Job %s: %s.", job.id, how)
                self._queue.release(job.id, now=now, crashed=how, mode_cap=_lower(job))
        if self._child and not self._child.alive:
            self._end_child()

    def _end_child(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


def _lower(job: Job) -> Mode | None:
    """One row below the mode of the run that crashed, but not below what the client accepts."""
    if job.mode is None or job.mode.rank >= job.request.min_mode.rank:
        return job.mode
    return job.mode.below()
