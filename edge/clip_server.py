"""The server that finished clips are fetched from: bounded, small enough for the parent process, and with a page if wanted.

Why Python's own http.server: it is there on every board, and eight readers of finished files need no more. What it
leaves open (who may ask, how long, how much, how many) is closed here and in edge/clip_request.py. Without a page
nothing can be done here but read; edge/page_request.py is what a page adds.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge.clip_access import Address, access_of, address_of, tls_of
from edge.clip_request import PREFIX, ClipRequest, Offer
from edge.errors import SettingsError
from edge.page_access import page_access_of
from edge.page_files import page_files
from edge.page_request import Page, PageRequest, Shown
from edge.sections import Http

MAX_REQUESTS = 8
MAX_CONNECTIONS = 2 * MAX_REQUESTS  # the second half only hears that it has to come again
TIMEOUT_S = 15.0
POLL_S = 10.0  # only a net below `close`, which wakes the listener itself
CROWDED_S = 0.2
CROWDED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
LOGGED_CHARS = 300

log = logging.getLogger(__name__)


class ClipServer:
    """Serves `clips`/<job id>.mp4 and .jpg of the jobs for which `finished` is true; that is called from any thread.

    With `http.page` also the page, with what is `shown` there; `node` is the name of the board. With `http.port` 0 the
    kernel chooses a port. `timeout_s` bounds every wait for a client.
    Raises SettingsError when the settings would let everybody in, or name a file that is not right.
    """

    def __init__(
        self,
        http: Http,
        *,
        clips: Path,
        finished: Callable[[str], bool],
        shown: Shown | None = None,
        node: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._http = http
        self._address = address_of(http)
        self._tls = tls_of(http)
        self._offer = Offer(
            clips=clips,
            finished=finished,
            access=access_of(http, address=self._address),
            places=threading.BoundedSemaphore(MAX_REQUESTS),
            closing=threading.Event(),
            timeout_s=timeout_s,
        )
        self._page = self._page_of(shown, node=node) if shown and http.page else None
        self._listener: _Listener | None = None
        self._thread = threading.Thread(target=self._serve, name="clips", daemon=True)

    def start(self) -> None:
        """Listen, from now until `close`. Raises SettingsError when the port cannot be had."""
        try:
            self._listener = _Listener(
                self._address, self._http.port, tls=self._tls, timeout_s=self._offer.timeout_s, answer=self._answer()
            )
        except OSError as exc:
            raise SettingsError(
                f"http.port {self._http.port} on {self._http.host} cannot be listened on: {exc.strerror}.",
                hint="Choose another http.port, above 1023, or an http.host that is an address of this board.",
            ) from exc
        self._thread.start()

    def close(self) -> None:
        """Listen no more and break off what is being sent. May be called again, and without a start."""
        self._offer.closing.set()
        if not self._listener:
            return
        if self._thread.is_alive():
            with suppress(OSError):
                self._listener.socket.shutdown(socket.SHUT_RDWR)  # or it would notice at its next look only
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()

    @property
    def alive(self) -> bool:
        """False when the thread has died, which is a fault of this program."""
        return self._thread.is_alive()

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        return self._listener.server_port if self._listener else self._http.port

    @property
    def page_url(self) -> str:
        """Where the page is; empty when there is none."""
        return f"{self._http.url or self._base()}/" if self._page else ""

    def url_of(self, job_id: str) -> str:
        """Where others find the clip of a job. It holds no token."""
        return f"{self._http.url or self._base()}{PREFIX}{job_id}.mp4"

    def poster_url(self, job_id: str) -> str:
        """Where another machine that has neither token nor our certificate's authority finds the poster of a job.

        It opens that one picture only. Empty where no such machine can fetch it.
        """
        access = self._offer.access
        closed = access.certificates and not access.token
        if closed or (not self._http.url and (self._address.loopback or self._tls)):
            return ""
        path = f"{PREFIX}{job_id}.jpg"
        shown = access.pass_for(path)
        return f"{self._http.url or self._base()}{path}{f'?pass={shown}' if shown else ''}"

    def _page_of(self, shown: Shown, *, node: str) -> Page:
        access = page_access_of(self._http, access=self._offer.access, address=self._address, node=node)
        return Page(shown=shown, access=access, files=page_files())

    def _answer(self) -> Callable[..., ClipRequest]:
        if self._page:
            return partial(PageRequest, offer=self._offer, page=self._page)
        return partial(ClipRequest, offer=self._offer)

    def _base(self) -> str:
        name = socket.gethostname()
        local = name if "." in name else f"{name}.local"
        host = local if self._address.anywhere else self._http.host
        return f"http{'s' if self._tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def _serve(self) -> None:
        if self._listener:
            self._listener.serve_forever(POLL_S)


class _Listener(ThreadingHTTPServer):
    """Takes connections, each into a thread of its own, and no more of them than there are places."""

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        address: Address,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        timeout_s: float,
        answer: Callable[..., ClipRequest],
    ) -> None:
        self.address_family = address.family
        self._tls = tls
        self._timeout_s = timeout_s
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((address.host, port), answer)

    def server_bind(self) -> None:
        """As http.server does it, but without asking a name server who we are: a board may have none."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection; when there are no more file numbers, wait, or this would be tried without a pause."""
        try:
            return super().get_request()
        except OSError as exc:
            if exc.errno in CROWDED:
                time.sleep(CROWDED_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or hang up when there are too many."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._connections.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one request. The handshake is made here, in its own thread, so that it holds up nobody."""
        request.settimeout(self._timeout_s)
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        connection = self._tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(connection, client_address)
        finally:
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """The edge of one connection: whatever ended it, the server goes on."""
        error = sys.exc_info()[1]
        level = logging.DEBUG if isinstance(error, OSError) else logging.ERROR
        log.log(level, "A client of the clip server was not served: %s", ascii(error)[:LOGGED_CHARS])
