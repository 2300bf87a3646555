"""The page over https: a real queue behind it, certificates by openssl."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge.clip_server import ClipServer
from edge.gallery import Gallery
from edge.intake import accept, handle
from edge.jobqueue import JobQueue
from edge.sections import Http
from tests.boards import tiny_settings
from tests.certificates import Authority, Pair
from tests.queues import opened

TOKEN = "open-sesame"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


@pytest.fixture
def server(tmp_path: Path, authority: Authority, queue: JobQueue) -> Iterator[ClipServer]:
    board = authority.sign("board")
    (tmp_path / "token").write_text(TOKEN)
    files = {"cert_file": board.cert, "key_file": board.key, "client_ca_file": authority.file}
    settings = Http(page=True, port=0, token_file=str(tmp_path / "token"), **files)
    take, do = partial(accept, queue=queue), partial(handle, queue=queue)
    gallery = Gallery(tiny_settings(tmp_path), queue, accept=take, handle=do, has_llm=False)
    server = ClipServer(settings, clips=tmp_path, finished=queue.upkeep.finished, shown=gallery, node="n1")
    server.start()
    yield server
    server.close()


def say(
    server: ClipServer, authority: Authority, method: str, path: str, body: bytes | None = None, *,
    own: Pair | None = None, **headers: str,
) -> http.client.HTTPResponse:  # fmt: skip
    context = ssl.create_default_context(cafile=authority.file)
    if own:
        context.load_cert_chain(own.cert, own.key)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=context)
    given = {"Content-Type": "application/json", "Origin": f"https://127.0.0.1:{server.port}"} if body else {}
    connection.request(method, path, body, given | {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def test_the_cookie_goes_over_https_only_and_the_page_is_followed_there(
    server: ClipServer, authority: Authority, queue: JobQueue
) -> None:
    ask = partial(say, server, authority)
    cookie = ask("POST", "/api/login", json.dumps({"token": TOKEN}).encode()).headers["set-cookie"]
    kept = cookie.partition(";")[0]
    asked = ask("POST", "/api/jobs", b'{"id": "a", "prompt": "a fish"}', Cookie=kept)
    with ask("GET", "/api/events", Cookie=kept) as events:
        lines = iter(events.readline, b"")
        told = next(json.loads(line[6:]) for line in lines if line.startswith(b"data: ") and b"unfinished" in line)

    assert cookie.endswith("; Secure") and asked.status == 202
    assert [job["id"] for job in told["unfinished"]] == ["a"] == [job.id for job in queue.waiting()]


def test_a_certificate_is_as_good_as_the_token_and_no_leave_for_other_pages(
    server: ClipServer, authority: Authority, queue: JobQueue
) -> None:
    own = authority.sign("phone")
    ask = partial(say, server, authority, "POST", "/api/jobs", b'{"prompt": "a fish"}', own=own)

    assert say(server, authority, "GET", "/api/state", own=own).status == 200
    assert say(server, authority, "GET", "/api/state").status == 401
    assert [ask().status, ask(Origin="https://evil.example").status] == [202, 403]
    assert queue.depth() == 1


def test_who_sends_too_much_hears_why_over_https_too(server: ClipServer, authority: Authority) -> None:
    said = say(server, authority, "POST", "/api/jobs", b"x" * 400_000, Authorization=f"Bearer {TOKEN}")

    assert (said.status, json.loads(said.read())["code"]) == (413, "too_large")


def test_the_page_is_named_as_others_find_it(server: ClipServer) -> None:
    assert server.page_url == f"https://127.0.0.1:{server.port}/"
