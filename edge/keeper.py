"""The finished clips of a daemon: whether there is room for more, where they are fetched from, which have to go."""

from __future__ import annotations

import base64
import logging
import sqlite3
import time
from typing import Any

from edge.clip_server import ClipServer
from edge.errors import SettingsError
from edge.job import Job
from edge.jobqueue import JobQueue
from edge.page_request import Shown
from edge.settings import Settings
from edge.shelf import KeptClip, free_mib, kept_clips, remove_clips, remove_strays, to_remove

PERIOD_S = 60.0
HURRY_S = 5.0
MAX_INLINE_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class Keeper:
    """`look` is called at every tick and does something once a minute, or sooner while the disk has no room.

    `shown` is what stands on the page, if one is wanted. Raises SettingsError for a server that cannot be had.
    """

    def __init__(self, settings: Settings, queue: JobQueue, *, shown: Shown | None = None) -> None:
        if settings.http.page and not settings.http.port:
            raise SettingsError(
                "http.page is on, and http.port is 0: nothing serves it.", hint="Set http.port to 8080."
            )
        self._limits = settings.clips
        self._folder = settings.paths.clips
        self._serves = settings.http.port > 0
        self._upkeep = queue.upkeep
        self._library = queue.library
        self._now = queue.now
        self._server = ClipServer(
            settings.http, clips=self._folder, finished=queue.upkeep.finished, shown=shown, node=settings.node.id
        )
        self._next = self._hurry = 0.0

    def start(self) -> None:
        """Serve the clips, if that is wanted. Raises SettingsError when the port cannot be had."""
        if self._serves:
            self._server.start()
        if self._serves and self._server.page_url:
            log.info("The page is at %s", self._server.page_url)

    def close(self) -> None:
        """Serve no more."""
        self._server.close()

    @property
    def alive(self) -> bool:
        """False when the server's thread has died, which is a fault of this program."""
        return not self._serves or self._server.alive

    def has_room(self) -> bool:
        """Whether the disk has room for another clip beside the reserve."""
        free = free_mib(self._folder)
        return free is None or free >= self._limits.reserve_mib

    def look(self) -> None:
        """Clear away what need not be kept, now and then."""
        moment = time.monotonic()
        if moment < self._next and (moment < self._hurry or self.has_room()):
            return
        self._next, self._hurry = moment + PERIOD_S, moment + HURRY_S
        now = min(time.time(), self._now())  # whichever way the clock was set meanwhile, nothing looks older than it is
        kept = kept_clips(self._folder, now=now, delivered=self._upkeep.delivered)
        gone = to_remove(kept, limits=self._limits, free_mib=free_mib(self._folder))
        if remove_clips(self._folder, job_ids=gone) + remove_strays(self._folder, now=now):
            log.info("Clips cleared away: %s", ", ".join(gone) or "unfinished ones")
        try:
            self._upkeep.forget(now=self._now())
            self._forget(kept, gone)
        except sqlite3.Error as exc:
            log.warning("The queue cannot be tidied up (%s). Free some disk space.", exc)

    def _forget(self, kept: list[KeptClip], gone: list[str]) -> None:
        """Tell the library what is left; a folder that shows nothing may be a disk that is not there."""
        if gone:
            self._library.forget(gone)
        if kept:
            nameless = self._library.tidy(job_id for clip in kept for job_id in clip.job_ids)
            remove_clips(self._folder, job_ids=nameless)
            self._library.forget(nameless)

    def poster_url(self, job_id: str) -> str:
        """Where Home Assistant can fetch the poster of a job; empty where it cannot."""
        return self._server.poster_url(job_id) if self._serves else ""

    def told(self, job: Job, result: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The result with where its clip is fetched from, and the clip in base64 where that was asked for."""
        told = {"url": self._server.url_of(job.id)} | result if self._serves else result
        wanted = job.request.deliver == "inline" and job.reply and result.get("bytes", 0) <= MAX_INLINE_BYTES
        return told, self._inline(job.id) if wanted else ""

    def _inline(self, job_id: str) -> str:
        try:
            return base64.b64encode((self._folder / f"{job_id}.mp4").read_bytes()).decode()
        except OSError as exc:
            log.warning("The clip of job %s cannot be sent along: %s.", job_id, exc.strerror)
            return ""
