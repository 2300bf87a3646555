"""How a client gets a clip, from the real clip server over links that break, and from servers that lie."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge import download as module
from edge.download import MAX_BYTES
from edge.errors import OutputError, RequestError, SettingsError
from tests.certificates import Authority
from tests.clip_shop import CLIP, TOKEN, serving
from tests.lossy_link import breaking, saying

SHA = hashlib.sha256(CLIP).hexdigest()
OK = b"HTTP/1.1 200 OK\r\n"
download = partial(module.download, pause_s=0.01)


def announced(url: object = None, **changed: object) -> dict[str, Any]:
    """The result of a job whose clip is CLIP."""
    return {"sha256": SHA, "bytes": len(CLIP), "url": url} | changed


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def refused(result: dict[str, Any], folder: Path, **options: Any) -> OutputError:
    """The error of a download that fails; nothing may be left behind."""
    with pytest.raises(OutputError) as caught:
        download(result, folder, **{"job_id": "a", "timeout_s": 20.0} | options)
    assert caught.value.hint
    assert left_in(folder) == []
    return caught.value


def test_a_clip_comes_from_the_clip_server_under_the_name_of_its_job(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        path = download(announced(server.url_of("a")), tmp_path / "new/folder", job_id="my-job")

    assert path == tmp_path / "new/folder/my-job.mp4"
    assert path.read_bytes() == CLIP
    assert left_in(path.parent) == ["my-job.mp4"]


def test_a_small_clip_comes_out_of_the_message(tmp_path: Path) -> None:
    inline = base64.b64encode(CLIP).decode()

    path = download(announced("http://127.0.0.1:1/never/asked", inline=inline), tmp_path, job_id="a")

    assert path.read_bytes() == CLIP


def test_a_transfer_that_breaks_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serving(tmp_path) as server, breaking(server.port, [20_000, 30_000, 200]) as link:
        path = download(announced(link.url), tmp_path / "out", job_id="a")

    starts = [int(asked.removeprefix("bytes=").rstrip("-") or 0) for asked in link.asked("Range")]
    assert path.read_bytes() == CLIP
    assert len(starts) == 4
    assert starts[0] == 0 < starts[1] < starts[2] == starts[3] < len(CLIP)
    assert link.asked("If-Range")[1].startswith('"')


def test_a_link_that_brings_nothing_is_given_up_and_nothing_is_left(tmp_path: Path) -> None:
    with serving(tmp_path) as server, breaking(server.port, [5000, *[0] * 50]) as link:
        error = refused(announced(link.url), tmp_path / "out")

    assert f"of {len(CLIP)} bytes" in error.message
    assert link.connections == 7


def test_a_link_that_brings_byte_by_byte_ends_with_the_time(tmp_path: Path) -> None:
    with serving(tmp_path) as server, breaking(server.port, [600] * 5000) as link:
        error = refused(announced(link.url), tmp_path / "out", timeout_s=0.3)

    assert "the time is over" in error.message


def test_a_board_that_is_away_is_said(tmp_path: Path) -> None:
    error = refused(announced("http://127.0.0.1:1/c/a.mp4"), tmp_path / "out")

    assert "gave 0 of" in error.message and "refused" in error.message


def test_a_board_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    body = OK + f"Content-Length: {len(CLIP)}\r\n\r\n".encode() + CLIP
    with saying(busy, busy, body) as link:
        assert download(announced(link.url), tmp_path / "out", job_id="a").read_bytes() == CLIP
    assert link.connections == 3


def test_a_file_that_got_shorter_than_what_is_here_is_begun_anew(tmp_path: Path) -> None:
    head = f"Content-Length: {len(CLIP)}\r\n\r\n".encode()
    beyond = b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n"
    with saying(OK + head + CLIP[:5000], beyond, OK + head + CLIP) as link:
        assert download(announced(link.url), tmp_path / "out", job_id="a").read_bytes() == CLIP
    assert link.asked("Range") == ["", "bytes=5000-", ""]


def test_a_part_that_was_not_asked_for_is_not_taken(tmp_path: Path) -> None:
    head = f"Content-Length: {len(CLIP)}\r\n\r\n".encode()
    other = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-9/{len(CLIP)}\r\nContent-Length: 3\r\n\r\nxyz"
    with saying(other.encode(), OK + head + CLIP) as link:
        assert download(announced(link.url), tmp_path / "out", job_id="a").read_bytes() == CLIP


def test_the_token_opens_and_without_it_the_hint_names_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with serving(tmp_path, token_file=str(tmp_path / "token")) as server:
        result = announced(server.url_of("a"))
        error = refused(result, tmp_path / "out")

        assert "401" in error.message and "token" in error.hint
        assert download(result, tmp_path / "out", job_id="a", token=TOKEN).read_bytes() == CLIP


def test_a_clip_that_is_gone_is_said_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server, breaking(server.port, []) as link:
        error = refused(announced(link.url.replace("/a.", "/none.")), tmp_path / "out")

    assert "404" in error.message and "new id" in error.hint
    assert link.connections == 1


@pytest.mark.parametrize("content", [CLIP[:-1] + b"!", b"!" + CLIP[1:]])
def test_other_content_of_the_same_length_is_refused(tmp_path: Path, content: bytes) -> None:
    with serving(tmp_path) as server:
        (tmp_path / "clips/a.mp4").write_bytes(content)
        assert "sha256" in refused(announced(server.url_of("a")), tmp_path / "out").message
    assert "sha256" in refused(announced(inline=base64.b64encode(content).decode()), tmp_path / "out").message


@pytest.mark.parametrize("size", [len(CLIP) + 1, len(CLIP) - 1, 1])
def test_another_length_than_announced_is_refused_before_it_is_fetched(tmp_path: Path, size: int) -> None:
    with serving(tmp_path) as server:
        error = refused(announced(server.url_of("a"), bytes=size), tmp_path / "out")

    assert f"it has {len(CLIP)} bytes, the result says {size}" in error.message


def test_a_stream_without_an_end_is_left_where_the_clip_should_end(tmp_path: Path) -> None:
    with saying(OK + b"\r\n" + CLIP + b"more") as link:
        assert "more than" in refused(announced(link.url), tmp_path / "out").message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bytes": MAX_BYTES + 1}, "refused"),
        ({"bytes": 0}, "announces no clip"),
        ({"bytes": -5}, "announces no clip"),
        ({"bytes": True}, "announces no clip"),
        ({"bytes": "100"}, "announces no clip"),
        ({"sha256": None}, "announces no clip"),
        ({"sha256": "../../etc"}, "announces no clip"),
        ({"inline": "not base64!"}, "not base64"),
        ({"inline": "é"}, "not base64"),
        ({"inline": "A" * (2 * len(CLIP))}, "more than the clip"),
        ({"inline": ""}, "sha256"),
    ],
)
def test_a_result_that_cannot_be_right_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in refused(announced("http://127.0.0.1:1/c/a.mp4", **changed), tmp_path / "out").message


@pytest.mark.parametrize(
    "url",
    [
        None, 7, "", "file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x", "//127.0.0.1/c/a.mp4", "http://", "http:///c/a",
        "http://127.0.0.1:port/", "http://127.0.0.1:99999/", "http://[/c/a.mp4", "http://a b/", "http://h/\r\nX: y", "http://ü/",
        "HTTP://127.0.0.1/",
    ],
)  # fmt: skip
def test_only_web_addresses_are_asked(tmp_path: Path, url: object) -> None:
    assert "no web address" in refused(announced(url), tmp_path / "out").message


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:1/elsewhere"])
def test_nobody_is_followed_to_another_address(tmp_path: Path, target: str) -> None:
    with saying(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()) as link:
        error = refused(announced(link.url), tmp_path / "out", token=TOKEN)

    assert "answers 302" in error.message
    assert link.connections == 1


@pytest.mark.parametrize("garbage", [b"\x1b[31mred\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n", OK + b"a: b\r\n" * 500])
def test_what_a_server_says_is_never_shown(tmp_path: Path, garbage: bytes) -> None:
    with saying(garbage) as link:
        error = refused(announced(link.url), tmp_path / "out")

    assert str(error).isprintable()
    assert "red" not in error.message.removeprefix(link.url)


@pytest.mark.parametrize("job_id", ["", "../a", "a/b", "a.b", "a\n", "a" * 65])
def test_a_job_id_never_leads_out_of_the_folder(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(RequestError, match="no job id"):
        download(announced(inline=base64.b64encode(CLIP).decode()), tmp_path / "out", job_id=job_id)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("token", ["two words", "line\r\nX: y", "ü"])
def test_a_token_that_cannot_be_sent_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(SettingsError, match="one word"):
        download(announced("http://127.0.0.1:1/"), tmp_path, job_id="a", token=token)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="Cannot write"):
        download(announced("http://127.0.0.1:1/"), tmp_path / "file", job_id="a")


def test_https_is_proven_by_the_authority_and_our_own_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    board, person = authority.sign("board"), authority.sign("person")
    files = {"cert_file": board.cert, "key_file": board.key, "client_ca_file": authority.file}
    own = {"cert_file": person.cert, "key_file": person.key}
    with serving(tmp_path, **files) as server:
        result = announced(server.url_of("a"))

        assert "not trusted" in refused(result, tmp_path / "out", **own).message
        assert "gave 0 of" in refused(result, tmp_path / "out", ca_file=authority.file).message
        path = download(result, tmp_path / "out", job_id="a", ca_file=authority.file, **own)

    assert path.read_bytes() == CLIP


def test_a_certificate_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="certificates") as caught:
        download(announced("https://127.0.0.1:1/"), tmp_path, job_id="a", ca_file="/nowhere/ca.pem")
    assert "/nowhere/ca.pem" in caught.value.hint
