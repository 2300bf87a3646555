"""Links that are not what a client hopes for: one that breaks in the middle, and one whose other end says anything."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


class Link:
    """A port that was listened on; `heads` holds what each connection asked for."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/c/a.mp4"
        self.heads: list[str] = []
        self.connections = 0

    def asked(self, name: str) -> list[str]:
        """What each request had in this header."""
        lines = [[line for line in head.split("\r\n") if line.lower().startswith(name.lower())] for head in self.heads]
        return [found[0].partition(": ")[2] if found else "" for found in lines]


@contextmanager
def breaking(port: int, cuts: Sequence[int]) -> Iterator[Link]:
    """Pass on to `port`, and hang up after so many bytes of each answer; after the last cut, no more."""
    left = list(cuts)

    def serve(sock: socket.socket, head: bytes) -> None:
        limit = left.pop(0) if left else 1 << 40
        with socket.create_connection(("127.0.0.1", port), timeout=10) as board:
            board.sendall(head)
            while limit > 0 and (piece := board.recv(min(65536, limit))):
                sock.sendall(piece)
                limit -= len(piece)

    with _listening(serve) as link:
        yield link


@contextmanager
def saying(*answers: bytes) -> Iterator[Link]:
    """Say these answers, one for each connection, and the last one for ever."""
    left = list(answers)
    with _listening(lambda sock, _: sock.sendall(left.pop(0) if len(left) > 1 else left[0])) as link:
        yield link


@contextmanager
def _listening(serve: object) -> Iterator[Link]:
    assert callable(serve)
    link = Link()

    def loop() -> None:
        while True:
            try:
                sock, _ = link.listener.accept()
            except OSError:
                return
            with sock, suppress(OSError):
                sock.settimeout(10)
                link.connections += 1
                head = b""
                while b"\r\n\r\n" not in head and (piece := sock.recv(4096)):
                    head += piece
                link.heads.append(head.decode("latin-1"))
                serve(sock, head)
                sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield link
    finally:
        link.listener.shutdown(socket.SHUT_RDWR)
        thread.join(15)
        link.listener.close()
