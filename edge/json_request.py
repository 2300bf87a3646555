"""A request to the clip server whose body or answer is JSON: read within bounds, refused with the reason."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http import HTTPStatus

import msgspec

from edge.clip_request import MIN_BYTES_PER_S, RETRY_AFTER_S, ClipRequest
from edge.errors import EdgereelError, RequestError
from edge.request import MAX_BODY_BYTES
from edge.wire import error_body

LINGER_S = 1.0
LENGTH_DIGITS = 12
GUARDS = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
STATUS = {
    "id_conflict": HTTPStatus.CONFLICT,
    "unknown": HTTPStatus.NOT_FOUND,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "no_token": HTTPStatus.UNAUTHORIZED,
    "wrong_token": HTTPStatus.FORBIDDEN,
    "not_from_here": HTTPStatus.FORBIDDEN,
    "wrong_name": HTTPStatus.MISDIRECTED_REQUEST,
    "no_length": HTTPStatus.LENGTH_REQUIRED,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "no_such_address": HTTPStatus.NOT_FOUND,
    "wrong_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
}


class JsonRequest(ClipRequest):
    """What every answer of the page needs."""

    def body(self, *, most: int = MAX_BODY_BYTES) -> bytes:
        """All that was sent, which is bounded in bytes and in time."""
        told = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (
            told.isascii() and told.isdecimal() and len(told) <= LENGTH_DIGITS
        ):
            raise RequestError("The length of the request is not told.", hint="Send Content-Length.", code="no_length")
        length = int(told)
        if length > most:
            much = f"The request has {length} bytes; {most} is the most."
            raise RequestError(much, hint="Send less.", code="too_large")
        until, body = time.monotonic() + self.offer.timeout_s + length / MIN_BYTES_PER_S, self.rfile.read(length)
        while len(body) < length:
            left = until - time.monotonic()
            self.connection.settimeout(max(min(self.offer.timeout_s, left), 0.001))
            piece = self.connection.recv(min(65536, length - len(body)))
            if not piece:
                raise ConnectionAbortedError("the request broke off")
            body += piece
        return body

    def check_method(self, *known: str) -> None:
        """Raise RequestError for any other method."""
        if self.command not in known:
            raise RequestError("This cannot be done here.", hint=f"Use {' or '.join(known)}.", code="wrong_method")

    def refuse_with(self, error: EdgereelError) -> None:
        """Say no, and what to do."""
        status = STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
        wait_s = error.retry_after_s or RETRY_AFTER_S
        more = {"Retry-After": str(round(wait_s))} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
        more |= {"Allow": "GET, HEAD"} if status is HTTPStatus.METHOD_NOT_ALLOWED else {}
        self.send_json(status, msgspec.json.encode(error_body(error)), more)
        if self.command == "POST":
            self._linger()

    def send_json(self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON, which nobody keeps."""
        self.send_body(status, body, GUARDS | {"Content-Type": "application/json"} | (headers or {}))

    def send_body(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        """Answer with these bytes."""
        self.begin(status, headers | {"Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _linger(self) -> None:
        """Read on for a moment: with something left unread, the kernel would break off the answer."""
        until = time.monotonic() + LINGER_S
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(65536):
                    return
