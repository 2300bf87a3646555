"""What the page shows, as it changes: Server-Sent Events, until the reader goes or its time is over.

Why a look four times a second and no wake-up: whoever watches sees a change at once enough, and while nobody does,
nothing is done at all. Why it ends: a reader that sleeps holds a thread; one that is awake comes back by itself.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable

STREAM_S = 900.0
LOOK_MS = 250
ALIVE_S = 10.0  # a reader that is gone without a word is noticed by this
COME_BACK_MS = 2000


def stream(
    connection: socket.socket,
    parts: Callable[[], dict[str, bytes]],
    *,
    closing: threading.Event,
    for_s: float = STREAM_S,
) -> None:
    """Send each of `parts` when it is another than before. Raises OSError when the reader is gone or reads too slowly."""
    gone = select.poll()
    gone.register(connection, select.POLLIN | select.POLLRDHUP)
    until, told_at, told = time.monotonic() + for_s, time.monotonic(), dict[str, bytes]()
    connection.sendall(b"retry: %d\n\n" % COME_BACK_MS)
    while not closing.is_set() and time.monotonic() < until:
        new = {name: part for name, part in parts().items() if told.get(name) != part}
        if new or time.monotonic() - told_at > ALIVE_S:
            events = [b"event: %s\ndata: %s\n\n" % (name.encode(), part) for name, part in new.items()]
            connection.sendall(b"".join(events) or b":\n\n")
            told, told_at = told | new, time.monotonic()
        if gone.poll(LOOK_MS):
            return
