"""Hot prompts made in idle time: which one is next, whether now is a time for it, and what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.child import Lost
from edge.errors import Preempted, RequestError
from edge.hot import HotPrompt
from edge.job import Job, JobState
from edge.librarian import Librarian
from edge.library import Known, Library
from edge.pipe import Done, Failed, Planned, Run
from edge.request import make_request
from edge.result import ModeChoice

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Warming:
    """A hot prompt on its way: it looks like a job to all who help with it, but nobody is told of it."""

    hot: HotPrompt
    job: Job
    run: Run


class Warmer:
    """`calm` says whether the board is without pressure and has room; `after_s` is how long nothing may have been to do."""

    def __init__(
        self,
        library: Library,
        librarian: Librarian,
        *,
        clips: Path,
        after_s: float,
        calm: Callable[[], bool],
        choose: Callable[[Job], ModeChoice | None],
    ) -> None:
        self._hot = library.hot
        self._librarian = librarian
        self._clips = clips
        self._after_s = after_s
        self._calm = calm
        self._choose = choose
        self._busy_at = time.monotonic()
        self.making = ""
        self._renewed = False

    def busy(self) -> None:
        """There is, or was just now, real work."""
        self._busy_at = time.monotonic()

    @property
    def may_go_on(self) -> bool:
        """Whether one that is being made may be made further, as far as the board's state is concerned."""
        return self._calm()

    def next(self) -> Warming | None:
        """One to be made now, marked as begun; None when there is none, or now is no time for it.

        What is in the library already is marked as done.
        """
        if time.monotonic() - self._busy_at < self._after_s or not self._calm():
            return None
        self._renew()
        while hot := self._hot.next():
            try:
                job = _job_of(hot)
            except RequestError as exc:
                self._hot.fail(hot.seq, str(exc))
                continue
            if known := self._librarian.by_words(job):
                self._finish(hot, job, known.job_id)
                continue
            choice = self._choose(job)
            if choice is None or self._librarian.is_less(job, choice):
                return None
            return self._begin(hot, job, choice)
        return None

    def planned(self, warming: Warming, planned: Planned) -> Known | None:
        """The clip of the same plan, which then is this prompt's too."""
        return self._librarian.by_plan(warming.job, planned)

    def settle(self, warming: Warming, answer: Done | Failed | Lost | Known, planned: Planned | None) -> None:
        """Write down how it ended."""
        self.making = ""
        hot, job = warming.hot, warming.job
        match answer:
            case Done(result=result):
                self._librarian.keep(job, planned, result)
                self._finish(hot, job, job.id)
            case Known(job_id=job_id):
                self._librarian.also_says(job, job_id)
                self._finish(hot, job, job_id)
            case Failed(code=Preempted.code) | Failed(code="disk_full"):
                self._hot.wait(hot.seq)
            case Failed(message=message, hint=hint):
                log.warning("Hot prompt %r: %s", hot.prompt, message)
                self._hot.fail(hot.seq, f"{message} {hint}".strip())
            case Lost(how=how):
                log.warning("Hot prompt %r: %s.", hot.prompt, how)
                self._hot.crash(hot.seq, how)

    def to_json(self) -> dict[str, Any] | None:
        """How many prompts are in each state, and which one is being made `now`; None when there is no list."""
        rows: dict[str, Any] = dict(self._hot.counts())
        return rows | {"now": self.making or None} if rows else None

    def _begin(self, hot: HotPrompt, job: Job, choice: ModeChoice) -> Warming:
        self._hot.begin(hot.seq)
        self.making = hot.prompt
        log.info("Hot prompt %r is being made.", hot.prompt)
        mp4, jpg = (self._clips / f"{job.id}{ending}" for ending in (".mp4", ".jpg"))
        return Warming(
            hot=hot,
            job=replace(job, mode=choice.effective, reason=choice.reason),
            run=Run(job.request, choice.effective, choice.reason, mp4, jpg),
        )

    def _finish(self, hot: HotPrompt, job: Job, clip: str) -> None:
        self._hot.done(hot.seq, key=self._librarian.key_of(job), clip=clip)
        log.info("Hot prompt %r is there, as %s.", hot.prompt, clip)

    def _renew(self) -> None:
        """Once after the start: with another pack, what was made is made anew."""
        for hot in self._hot.rows() if not self._renewed else ():
            if hot.state == "done" and hot.key != self._librarian.key_of(_job_of(hot)):
                self._hot.renew(hot.seq)
        self._renewed = True


def _job_of(hot: HotPrompt) -> Job:
    """Raises RequestError for what is no request."""
    request = make_request(
        hot.prompt, id=f"hot-{hot.seq}-{int(time.time()):x}", mode=hot.mode, seconds=hot.seconds, reuse="same"
    )
    return Job(
        id=request.id, request=request, state=JobState.QUEUED, rev=0, crashes=hot.crashes, mode_cap=None,
        cancel_asked=False, mode=None, reason="", outcome=None, reply=None, created_at=0.0, updated_at=0.0,
    )  # fmt: skip
