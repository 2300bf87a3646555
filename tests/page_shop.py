"""A real daemon with the page, as a process of its own, and plain HTTP to it: what a browser may say, and what others may."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.boards import Board
from tests.mosquitto import Mosquitto, free_port

TOKEN = "open-sesame"
JSON = "application/json"


@dataclass(frozen=True)
class Said:
    """An answer of the page."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class PageBoard:
    """`cookie` is what a login gave; `say` sends as a page of this board would, `ask` one request for a clip."""

    def __init__(self, folder: Path, server: Mosquitto, *values: str, token: str = TOKEN, fake: bool = True) -> None:
        self.port = free_port()
        self.cookie = ""
        folder.mkdir(parents=True, exist_ok=True)
        secret = folder / "token"
        secret.write_text(token)
        named = str(secret) if token else '""'
        own = (f"http.port={self.port}", "http.page=true", f"http.token_file={named}")
        self.board = Board(folder, server, *own, *values, fake=fake)

    def start(self) -> None:
        self.board.start()
        wait_for(self._answers)

    def say(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str | None) -> Said:
        """A header is written with underscores; None leaves out one that a browser would send."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {"Cookie": self.cookie or None, "Origin": None, "Content-Type": None}
        if method == "POST":
            given |= {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": JSON}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, data, {k: v for k, v in given.items() if v is not None})
            answer = connection.getresponse()
            return Said(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def log_in(self) -> Said:
        said = self.say("POST", "/api/login", {"token": TOKEN})
        self.cookie = said.headers["set-cookie"].partition(";")[0]
        return said

    def ask(self, **body: Any) -> Said:
        return self.say("POST", "/api/jobs", body)

    def jobs(self) -> dict[str, Any]:
        return self.say("GET", "/api/state").json["jobs"]

    def wait_clip(self, job_id: str) -> dict[str, Any]:
        wait_for(lambda: any(job["id"] == job_id for job in self.jobs()["clips"]))
        return next(job for job in self.jobs()["clips"] if job["id"] == job_id)

    def _answers(self) -> bool:
        try:
            return self.say("GET", "/").status > 0
        except OSError:
            return False


@contextmanager
def page_board(folder: Path, server: Mosquitto, *values: str, **options: Any) -> Iterator[PageBoard]:
    """A board with a page for the time of the block."""
    one = PageBoard(folder, server, *values, **options)
    one.start()
    try:
        yield one
    finally:
        one.board.end()
        print(one.board.log.read_text())


def wait_for(true: Callable[[], Any], *, within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, f"not true in {within_s:g} s"
        time.sleep(0.05)
