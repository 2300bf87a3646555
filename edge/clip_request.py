"""One request to the clip server, from its first byte to its last: one connection carries one request.

Why the head is read here and not by http.server: its bounds are 64 KiB for each of a hundred lines, and seconds for each
read; a small board needs a bound on the whole head, in bytes and in time.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from ssl import SSLSocket
from typing import Any, BinaryIO

import msgspec

from edge.byte_range import byte_range
from edge.clip_access import Access
from edge.request import ID_PATTERN

PREFIX = "/c/"
TYPES = {"mp4": "video/mp4", "jpg": "image/jpeg"}
MAX_HEAD_BYTES = 8192
SLICE_BYTES = 256 * 1024
MIN_BYTES_PER_S = 8 * 1024  # who reads more slowly gives the place to somebody else
RETRY_AFTER_S = 2
LOGGED_CHARS = 100
REFUSALS = {
    HTTPStatus.BAD_REQUEST: "This is no request that can be understood.",
    HTTPStatus.UNAUTHORIZED: "Show the token: Authorization: Bearer TOKEN, or ?token=TOKEN.",
    HTTPStatus.NOT_FOUND: "There is no such clip here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Clips can only be read: GET or HEAD.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The clip has no such bytes.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"The request is longer than {MAX_HEAD_BYTES} bytes.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Others are being served; try again in a moment.",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What is served, to whom, and within which bounds. `places` is taken once for each request that is answered.

    `finished` may be called from several threads at once. `timeout_s` is for the handshake, for the head of a request,
    and for every wait while its answer is sent. Once `closing` is set, answers break off.
    """

    clips: Path
    finished: Callable[[str], bool]
    access: Access
    places: threading.BoundedSemaphore
    closing: threading.Event
    timeout_s: float


class ClipRequest(BaseHTTPRequestHandler):
    """Answers one request; what goes wrong with the connection is raised as OSError."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # also for a request line that names none
    server_version = "edgereel"
    sys_version = ""
    disable_nagle_algorithm = True
    command = path = requestline = ""
    request_version = protocol_version

    def __init__(self, *args: Any, offer: Offer) -> None:
        self.offer = offer
        super().__init__(*args)

    def handle(self) -> None:
        """Read the head, answer, and be done: a kept connection would keep a thread."""
        head = self._read_head()
        self.rfile.close()
        self.rfile = io.BytesIO(head)
        if len(head) > MAX_HEAD_BYTES:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self.raw_requestline = self.rfile.readline()
        if self.parse_request():
            self.answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server itself refuses; its own text would repeat the request."""
        self.refuse(HTTPStatus(code))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        """One line for each answer, without the query, which may hold the token."""
        path = self.path.partition("?")[0][:LOGGED_CHARS]
        log.debug("%s %s: %s", ascii(self.command), ascii(path), ascii(code))

    def log_message(self, *_: Any) -> None:
        """Nothing else: what http.server would log is not escaped."""

    def _read_head(self) -> bytes:
        """The request up to its empty line; nothing when it ends before, more than is allowed when it never does."""
        head, until = b"", time.monotonic() + self.offer.timeout_s
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) <= MAX_HEAD_BYTES:
            self.connection.settimeout(max(until - time.monotonic(), 0.001))
            piece = self.connection.recv(4096)
            if not piece:
                return b""
            head += piece
        self.connection.settimeout(self.offer.timeout_s)
        return head

    def answer(self) -> None:
        """Answer the request whose head was read."""
        path, _, query = self.path.partition("?")
        if self.command not in {"GET", "HEAD"}:
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, HEAD")
        elif not self.allowed(path, query):
            self.refuse(HTTPStatus.UNAUTHORIZED, **{"WWW-Authenticate": "Bearer"})
        elif not self.offer.places.acquire(blocking=False):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, **{"Retry-After": str(RETRY_AFTER_S)})
        else:
            try:
                self._serve(path)
            finally:
                self.offer.places.release()

    def allowed(self, path: str, query: str) -> bool:
        """Whether whoever asks may have this."""
        certificate = isinstance(self.connection, SSLSocket) and bool(self.connection.getpeercert())
        shown = self.headers.get("Authorization", "")
        return self.offer.access.allows(authorization=shown, query=query, certificate=certificate, path=path)

    def _serve(self, path: str) -> None:
        job_id, _, kind = path.removeprefix(PREFIX).partition(".")
        known = path.startswith(PREFIX) and kind in TYPES and ID_PATTERN.match(job_id)
        file = _open_regular(self.offer.clips / f"{job_id}.{kind}") if known and self.offer.finished(job_id) else None
        if file is None:
            self.refuse(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._send(file, TYPES[kind])

    def _send(self, file: BinaryIO, kind: str) -> None:
        about = os.fstat(file.fileno())
        size, etag = about.st_size, f'"{about.st_size:x}-{about.st_mtime_ns:x}"'
        modified = formatdate(about.st_mtime, usegmt=True)
        headers = {
            "ETag": etag,
            "Last-Modified": modified,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600",
        }
        if etag in etags(self.headers.get("If-None-Match", "")):
            self.begin(HTTPStatus.NOT_MODIFIED, headers)
            return
        wanted = self._wanted(size, (etag, modified))
        if wanted is not None and not wanted:
            self.refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, **{"Content-Range": f"bytes */{size}"})
            return
        status, part = (HTTPStatus.OK, range(size)) if wanted is None else (HTTPStatus.PARTIAL_CONTENT, wanted)
        if wanted is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        self.begin(status, headers | {"Content-Type": kind, "Content-Length": str(len(part))})
        if self.command == "GET":
            self._send_bytes(file, part)

    def _wanted(self, size: int, marks: tuple[str, str]) -> range | None:
        """The part that is asked for; None for the whole, which is also the answer when the file is another by now."""
        unchanged = self.headers.get("If-Range", marks[0]).strip() in marks
        return byte_range(self.headers.get("Range", ""), size=size) if self.command == "GET" and unchanged else None

    def _send_bytes(self, file: BinaryIO, part: range) -> None:
        """Send without a copy in memory where the kernel can. Raises OSError when it takes too long."""
        until, at = time.monotonic() + self.offer.timeout_s + len(part) / MIN_BYTES_PER_S, part.start
        while at < part.stop:
            left = until - time.monotonic()
            if left <= 0 or self.offer.closing.is_set():
                raise TimeoutError("the answer was broken off")
            self.connection.settimeout(min(self.offer.timeout_s, left))
            sent = self.connection.sendfile(file, at, min(SLICE_BYTES, part.stop - at))
            if not sent:
                raise ConnectionAbortedError("the file became shorter")
            at += sent

    def refuse(self, status: HTTPStatus, **headers: str) -> None:
        """Say no, in one sentence."""
        code = status.phrase.lower().replace(" ", "_")
        body = msgspec.json.encode({"code": code, "message": REFUSALS.get(status, status.phrase)})
        about = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        self.begin(status, headers | about)
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        """Send the head of the answer."""
        self.close_connection = True
        self.send_response(status)
        for name, value in (headers | {"X-Content-Type-Options": "nosniff", "Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()


def _open_regular(path: Path) -> BinaryIO | None:
    """Open a file that is one, and no link to one. Without O_NONBLOCK, a pipe of that name would hold us."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        return None
    return os.fdopen(number, "rb")


def etags(header: str) -> list[str]:
    """The marks of what somebody has already."""
    return [part.strip().removeprefix("W/") for part in header.split(",")]
