"""The clip server: real sockets on the loopback, real files."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path

import pytest

from edge.clip_server import MAX_CONNECTIONS, MAX_REQUESTS, ClipServer
from edge.sections import Http
from tests.clip_shop import CLIP, POSTER, connect, fetch, read_answer, say, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClipServer]:
    with serving(tmp_path) as server:
        yield server


def test_a_finished_clip_and_its_poster_are_served_whole(server: ClipServer) -> None:
    clip, poster = fetch(server), fetch(server, "/c/a.jpg")

    assert (clip.status, clip.headers["content-type"], clip.body) == (200, "video/mp4", CLIP)
    assert clip.headers["content-length"] == str(len(CLIP))
    assert (clip.headers["accept-ranges"], clip.headers["x-content-type-options"]) == ("bytes", "nosniff")
    assert {"last-modified", "etag", "cache-control"} <= set(clip.headers)
    assert (poster.status, poster.headers["content-type"], poster.body) == (200, "image/jpeg", POSTER)


def test_the_url_of_a_job_leads_to_its_clip(server: ClipServer) -> None:
    assert server.url_of("a") == f"http://127.0.0.1:{server.port}/c/a.mp4"
    with urllib.request.urlopen(server.url_of("a"), timeout=10) as answer:
        assert answer.read() == CLIP


def test_head_tells_the_size_and_sends_nothing(server: ClipServer) -> None:
    whole, missing = fetch(server, method="HEAD", Range="bytes=0-1"), fetch(server, "/c/none.mp4", method="HEAD")

    assert (whole.status, whole.headers["content-length"], whole.body) == (200, str(len(CLIP)), b"")
    assert (missing.status, missing.body) == (404, b"")


@pytest.mark.parametrize(
    ("asked", "part"), [("bytes=0-0", slice(1)), ("bytes=100-", slice(100, None)), ("bytes=-7", slice(-7, None))]
)
def test_a_part_is_served_as_a_part(server: ClipServer, asked: str, part: slice) -> None:
    answer = fetch(server, Range=asked)
    start, stop, _ = part.indices(len(CLIP))

    assert (answer.status, answer.body) == (206, CLIP[part])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CLIP)}"


def test_bytes_beyond_the_end_are_refused_with_the_size(server: ClipServer) -> None:
    answer = fetch(server, Range=f"bytes={len(CLIP)}-")

    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(CLIP)}")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "nonsense"])
def test_a_range_that_is_not_understood_is_passed_over(server: ClipServer, asked: str) -> None:
    assert fetch(server, Range=asked).status == 200


def test_a_part_of_a_file_that_changed_is_the_whole_file(server: ClipServer) -> None:
    first = fetch(server)

    same = [fetch(server, Range="bytes=5-", If_Range=first.headers[mark]).status for mark in ("etag", "last-modified")]
    other = [fetch(server, Range="bytes=5-", If_Range=mark).status for mark in ('"other"', formatdate(0, usegmt=True))]

    assert (same, other) == ([206, 206], [200, 200])


def test_who_has_the_clip_already_is_told_so(server: ClipServer) -> None:
    etag = fetch(server).headers["etag"]

    assert (fetch(server, If_None_Match=f'"x", {etag}').status, fetch(server, If_None_Match='"x"').status) == (304, 200)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/c/", "/c", "/c/b.mp4", "/c/none.mp4", "/c/a", "/c/a.", "/c/a.txt", "/c/a.mp4/", "/c/a.mp4.mp4", "/c/.mp4",
        "/c/../secret.mp4", "/c/..%2fsecret.mp4", "/c/%2e%2e/secret.mp4", "/../secret.mp4", "/c/a%00.mp4", "/c/.a.mp4.part",
        "/c//a.mp4", "//c/a.mp4//", "/C/a.mp4", "a.mp4", "c/a.mp4", "*", "http://board/c/a.mp4", "/c/a;x.mp4", "/c/a.MP4",
        "/c/link.mp4", "/c/folder.mp4", "/c/pipe.mp4", f"/c/{'a' * 65}.mp4", "/c/\xe9.mp4", "//[/c/a.mp4",
    ],
)  # fmt: skip
def test_nothing_but_a_finished_clip_is_found(server: ClipServer, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "clips/.a.mp4.part").write_bytes(b"secret")
    (tmp_path / "clips/link.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "clips/folder.mp4").mkdir()
    os.mkfifo(tmp_path / "clips/pipe.mp4")

    answer = fetch(server, path)

    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert json.loads(answer.body)["code"] == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "X-Y"])
def test_clips_can_only_be_read(server: ClipServer, tmp_path: Path, method: str) -> None:
    answer = fetch(server, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert (tmp_path / "clips/a.mp4").read_bytes() == CLIP


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /c/a.mp4 HTTP/9.9\r\n\r\n", 505),
        (b"GET /c/a.mp4 HTTP/1.1 and more\r\n\r\n", 400),
        (b"GET /c/a.mp4 HTTP/x\r\n\r\n", 400),
        (b"POST\r\n\r\n", 400),
        (b"GET /c/a.mp4\r\n\r\n", 200),
        (b"GET /c/a.mp4 HTTP/1.0\n\n", 200),
        (b"GET /c/a.mp4 HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /c/a.mp4 HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /c/a.mp4 HTTP/1.1\r\nno colon\r\n\r\n", 200),
        (b"\r\n\r\n", 0),
        (b"\x00" * 500, 0),
    ],
)
def test_garbage_is_answered_or_dropped_and_the_server_goes_on(server: ClipServer, words: bytes, status: int) -> None:
    with connect(server) as sock:
        sock.sendall(words)
        sock.shutdown(socket.SHUT_WR)
        assert read_answer(sock).status == status

    assert fetch(server).status == 200


def test_what_is_logged_of_a_request_is_escaped_short_and_without_the_token(
    server: ClipServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    say(server, b"GET /c/\x1b[31m\xff\x07?token=hidden HTTP/1.1\r\n\r\n")
    say(server, b"\x1b]0;title\x07 /" + b"y" * 3000 + b" HTTP/1.1\r\n\r\n")
    say(server, b"\x1b[2J\xff nonsense here HTTP/1.1\r\n\r\n")

    logged = [record.getMessage() for record in caplog.records if record.name.startswith("edge.")]

    assert len(logged) >= 3
    assert all(line.isascii() and line.isprintable() and len(line) < 400 for line in logged)
    assert not any("hidden" in line for line in logged)


def test_no_more_than_eight_are_served_at_once_and_others_are_told_when_to_come_back(tmp_path: Path) -> None:
    inside, go_on = threading.Semaphore(0), threading.Event()

    def finished(_: str) -> bool:
        inside.release()
        return go_on.wait(20)

    with serving(tmp_path, finished=finished) as server, ExitStack() as stack:
        stack.callback(go_on.set)
        socks = [stack.enter_context(connect(server)) for _ in range(MAX_REQUESTS)]
        for sock in socks:
            sock.sendall(b"GET /c/a.mp4 HTTP/1.1\r\n\r\n")
            assert inside.acquire(timeout=10)
        refused = fetch(server)
        go_on.set()
        answers = [read_answer(sock) for sock in socks]
        later = fetch(server)

    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert [answer.body == CLIP for answer in answers] == [True] * MAX_REQUESTS
    assert later.status == 200


def test_connections_that_say_nothing_are_bounded_and_time_out(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=1.0) as server, ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(MAX_CONNECTIONS)]
        with connect(server) as one_more:
            one_more.sendall(b"GET /c/a.mp4 HTTP/1.1\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                assert read_answer(one_more).status == 0
                raise ConnectionResetError  # an orderly end is as good
        assert [read_answer(sock).status for sock in silent] == [0] * MAX_CONNECTIONS
        assert fetch(server).status == 200


def test_a_request_that_comes_byte_by_byte_has_a_bound_on_the_whole(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=0.6) as server, connect(server) as sock:
        begun = time.monotonic()
        with pytest.raises(OSError):
            for _ in range(100):
                sock.sendall(b"G")
                time.sleep(0.1)

        assert time.monotonic() - begun < 5


def test_a_client_that_does_not_read_loses_its_place(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=1.5) as server:
        big = tmp_path / "clips/big.mp4"
        with big.open("wb") as file:
            file.truncate(64 * 1024 * 1024)
        with ExitStack() as stack:
            for _ in range(MAX_REQUESTS):
                sock = stack.enter_context(connect(server))
                sock.sendall(b"GET /c/big.mp4 HTTP/1.1\r\n\r\n")
                assert sock.recv(12) == b"HTTP/1.1 200"
            assert fetch(server).status == 503
            wait_for(lambda: fetch(server).status == 200)


def test_a_fault_behind_one_request_ends_only_that_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def finished(job_id: str) -> bool:
        if job_id == "broken":
            raise RuntimeError("the \x1b[31m queue is closed")
        return True

    with serving(tmp_path, finished=finished) as server:
        assert fetch(server, "/c/broken.mp4").status == 0
        assert [fetch(server).status for _ in range(2 * MAX_CONNECTIONS)] == [200] * 2 * MAX_CONNECTIONS
        assert server.alive

    assert r"the \x1b[31m queue is closed" in caplog.text


def test_a_closed_server_is_gone_and_may_be_closed_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.alive
        server.close()
        server.close()
        assert not server.alive
        with pytest.raises(OSError):
            connect(server)


def test_a_server_that_was_never_started_can_be_closed(tmp_path: Path) -> None:
    ClipServer(Http(), clips=tmp_path, finished=lambda _: True).close()


def test_closing_breaks_off_what_is_being_sent(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with (tmp_path / "clips/big.mp4").open("wb") as file:
            file.truncate(64 * 1024 * 1024)
        with connect(server) as sock:
            sock.sendall(b"GET /c/big.mp4 HTTP/1.1\r\n\r\n")
            assert sock.recv(10)
            server.close()

            assert len(read_all(sock)) < 64 * 1024 * 1024


def wait_for(true: Callable[[], bool], *, within_s: float = 15.0) -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def read_all(sock: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: sock.recv(1 << 20), b""))
    except ConnectionResetError:
        return b""


def test_the_server_needs_nothing_that_runs_models() -> None:
    code = (
        "import sys, edge.clip_server, edge.download, edge.shelf\n"
        "print([name for name in ('numpy', 'cv2', 'av', 'onnxruntime', 'llama_cpp', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"
