"""Whether a clip that is there already answers a request: by its words, before anything is started; by its plan; as a near one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from edge.clip_key import plain, plan_key, text_key
from edge.errors import EdgereelError
from edge.job import Job
from edge.library import Entry, Known, Library
from edge.mode import Mode, lower_of
from edge.models import Models, choose_mode
from edge.pipe import Planned
from edge.result import ModeChoice
from edge.sections import Library as Limits

PRESSED = Mode.LITE  # from this row down, a job that was to be better is in need
COSTS = ("timings_s", "memory", "weights", "usage")  # what the first one took is not what the second one took

log = logging.getLogger(__name__)


class Librarian:
    """`choose` gives the mode that a job would get now, or None when it would have to wait; `told` the result as it is told.

    Verbs may be called from any thread. Those that answer return False when the job has to be made.
    """

    def __init__(
        self,
        library: Library,
        limits: Limits,
        *,
        models: Models,
        choose: Callable[[Job], ModeChoice | None],
        told: Callable[[Job, dict[str, Any]], tuple[dict[str, Any], str]],
        now: Callable[[], float],
    ) -> None:
        self._library = library
        self._limits = limits
        self._models = models
        self._choose = choose
        self._told = told
        self._now = now

    def at_once(self, job: Job) -> bool:
        """Answer a job that waits, or was just claimed, with a clip of the same words."""
        known = self.by_words(job) if self.reuse_of(job) != "never" else None
        return known is not None and self.answer(job, known)

    def by_words(self, job: Job) -> Known | None:
        """A clip of the same words, no worse than what would be made now."""
        key = self.key_of(job)
        if self._library.by_text(key, worst=Mode.PAUSED) is None:  # mostly; to choose takes longer than to look
            return None
        return self._library.by_text(key, worst=self._worst(job))

    def by_plan(self, job: Job, planned: Planned) -> Known | None:
        """A clip that answers a job whose plan is made: the same one, or under pressure a near one."""
        reuse = self.reuse_of(job)
        if reuse == "never":
            return None
        key = plan_key(planned.plan, request=job.request, pack=self._models.video.sha256)
        same = self._library.by_plan(key, worst=self._worst(job))
        return same or (self.near(job, planned) if reuse == "near" and self._pressed(job) else None)

    def near(self, job: Job, planned: Planned) -> Known | None:
        """A clip that differs from this plan in little."""
        if not plain(job.request) or self.reuse_of(job) != "near":
            return None
        return self._library.near(
            planned.near, planned.vector, least=self._limits.similarity, worst=self._worst(job),
            seconds=job.request.seconds,
        )  # fmt: skip

    def answer(self, job: Job, known: Known) -> bool:
        """End the job with that clip, under its own name."""
        try:
            told, inline = self._told(job, self._library.lend(known, job.id))
        except EdgereelError as exc:
            log.warning("Job %s is made anew: %s", job.id, exc)
            return False
        asked = self._asked(job)
        choice = self._choose(job) if known.mode.rank > asked.rank else None
        reason = job.reason or (choice.reason if choice else "")
        told |= {"mode": {"requested": job.request.mode, "effective": known.mode, "reason": reason}}
        if not self._library.answer(job, known, told, now=self._now(), reason=reason, inline=inline):
            return False
        if known.how == "same":
            self.also_says(job, known.job_id)
        log.info("Job %s is answered with the clip of %s (%s).", job.id, known.job_id, known.how)
        return True

    def keep(self, job: Job, planned: Planned | None, result: dict[str, Any]) -> None:
        """Keep a clip that was made, so that it can answer others."""
        self._library.add(Entry(
            job_id=job.id,
            text_key=self.key_of(job),
            plan_key=plan_key(result["plan"], request=job.request, pack=self._models.video.sha256),
            mode=job.mode or Mode.SPARE,
            plain=plain(job.request),
            vector=planned.vector if planned else b"",
            result={key: value for key, value in result.items() if key not in COSTS},
        ))  # fmt: skip

    def also_says(self, job: Job, clip: str) -> None:
        """Remember that a job's words mean this clip."""
        self._library.also_says(self.key_of(job), clip)

    def is_less(self, job: Job, choice: ModeChoice) -> bool:
        """Whether a job would be made in a cheaper mode than it asks for."""
        return choice.effective.rank > self._asked(job).rank

    def key_of(self, job: Job) -> str:
        """What a job's words mean with the packs of this board."""
        asked = self._asked(job)
        llm = self._models.llm if asked.row.language_model else None
        packs = [self._models.video.sha256, *([llm.sha256] if llm else [])]
        return text_key(job.request, asked=asked, packs=packs)

    def reuse_of(self, job: Job) -> str:
        """What a job may be answered with: a seed is a wish for a clip of its own."""
        return "never" if job.request.seed is not None else job.request.reuse or self._limits.reuse

    def _worst(self, job: Job) -> Mode:
        """The cheapest mode that is good enough: the one that it would be made in; when it would wait, its least."""
        if job.mode is not None:
            return job.mode
        choice = self._choose(job)
        return choice.effective if choice else lower_of(job.request.min_mode, self._asked(job))

    def _asked(self, job: Job) -> Mode:
        return choose_mode(job.request.mode, has_llm=self._models.llm is not None)[0]

    def _pressed(self, job: Job) -> bool:
        mode = job.mode or Mode.SPARE
        return mode.rank >= PRESSED.rank and mode.rank > self._asked(job).rank
