"""What stands behind the page: what it shows of the board and its jobs, and what is done there.

A request from the page and a cancel go the way of every message: they become one, and edge/intake.py takes it in.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.errors import RequestError
from edge.job import Job, JobState
from edge.jobqueue import JobQueue
from edge.latest import another_take
from edge.mode import Mode
from edge.pipe import Step
from edge.request import MAX_PROMPT_CHARS, MAX_SECONDS, MAX_SEED, MIN_SECONDS, MODES, new_id
from edge.settings import Settings
from edge.wire import Incoming, job_topic, node_topic

CLIPS = 24
FAULTS = 5
FAULTS_S = 3600.0
TOLD_OF_BOARD = (
    "mode", "reason", "queue", "running", "accepting", "waiting", "mem", "psi", "temp_c", "throttled", "disk_free_mb",
    "cores", "mqtt",
)  # fmt: skip


class Gallery:
    """`accept` takes a request and returns its job, or None where another board has it; `handle` any other message."""

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        *,
        accept: Callable[[Incoming], Job | None],
        handle: Callable[[Incoming], None],
        has_llm: bool,
    ) -> None:
        self._node = settings.node.id
        self._clips = settings.paths.clips
        self._queue = queue
        self._accept = accept
        self._handle = handle
        self._modes = [mode for mode in MODES if has_llm or mode == "auto" or not Mode(mode).row.language_model]
        self._lock = threading.Lock()
        self._jobs = (-1, b"{}")
        self._board = b"{}"
        self._progress = b"{}"

    def tell_load(self, load: dict[str, Any]) -> None:
        """Show how the board is, as a load message says it."""
        told = {name: load.get(name) for name in TOLD_OF_BOARD}
        limits = {"prompt": MAX_PROMPT_CHARS, "seconds": [MIN_SECONDS, MAX_SECONDS], "seed": MAX_SEED}
        own = {
            "node": self._node,
            "version": __version__,
            "now": self._queue.now(),
            "modes": self._modes,
            "limits": limits,
        }
        self._board = msgspec.json.encode(own | told)

    def tell_progress(self, job: Job, step: Step) -> None:
        """Show how far a job is."""
        told = {"id": job.id, "phase": step.phase, "fraction": round(step.fraction, 3)}
        self._progress = msgspec.json.encode(told)

    def parts(self) -> dict[str, bytes]:
        """What is shown. The jobs are looked up when something has changed, once for all who watch."""
        version = self._queue.latest.version()
        with self._lock:
            if self._jobs[0] != version:
                self._jobs = (version, msgspec.json.encode(self._all_jobs()))
            jobs = self._jobs[1]
        return {"board": self._board, "jobs": jobs, "progress": self._progress}

    def older(self, before: str) -> dict[str, Any]:
        """The clips that were asked for before that one."""
        return self._kept(before=before)

    def ask(self, body: bytes) -> dict[str, Any]:
        """Take a request, in the words of one that comes over MQTT."""
        job = self._accept(Incoming(topic=node_topic(self._node, "req"), payload=body))
        return _told(job) if job else {}

    def again(self, job_id: str, *, as_id: str | None) -> dict[str, Any]:
        """Take what was asked for once more, with another seed, under a new id or the one that is given."""
        again_id = as_id or new_id()
        request = another_take(self._queue.latest.request_of(job_id), job_id=again_id, seed=_seed_of(again_id))
        return self.ask(msgspec.json.encode(request.to_json()))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job. Raises RequestError when there is none of that id: on a page that is a mistake."""
        if self._queue.get(job_id) is None:
            raise RequestError(f"There is no job {job_id} here.", hint="Look at the page again.", code="unknown")
        self._handle(Incoming(topic=job_topic(job_id, "cancel"), payload=b""))
        job = self._queue.get(job_id)
        return _told(job) if job else {}

    def _all_jobs(self) -> dict[str, Any]:
        latest = self._queue.latest
        faults = latest.faults(FAULTS, since=self._queue.now() - FAULTS_S)
        return {
            "unfinished": [_told(job) for job in latest.unfinished()],
            "faults": [_told(job) for job in faults],
            **self._kept(),
        }

    def _kept(self, *, before: str = "") -> dict[str, Any]:
        """Clips that are still there; `next` is where to go on, null when there are no older ones."""
        jobs = self._queue.latest.clips(CLIPS, before=before)
        kept = [_told(job) for job in jobs if _is_file(self._clips / f"{job.id}.mp4")]
        return {"clips": kept, "next": jobs[-1].id if kept and len(jobs) == CLIPS else None}


def _seed_of(job_id: str) -> int:
    """A seed that follows from the id, so that the same click sent twice is the same request."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:4], "big") & MAX_SEED


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _told(job: Job) -> dict[str, Any]:
    """What the page knows of a job."""
    request, outcome = job.request, job.outcome or {}
    told: dict[str, Any] = {
        "id": job.id,
        "state": job.state,
        "prompt": request.prompt,
        "asked": request.mode,
        "mode": job.mode,
        "reason": job.reason or None,
        "created": round(job.created_at, 1),
        "updated": round(job.updated_at, 1),
        "cancelling": job.cancel_asked or None,
        "runs": job.crashes + 1 if job.crashes else None,
    }
    if job.state is JobState.DONE:
        clip = outcome.get("clip", {})
        told |= {
            "seed": outcome.get("seed"),
            "caption": outcome.get("prompt_expanded"),
            "took_s": outcome.get("timings_s", {}).get("total"),
            **{name: clip.get(name) for name in ("seconds", "bytes", "width", "height")},
        }
    elif outcome:
        told["error"] = outcome
    return {name: value for name, value in told.items() if value is not None}
