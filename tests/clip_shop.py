"""A real clip server over a folder of the test, and raw requests to it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.clip_server import ClipServer
from edge.sections import Http

CLIP = bytes(range(256)) * 400
POSTER = b"\xff\xd8\xff poster"
TOKEN = "s3cret-token"


@dataclass(frozen=True)
class Answer:
    """What a server said, taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def serving(folder: Path, *, timeout_s: float = 5.0, finished: object = None, **http: object) -> Iterator[ClipServer]:
    """A server of `folder`/clips, which holds the finished clip `a` and the unfinished `b`."""
    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    for name, content in (("a.mp4", CLIP), ("a.jpg", POSTER), ("b.mp4", b"half a cl")):
        (clips / name).write_bytes(content)
    known = finished if callable(finished) else lambda job_id: job_id != "b"
    server = ClipServer(Http(**http), clips=clips, finished=known, timeout_s=timeout_s)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.close()


def connect(server: ClipServer, context: ssl.SSLContext | None = None) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    return context.wrap_socket(sock, server_hostname="127.0.0.1") if context else sock


def fetch(
    server: ClipServer,
    path: str = "/c/a.mp4",
    *,
    method: str = "GET",
    context: ssl.SSLContext | None = None,
    **headers: str,
) -> Answer:
    """One request; a header's name is written with underscores."""
    lines = [f"{method} {path} HTTP/1.1", "Host: board", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return say(server, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), context=context)


def say(server: ClipServer, words: bytes, *, context: ssl.SSLContext | None = None) -> Answer:
    """Send these bytes and read the answer to its end."""
    with connect(server, context) as sock:
        sock.sendall(words)
        return read_answer(sock)


def read_answer(sock: socket.socket) -> Answer:
    said = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(first.split()[1]) if first else 0, headers, body)
