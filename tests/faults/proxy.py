"""A TCP proxy on loopback that can be slow, cut what goes through it, or keep sockets open and pass on nothing."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = 65536


class Proxy:
    """Listens on `port` and passes on to `target`, both ways `latency_s` later.

    While `frozen` is set nothing is passed on, in either direction, but no socket is closed and new ones are taken.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.latency_s = 0.0
        self.connections = 0
        self.frozen = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection; the next one is passed on again."""
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            _shut(sock)

    def close(self) -> None:
        self._closed.set()
        self.frozen.clear()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:  # the broker is down
                near.close()
                continue
            far.settimeout(None)
            self.connections += 1
            with self._lock:
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                threading.Thread(target=self._read, args=(source, pieces), daemon=True).start()
                threading.Thread(target=self._write, args=(source, sink, pieces), daemon=True).start()

    def _read(self, source: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        piece = b"-"
        while piece:
            try:
                piece = source.recv(PIECE)
            except OSError:
                piece = b""
            pieces.put((time.monotonic() + self.latency_s, piece))

    def _write(
        self, source: socket.socket, sink: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]
    ) -> None:
        """Pass on what was read, when it is due; at the end close both."""
        with suppress(OSError):
            while True:
                due, piece = pieces.get()
                time.sleep(max(0.0, due - time.monotonic()))
                while self.frozen.is_set():
                    time.sleep(0.05)
                if not piece:
                    break
                sink.sendall(piece)
        _shut(source)
        _shut(sink)
        with self._lock:
            self._sockets -= {source, sink}


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        sock.close()


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A Proxy for the time of the block."""
    one = Proxy(target)
    try:
        yield one
    finally:
        one.close()
