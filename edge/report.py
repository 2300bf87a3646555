"""What a board says of itself over MQTT: who it is, how it is, and what it allows."""

from __future__ import annotations

from typing import Any

from edge import __version__
from edge.job import Job
from edge.models import Models
from edge.request import MAX_BODY_BYTES, MAX_PROMPT_CHARS, MAX_SECONDS
from edge.runlog import RunRow
from edge.settings import Settings
from edge.wire import timestamp

LAST_TOLD = ("tokens_per_s", "ms_per_step", "threads", "peak_pss_mib", "weights_wanted_mib", "weights_locked_mib")
MAX_ERROR_CHARS = 255  # it travels with every load message


def birth(settings: Settings, models: Models, *, session: int) -> dict[str, Any]:
    """Version, models, pools and limits; `session` counts the connections of this start."""
    packs = [pack.manifest for pack in (models.video, models.llm) if pack]
    return {
        "version": __version__,
        "session": session,
        "models": {manifest.name: manifest.version for manifest in packs},
        "pools": settings.fleet.pools,
        "limits": {
            "prompt_chars": MAX_PROMPT_CHARS,
            "body_bytes": MAX_BODY_BYTES,
            "seconds": MAX_SECONDS,
            "queue": settings.queue.limit,
        },
    }


def last_error(job: Job | None) -> dict[str, Any] | None:
    """The error of the newest job that failed."""
    if job is None or not job.outcome:
        return None
    code, message = job.outcome.get("code"), str(job.outcome.get("message", ""))[:MAX_ERROR_CHARS]
    return {"id": job.id, "code": code, "message": message, "at": timestamp(job.updated_at)}


def last_run(row: RunRow | None) -> dict[str, Any] | None:
    """What the newest finished job took."""
    told = {name: value for name in LAST_TOLD if row and (value := row.figures.get(name)) is not None}
    return {"id": row.job_id, "mode_path": row.mode_path, "seconds": round(row.seconds, 2)} | told if row else None
