"""What a daemon does before it serves: rehearse, take its folders, put back what it was doing when it died."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from edge.doctor import Level, examine
from edge.errors import OutputError, ResourceError
from edge.jobqueue import JobQueue, queue_file
from edge.lock import exclusive
from edge.manifest import AnyVideoManifest
from edge.packs import Pack
from edge.settings import Settings
from edge.vectors import FILE, VectorFile, dims_of, recipe_of
from edge.wire import Origin

OWN_OOM_SCORE_ADJ = -500

log = logging.getLogger(__name__)


def rehearse(settings: Settings, *, root: Path) -> None:
    """Look at everything that the first request will need, before anybody is told that we are ready.

    Raises ResourceError for what would make every request fail; what only makes it worse is logged.
    """
    for finding in examine(settings, root=root):
        if finding.level is Level.ERROR:
            raise ResourceError(f"{finding.name}: {finding.text.rstrip('.')}.", hint=finding.fix)
        if finding.level is Level.WARN:
            log.warning("%s: %s. %s", finding.name, finding.text.rstrip("."), finding.fix)


def open_queue(settings: Settings, origin: Origin) -> JobQueue:
    """The queue, with what ran when the daemon died put back. Raises ResourceError."""
    path, limit, max_crashes = queue_file(settings), settings.queue.limit, settings.engine.max_attempts
    try:
        queue = JobQueue(path, origin=origin, limit=limit, max_crashes=max_crashes)
        queue.upkeep.settle(node=origin.node, now=queue.now())
        for job in queue.recover(now=queue.now()):
            log.info("Job %s ran when the daemon died; now it is %s.", job.id, job.state.value)
    except sqlite3.Error as exc:
        raise ResourceError(
            f"The queue {path} cannot be written: {exc}.", hint="Free some disk space; what is in the queue is kept."
        ) from exc
    return queue


def open_library(queue: JobQueue, settings: Settings, *, video: Pack[AnyVideoManifest]) -> None:
    """Have the queue's library look after the clips' folder, and after its file of vectors. Raises ResourceError."""
    recipe, dims = recipe_of(video.manifest, video.sha256), dims_of(video.manifest)
    vectors = VectorFile(settings.paths.cache / FILE, recipe=recipe, dims=dims)
    try:
        queue.library.open(clips=settings.paths.clips, vectors=vectors)
    except sqlite3.Error as exc:
        raise ResourceError(
            f"The library cannot be written: {exc}.", hint="Free some disk space; what is in the queue is kept."
        ) from exc


def only_one(state: Path) -> AbstractContextManager[None]:
    """Hold the lock of the state folder, so that one identity is never served twice. Raises ResourceError."""
    return exclusive(
        state / "lock",
        busy=f"Another edgereel already serves from {state}.",
        busy_hint="Stop it first, or give this one its own paths.state and node.id.",
        folder_hint="Give paths.state a writable folder.",
    )


def make_clips_folder(clips: Path) -> None:
    """Make the folder of the finished clips. Raises OutputError."""
    try:
        clips.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(
            f"The clips folder {clips} cannot be made: {exc.strerror}.", hint="Give paths.clips a writable folder."
        ) from exc


def protect_from_oom_killer() -> None:
    """Ask the kernel to end anything else first; only root may ask, and others do without."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OWN_OOM_SCORE_ADJ), encoding="ascii")
