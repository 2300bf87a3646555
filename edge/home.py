"""The board in Home Assistant: told of when it is due, once for each start of Home Assistant, and taken back.

Why the wait after Home Assistant's start: it says that it is online before it listens for devices, and all boards of a
house hear it at once.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from paho.mqtt.client import MQTTMessageInfo

from edge import __version__
from edge.connection import Connection
from edge.discovery import (
    Published,
    birth_topics,
    board_name,
    digest_of,
    discovery_message,
    moved,
    published,
)
from edge.jobqueue import JobQueue
from edge.picture import Picture
from edge.settings import Settings
from edge.wire import Incoming, Outgoing

READY_S = 2.0
SPREAD_S = 10.0

log = logging.getLogger(__name__)


class Home:
    """`take` gets every message, and gives `handle` those that are not Home Assistant's; `look` is called at every tick.

    `poster_url` gives the address of a job's poster, or nothing where it cannot be fetched. What the broker was told is
    remembered over all starts, so that it can be taken back when the board has another id or is not to be seen any more.
    """

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        *,
        handle: Callable[[Incoming], None],
        poster_url: Callable[[str], str],
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        share: Callable[[], float] = random.random,
    ) -> None:
        self.topics = birth_topics(settings.home_assistant)
        self._handle = handle
        self._clock = clock
        self._share = share
        self._wishes = queue.wishes
        before = _remembered(queue.wishes.discovered)
        self._message = discovery_message(
            settings, version=__version__, board=board_name(root), image_by_url=bool(poster_url("x")), before=before
        )
        self._digest = digest_of(self._message) if self._message else ""
        self._before = moved(before, topic=self._message.topic if self._message else "")
        self._picture = Picture(queue, node=settings.node.id, clips=settings.paths.clips, poster_url=poster_url)
        self._connection: Connection | None = None
        self._flying: list[tuple[MQTTMessageInfo, Outgoing]] = []
        self._due_at: float | None = None

    def take(self, message: Incoming) -> None:
        """Notice that Home Assistant has started; as `handle` for all else."""
        if message.topic not in self.topics:
            self._handle(message)
        elif message.payload == b"online" and self._due_at is None:
            self._due_at = self._clock() + READY_S + SPREAD_S * self._share()

    def look(self, connection: Connection | None) -> None:
        """Tell what is due on the present connection, if there is one."""
        if connection is None:
            return
        if connection is not self._connection:
            self._connection, self._flying = connection, []
            self._meet(connection)
        self._settle(connection)
        if self._due_at is not None and self._clock() >= self._due_at:
            self._due_at = None
            self._tell(connection, self._message)
            self._picture.again()
        picture = self._picture.look() if self._message else None
        if picture and connection.fits(picture):
            connection.publish(picture)

    def close(self) -> None:
        """Stop what runs."""
        self._picture.close()

    def _meet(self, connection: Connection) -> None:
        """On a new connection: take back what has to go, and tell what this broker has not been told or has lost."""
        for topic in self._before.gone:
            self._tell(connection, Outgoing(topic=topic, payload=b"", retain=True))
        if not connection.resumed or self._digest != self._before.digest:
            self._tell(connection, self._message)

    def _tell(self, connection: Connection, message: Outgoing | None) -> None:
        if message is None:
            return
        if connection.fits(message):
            if message.payload and self._before.digest != self._digest:
                self._keep(published(message, gone=self._before.gone, taken=False))
            self._flying.append((connection.publish(message), message))
        else:
            log.error("The message for Home Assistant is too large for the broker; raise its max_packet_size.")

    def _settle(self, connection: Connection) -> None:
        """Remember what the broker has taken. What was lost on the way is told again on the next connection."""
        flying, self._flying = self._flying, []
        for info, message in flying:
            if info.rc:
                continue
            if not info.is_published():
                self._flying.append((info, message))
            elif info.mid in connection.refused:
                log.warning(
                    "The broker does not let us write %s: allow it there, or set home_assistant.discovery to false.",
                    message.topic,
                )
            elif message.payload:
                self._keep(published(message, gone=self._before.gone, taken=True))
            else:
                log.info("Home Assistant is no longer told of %s.", message.topic)
                left = tuple(topic for topic in self._before.gone if topic != message.topic)
                self._keep(msgspec.structs.replace(self._before, gone=left))

    def _keep(self, after: Published) -> None:
        if after != self._before:
            self._before = after
            try:
                self._wishes.discovered = msgspec.json.encode(after).decode()
            except sqlite3.Error as exc:
                log.warning("What Home Assistant was told cannot be written down (%s). Free some disk space.", exc)


def _remembered(text: str) -> Published:
    try:
        return msgspec.json.decode(text, type=Published) if text else Published()
    except msgspec.MsgspecError:
        return Published()
