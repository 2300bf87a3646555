"""The picture of the last clip, for Home Assistant: its address where it can be fetched, else a JPEG that MQTT can carry."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.jobqueue import JobQueue
from edge.wire import Outgoing, node_topic

MAX_THUMB_BYTES = 48 * 1024
SHRINK_S = 30.0

log = logging.getLogger(__name__)


class Picture:
    """`poster_url` gives the address of a job's poster, or nothing. `look` is called at every tick and never waits."""

    def __init__(self, queue: JobQueue, *, node: str, clips: Path, poster_url: Callable[[str], str]) -> None:
        self._runs = queue.runs
        self._node = node
        self._clips = clips
        self._poster_url = poster_url
        self._changed = threading.Event()
        self._shown = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._until = 0.0
        queue.watch(self._changed)
        self._changed.set()

    def again(self) -> None:
        """Show it once more: somebody has come who has not seen it."""
        self._shown = ""
        self._changed.set()

    def look(self) -> Outgoing | None:
        """What to publish now: a picture that was not shown yet."""
        if self._child:
            return self._shrunk(self._child)
        if not self._changed.is_set():
            return None
        self._changed.clear()
        last = self._runs.last()
        if last is None or last.job_id == self._shown:
            return None
        self._shown = last.job_id
        if url := self._poster_url(last.job_id):
            return Outgoing(topic=node_topic(self._node, "poster"), payload=url.encode(), qos=0)
        return self._small(self._clips / f"{last.job_id}.jpg")

    def close(self) -> None:
        """Leave the picture that is being made smaller."""
        if self._child:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _small(self, poster: Path) -> Outgoing | None:
        try:
            data = poster.read_bytes()
        except OSError as exc:
            log.debug("There is no poster %s: %s.", poster, exc.strerror)
            return None
        if len(data) <= MAX_THUMB_BYTES:
            return self._thumb(data)
        command = [sys.executable, "-m", "edge.thumbnail", str(poster), str(MAX_THUMB_BYTES)]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._until = time.monotonic() + SHRINK_S
        return None

    def _shrunk(self, child: subprocess.Popen[bytes]) -> Outgoing | None:
        if child.poll() is None:
            if time.monotonic() > self._until:
                child.kill()
            return None
        data, _ = child.communicate()  # it has ended, and wrote less than a pipe holds
        self._child = None
        return self._thumb(data) if data else None

    def _thumb(self, data: bytes) -> Outgoing:
        return Outgoing(topic=node_topic(self._node, "thumb"), payload=data, qos=0)
