"""One file of known size over http or https, over as many connections as it takes.

Why no redirect is followed: the token would go to an address that nobody named. Why errors are put into our own words:
what the other side sends is shown on a terminal.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import IO

from edge.errors import OutputError, SettingsError

CHUNK_BYTES = 256 * 1024
TIMEOUT_S = 30.0
TRIES = 6  # in a row, without a new byte
MAX_PAUSE_S = 15.0
RETRIED = (408, 416, 429, 500, 502, 503, 504)
HINTS = {
    401: "Give the token of the board's clip server.",
    403: "Give the token of the board's clip server.",
    404: "The board does not keep clips for ever: ask for it again under a new id.",
}


def open_web(url: str, *, ca_file: str, cert_file: str, key_file: str) -> urllib.request.OpenerDirector:
    """What opens http and https addresses and nothing else: no files, no redirects.

    `ca_file` is whose word counts (empty: the system's); `cert_file` and `key_file` are our own certificate.
    Raises SettingsError when one of them cannot be used.
    """
    opener = urllib.request.OpenerDirector()
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler(), urllib.request.HTTPHandler()]
    if url.startswith("https:"):
        context = _tls(ca_file=ca_file, cert_file=cert_file, key_file=key_file)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    for handler in (*handlers, urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener


class Transfer:
    """The transfer of `size` bytes from `url`; `headers` go with every request."""

    def __init__(self, url: str, *, size: int, headers: dict[str, str], opener: urllib.request.OpenerDirector) -> None:
        self._url = url
        self._opener = opener
        self._size = size
        self._headers = headers
        self._etag = ""

    def into(self, part: Path, *, until: float, pause_s: float) -> None:
        """Write `part`. Raises OutputError after TRIES tries without a new byte, or when it is `until`."""
        part.write_bytes(b"")
        idle, reason = 0, ""
        while (have := part.stat().st_size) < self._size:
            late = time.monotonic() > until
            if late or idle >= TRIES:
                raise OutputError(
                    f"{self._url} gave {have} of {self._size} bytes: {'the time is over' if late else reason}.",
                    hint="Is the board on, and its clip server to be reached from here? Then try again.",
                )
            time.sleep(min(pause_s * 2 ** (idle - 1), MAX_PAUSE_S) if idle else 0.0)
            reason = self._try(part, have, until=until)
            idle = 0 if part.stat().st_size > have else idle + 1

    def _try(self, part: Path, have: int, *, until: float) -> str:
        """One connection; returns why it ended. Raises OutputError when another one would be no better."""
        try:
            self._ask(part, have, until=until)
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code not in RETRIED:
                    raise OutputError(
                        f"{self._url} answers {exc.code}.", hint=HINTS.get(exc.code, "Is this the board's clip server?")
                    ) from exc
                if exc.code == 416:  # what we have does not fit their file: begin anew
                    part.write_bytes(b"")
                return f"it answers {exc.code}"
        except (OSError, http.client.HTTPException) as exc:
            return self._why(exc)
        return "the connection ended early"

    def _ask(self, part: Path, have: int, *, until: float) -> None:
        resume = {"Range": f"bytes={have}-"} if have else {}
        if have and self._etag:
            resume["If-Range"] = self._etag
        # The opener knows http and https and nothing else.
        request = urllib.request.Request(self._url, headers=self._headers | resume)  # noqa: S310
        with self._opener.open(request, timeout=TIMEOUT_S) as answer:
            self._check_size(answer.headers)
            resumed = answer.status == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise http.client.HTTPException  # a part that nobody asked for
            self._etag = answer.headers.get("ETag", "")
            with _opened(part, "ab" if resumed else "wb") as out:
                self._copy(answer, out, have if resumed else 0, until=until)

    def _check_size(self, headers: Message) -> None:
        said = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
        if said.isdecimal() and said != str(self._size):
            raise OutputError(
                f"{self._url} is refused: it has {said[:20]} bytes, the result says {self._size}.",
                hint="The board holds another clip there by now; nothing was kept.",
            )

    def _copy(self, answer: http.client.HTTPResponse, out: IO[bytes], have: int, *, until: float) -> None:
        while piece := answer.read1(min(CHUNK_BYTES, self._size - have + 1)):
            have += len(piece)
            if have > self._size:
                raise OutputError(
                    f"{self._url} is refused: it has more than the {self._size} bytes of the result.",
                    hint="Is this the board's clip server? Nothing was kept.",
                )
            _write(out, piece)
            if time.monotonic() > until:
                return

    def _why(self, exc: OSError | http.client.HTTPException) -> str:
        """The reason in our own words or the kernel's, never in those of the other side."""
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise OutputError(
                f"{self._url} has a certificate that is not trusted: {reason.verify_message}.",
                hint="Name the certificate authority of the board's clip server, and use the host of its certificate.",
            ) from exc
        return (reason.strerror if isinstance(reason, OSError) else "") or type(reason).__name__


def _tls(*, ca_file: str, cert_file: str, key_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
        if cert_file:
            context.load_cert_chain(cert_file, key_file or None)
    except OSError as exc:
        raise SettingsError(
            f"The certificates for https cannot be used: {exc.strerror or exc}.",
            hint=f"Look at these files: {', '.join(filter(None, (ca_file, cert_file, key_file)))}.",
        ) from exc
    return context


def _opened(part: Path, mode: str) -> IO[bytes]:
    try:
        return part.open(mode, buffering=0)
    except OSError as exc:
        raise _not_written(part, exc) from exc


def _write(out: IO[bytes], piece: bytes) -> None:
    view = memoryview(piece)
    try:
        while view:
            view = view[out.write(view) :]
    except OSError as exc:
        raise _not_written(Path(out.name), exc) from exc


def _not_written(part: Path, exc: OSError) -> OutputError:
    """A fault of our disk; told apart from one of the network, which is worth another try."""
    return OutputError(f"{part.parent} cannot be written: {exc.strerror}.", hint="Free some disk space there.")
