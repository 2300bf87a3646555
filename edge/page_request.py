"""One request to a clip server that has a page: the page's files, what they show, and what somebody does on them.

GET  /, /page.css, ...     the page, open to all: nothing in it is secret
POST /api/login            {"token": ...} becomes a cookie; /api/logout takes it back
GET  /api/state            all that the page shows
GET  /api/events           the same as it changes (Server-Sent Events)
GET  /api/clips?before=ID  older clips
POST /api/jobs             a request, as over MQTT; /api/jobs/ID/again the same with another seed; /api/jobs/ID/cancel
All else is the clip server's, for which the cookie is as good as the token.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from edge import json_request
from edge.clip_request import PREFIX, Offer, etags
from edge.errors import EdgereelError, RequestError
from edge.json_request import JsonRequest
from edge.page_access import PageAccess
from edge.page_files import GUARDS, PageFile
from edge.page_stream import stream
from edge.request import ID_PATTERN
from edge.wire import decode

MAX_STREAMS = 4
MAX_LOGINS = 2
MAX_LOGIN_BYTES = 4096
WRONG_TOKEN_S = 1.0
API = "/api/"


class Shown(Protocol):
    """What stands behind the page. All verbs may be called from several threads at once.

    They return JSON values, or raise RequestError, or sqlite3.Error when nothing could be saved.
    """

    def parts(self) -> dict[str, bytes]:
        """All that is shown, as JSON, in parts that change by themselves."""

    def older(self, before: str) -> dict[str, Any]:
        """The clips before that one."""

    def ask(self, body: bytes) -> dict[str, Any]:
        """Take a request."""

    def again(self, job_id: str, *, as_id: str | None) -> dict[str, Any]:
        """Take the request of a job once more, with another seed."""

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is served beside the clips: to whom, and how many may watch or try a token at once."""

    shown: Shown
    access: PageAccess
    files: dict[str, PageFile]
    streams: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_STREAMS))
    logins: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_LOGINS))


class PageRequest(JsonRequest):
    """Answers one request to the page, and passes on those for clips."""

    def __init__(self, *args: Any, offer: Offer, page: Page) -> None:
        self._page = page
        super().__init__(*args, offer=offer)

    def answer(self) -> None:
        """Answer, whatever it is."""
        path, _, query = self.path.partition("?")
        if path.startswith(PREFIX):
            super().answer()
            return
        try:
            self._page_answer(path, query)
        except RequestError as exc:
            self.refuse_with(exc)
        except sqlite3.Error as exc:
            self.refuse_with(
                EdgereelError(f"Nothing could be saved: {exc}.", hint="Free some disk space.", code="busy")
            )

    def allowed(self, path: str, query: str) -> bool:
        """As for clips, and whoever has logged in."""
        return super().allowed(path, query) or self._logged_in()

    def _logged_in(self) -> bool:
        return self._page.access.knows(self.headers.get("Cookie", ""), now=time.time())

    def _page_answer(self, path: str, query: str) -> None:
        if not self._page.access.called_rightly(self.headers.get("Host", "")):
            hint = "Call it localhost, or set http.token_file and http.url."
            raise RequestError("This board is not called that.", hint=hint, code="wrong_name")
        if file := self._page.files.get(path):
            self._file(file)
        elif not path.startswith(API):
            raise RequestError("There is nothing at this address.", hint="The page is at /.", code="no_such_address")
        elif self.command == "POST":
            self._post(path.removeprefix(API).split("/"))
        else:
            self._get(path.removeprefix(API), query)

    def _file(self, file: PageFile) -> None:
        self.check_method("GET", "HEAD")
        about = {"ETag": file.etag, "Cache-Control": "no-cache", **GUARDS}
        if file.etag in etags(self.headers.get("If-None-Match", "")):
            self.begin(HTTPStatus.NOT_MODIFIED, about)
            return
        self.send_body(HTTPStatus.OK, file.body, about | {"Content-Type": file.kind})

    def _get(self, leaf: str, query: str) -> None:
        self.check_method("GET", "HEAD")
        proven = super().allowed("", "")  # a token in an address stays in the browser's history
        if not (proven or self._logged_in()):
            raise RequestError("The page needs the token of this board.", hint="Log in first.", code="no_token")
        shown = self._page.shown
        match leaf:
            case "state":
                parts = shown.parts().items()
                self.send_json(HTTPStatus.OK, b"{%s}" % b",".join(b'"%s":%s' % (n.encode(), p) for n, p in parts))
            case "events":
                self._stream()
            case "clips":
                before = query.removeprefix("before=")
                self.send_json(HTTPStatus.OK, msgspec.json.encode(shown.older(_checked_id(before))))
            case _:
                raise RequestError("There is nothing at this address.", code="no_such_address")

    def _stream(self) -> None:
        if not self._page.streams.acquire(blocking=False):
            raise RequestError(f"{MAX_STREAMS} are watching.", hint="Ask for /api/state now and then.", code="busy")
        try:
            self.begin(
                HTTPStatus.OK, {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", **json_request.GUARDS}
            )
            if self.command == "GET":
                stream(self.connection, self._page.shown.parts, closing=self.offer.closing)
        finally:
            self._page.streams.release()

    def _post(self, words: list[str]) -> None:
        """Say who asks and from where, before anything of the body is read."""
        proven = super().allowed("", "")
        must_tell = not self.headers.get("Authorization") and not self._page.access.names
        if not self._page.access.from_the_page(self.headers, must_tell=must_tell):
            hint = "Send JSON with its Content-Type, from the page itself or with Authorization: Bearer TOKEN."
            raise RequestError("This does not come from the page of this board.", hint=hint, code="not_from_here")
        if words == ["login"]:
            self._login()
        elif not (proven or self._logged_in()):
            raise RequestError("The page needs the token of this board.", hint="Log in first.", code="no_token")
        elif words == ["logout"]:
            self.send_json(HTTPStatus.OK, b"{}", {"Set-Cookie": self._page.access.no_cookie()})
        else:
            self.send_json(HTTPStatus.ACCEPTED, msgspec.json.encode(self._done(words)))

    def _done(self, words: list[str]) -> dict[str, Any]:
        body = self.body()
        match words:
            case ["jobs"]:
                return self._page.shown.ask(body)
            case ["jobs", job_id, "again"]:
                named = decode(body).get("id")
                return self._page.shown.again(_checked_id(job_id), as_id=None if named is None else _checked_id(named))
            case ["jobs", job_id, "cancel"]:
                return self._page.shown.cancel(_checked_id(job_id))
        raise RequestError("There is nothing at this address.", code="no_such_address")

    def _login(self) -> None:
        if not self._page.logins.acquire(blocking=False):
            raise RequestError("Others are logging in.", hint="Try again in a moment.", code="busy")
        try:
            token = str(decode(self.body(most=MAX_LOGIN_BYTES)).get("token", "")).strip()
            cookie = self._page.access.cookie(token, now=time.time())
            if cookie is None:
                self.offer.closing.wait(WRONG_TOKEN_S)  # so that tokens cannot be tried one after the other
                hint = "It stands in the file that http.token_file names."
                raise RequestError("This is not the token of this board.", hint=hint, code="wrong_token")
        finally:
            self._page.logins.release()
        self.send_json(HTTPStatus.OK, b"{}", {"Set-Cookie": cookie})


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not ID_PATTERN.match(value):
        raise RequestError(f"The id {str(value)[:80]!r} is not allowed.", hint="Use 1-64 of A-Z a-z 0-9 _ and -.")
    return value
