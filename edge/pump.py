"""The thread that sends the outbox: a message is dropped from it when its PUBACK says that the broker took it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from edge.connection import Connection
from edge.jobqueue import JobQueue
from edge.mqtt import TOO_LARGE
from edge.wire import shorten

PERIOD_S = 5.0
REFUSED_RETRY_S = 60.0
FAILURE = 0x80
NOBODY_LISTENS = 0x10
MOST_ENDS = 3

log = logging.getLogger(__name__)


class Pump:
    """`connection` gives the present connection or None. Set `wake` when there is something to do."""

    def __init__(self, queue: JobQueue, *, connection: Callable[[], Connection | None]) -> None:
        self._queue = queue
        self._outbox = queue.outbox
        self._connection = connection
        self._last: Connection | None = None
        self._one_by_one_to = 0
        self._ends: Counter[int] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-outbox", daemon=True)
        self.wake = threading.Event()
        queue.watch(self.wake)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False when the thread has died, which is a fault of this program."""
        return self._thread.is_alive()

    def stop(self, *, flush_s: float) -> None:
        """Send what waits, for at most `flush_s` seconds, and end the thread."""
        deadline = time.monotonic() + flush_s
        while time.monotonic() < deadline and self._can_send() and self._outbox.depth():
            time.sleep(0.02)
        self._stop.set()
        self.wake.set()
        self._thread.join(timeout=2)

    def turn(self, connection: Connection) -> None:
        """Read what the broker has answered, and send what is due. Raises sqlite3.Error."""
        if self._last and self._last is not connection:
            self._look_back(self._last)
        self._last = connection
        self._take_acks(connection)
        if connection.ready:
            self._send_due(connection)

    def _can_send(self) -> bool:
        connection = self._connection()
        return connection is not None and connection.ready

    def _run(self) -> None:
        while not self._stop.is_set():
            self.wake.wait(PERIOD_S)
            self.wake.clear()
            connection = self._connection()
            if connection is None:
                continue
            try:
                self.turn(connection)
            except sqlite3.Error as exc:
                log.warning("The outbox cannot be used (%s); trying again. Free some disk space.", exc)
                self._stop.wait(PERIOD_S)

    def _look_back(self, ended: Connection) -> None:
        """What was on its way when a connection ended may be why it ended.

        It is sent one by one then, and what ends a connection each time it is sent alone has to wait. Some brokers
        answer in this way to what they do not take; without this, they would be sent nothing else for ever.
        """
        self._take_acks(ended)
        left = sorted(ended.in_flight.values(), key=lambda pending: pending.seq)
        self._one_by_one_to = left[-1].seq if left else self._one_by_one_to
        if len(left) == 1:
            seq, topic = left[0].seq, left[0].message.topic
            self._ends[seq] += 1
            if (over := self._ends[seq] - MOST_ENDS) >= 0:
                log.error("Each time a message on %s is sent the connection ends; see the broker's log for why.", topic)
                self._outbox.defer(seq, until=self._queue.now() + REFUSED_RETRY_S * 2 ** min(over, 6))
        ended.in_flight.clear()

    def _take_acks(self, connection: Connection) -> None:
        while connection.acks:
            mid, reason = connection.acks[0]
            pending = connection.in_flight.get(mid)
            if pending and pending.handover and (reason == NOBODY_LISTENS or reason >= FAILURE):
                self._queue.sharing.come_back(pending, now=self._queue.now())
            elif pending and reason == TOO_LARGE:
                connection.was_too_large(pending.message)
            elif pending and reason < FAILURE:
                self._outbox.drop(pending.seq)
            elif pending and not pending.message.retain:
                log.warning("The broker takes no answer on %s (reason 0x%02x).", pending.message.topic, reason)
                self._outbox.drop(pending.seq)
            elif pending:
                log.error("The broker refuses a message on %s (reason 0x%02x).", pending.message.topic, reason)
                self._outbox.defer(pending.seq, until=self._queue.now() + REFUSED_RETRY_S)
            if pending:
                self._ends.pop(pending.seq, None)
            connection.in_flight.pop(mid, None)
            connection.acks.popleft()

    def _send_due(self, connection: Connection) -> None:
        flying = {pending.seq for pending in connection.in_flight.values()}
        due = self._outbox.due(now=self._queue.now(), limit=connection.window)
        if due and due[0].seq <= self._one_by_one_to:
            due = due[:1]
        for pending in due:
            if pending.seq in flying:
                continue
            message = pending.message
            if not connection.fits(message):
                message = replace(message, payload=shorten(message.payload))
            if connection.fits(message):
                connection.in_flight[connection.publish(message).mid] = replace(pending, message=message)
            elif pending.handover:
                self._queue.sharing.come_back(pending, now=self._queue.now())
            else:
                log.error("A message on %s is too large for the broker; raise its max_packet_size.", message.topic)
                self._outbox.defer(pending.seq, until=self._queue.now() + REFUSED_RETRY_S)
