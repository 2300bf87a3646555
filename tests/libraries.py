"""A real library for tests: a database, files and an index in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.jobqueue import JobQueue
from edge.library import Entry, Known, Library
from edge.mode import Mode
from edge.vectors import LENGTH, MIDDLE, VectorFile
from edge.video.nearest import nearest
from tests.queues import ask

DIMS = 16
RECIPE = "1-16-pack"


def open_library(queue: JobQueue, folder: Path, recipe: str = RECIPE) -> Library:
    (folder / "clips").mkdir(exist_ok=True)
    queue.library.open(clips=folder / "clips", vectors=VectorFile(folder / "v", recipe=recipe, dims=DIMS))
    return queue.library


def direction(*parts: float) -> bytes:
    """A unit vector as it is kept."""
    whole = [*parts, *([0.0] * (DIMS - len(parts)))]
    length = sum(part**2 for part in whole) ** 0.5
    return bytes(round(part / length * 0.6 * LENGTH) + MIDDLE for part in whole)


def keep(folder: Path, library: Library, job_id: str, **fields: Any) -> Entry:
    """A clip with its files."""
    clip = {"path": str(folder / "clips" / f"{job_id}.mp4"), "poster": str(folder / "clips" / f"{job_id}.jpg"),
            "seconds": 2.0, "bytes": 4}  # fmt: skip
    for path in (clip["path"], clip["poster"]):
        Path(str(path)).write_text(job_id)
    entry = Entry(**{
        "job_id": job_id, "text_key": "words", "plan_key": "plan", "mode": Mode.DIRECT, "plain": True,
        "vector": direction(1), "result": {"clip": clip, "sha256": "f00", "plan": {"caption": "A fish."}}, **fields,
    })  # fmt: skip
    library.add(entry)
    return entry


def places(folder: Path, vector: bytes) -> list[tuple[int, float]]:
    return nearest(vector, file=folder / "v", recipe=RECIPE)


def found(known: Known | None) -> str | None:
    return known.job_id if known else None


def answered(queue: JobQueue, known: Known, job_id: str) -> dict[str, Any]:
    job = queue.put(ask(job_id), now=1)
    result = queue.library.lend(known, job_id)
    assert queue.library.answer(job, known, result, now=2, reason="", inline="")
    return result
