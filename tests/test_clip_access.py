"""Who may fetch a clip: tokens, certificates, and settings that would let everybody in."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.clip_server import ClipServer
from edge.errors import SettingsError
from edge.sections import Http
from tests.certificates import Authority, Pair
from tests.clip_shop import CLIP, POSTER, TOKEN, connect, fetch, serving


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def board(authority: Authority) -> Pair:
    return authority.sign("board")


@pytest.fixture(scope="module")
def person(authority: Authority) -> Pair:
    return authority.sign("person")


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def guarded(tmp_path: Path, token_file: str) -> Iterator[ClipServer]:
    with serving(tmp_path, token_file=token_file) as server:
        yield server


def trusting(authority: Authority, own: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if own:
        context.load_cert_chain(own.cert, own.key)
    return context


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer  {TOKEN} "])
def test_the_token_opens(guarded: ClipServer, shown: str) -> None:
    assert fetch(guarded, Authorization=shown).body == CLIP


@pytest.mark.parametrize("query", [f"token={TOKEN}", f"a=b&token={TOKEN}", "token=%73" + TOKEN[1:]])
def test_the_token_in_the_address_opens(guarded: ClipServer, query: str) -> None:
    assert fetch(guarded, f"/c/a.mp4?{query}").body == CLIP


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xff"],
)
def test_without_the_right_token_nothing_is_told(guarded: ClipServer, shown: str) -> None:
    answers = [fetch(guarded, path, Authorization=shown) for path in ("/c/a.mp4", "/c/none.mp4", "/c/b.mp4")]

    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("query", ["token=", "token=wrong", f"TOKEN={TOKEN}", f"x={TOKEN}", "token=%ff%00"])
def test_a_wrong_token_in_the_address_does_not_open(guarded: ClipServer, query: str) -> None:
    assert fetch(guarded, f"/c/a.mp4?{query}").status == 401


def test_over_https_a_clip_comes_whole_and_in_parts(tmp_path: Path, authority: Authority, board: Pair) -> None:
    with serving(tmp_path, cert_file=board.cert, key_file=board.key) as server:
        whole = fetch(server, context=trusting(authority))
        part = fetch(server, context=trusting(authority), Range="bytes=7-77")
        url = server.url_of("a")

    assert (whole.body, part.status, part.body) == (CLIP, 206, CLIP[7:78])
    assert url == f"https://127.0.0.1:{server.port}/c/a.mp4"


def test_https_is_tls_1_2_at_least_and_no_plain_http(tmp_path: Path, authority: Authority, board: Pair) -> None:
    old = trusting(authority)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(tmp_path, cert_file=board.cert, key_file=board.key) as server:
        with pytest.raises(OSError):
            fetch(server, context=old)
        with pytest.raises((OSError, ValueError, IndexError)):
            assert fetch(server).status == 0
            raise OSError  # hung up without a word
        assert fetch(server, context=trusting(authority)).status == 200


def test_a_client_that_never_shakes_hands_holds_up_nobody(tmp_path: Path, authority: Authority, board: Pair) -> None:
    with serving(tmp_path, cert_file=board.cert, key_file=board.key, timeout_s=1.0) as server, ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(5)]

        assert fetch(server, context=trusting(authority)).status == 200
        assert [sock.recv(10) for sock in silent] == [b""] * 5


def test_a_certificate_of_the_right_authority_opens_and_others_do_not(
    tmp_path: Path, authority: Authority, board: Pair, person: Pair
) -> None:
    stranger = Authority(tmp_path / "other", "stranger").sign("person")
    files = {"cert_file": board.cert, "key_file": board.key, "client_ca_file": authority.file}
    with serving(tmp_path, **files) as server:
        assert fetch(server, context=trusting(authority, person)).body == CLIP
        for own in (None, stranger):
            with pytest.raises(OSError):
                fetch(server, context=trusting(authority, own))


def test_with_token_and_authority_either_is_enough(
    tmp_path: Path, authority: Authority, board: Pair, person: Pair, token_file: str
) -> None:
    files = {"cert_file": board.cert, "key_file": board.key, "client_ca_file": authority.file}
    with serving(tmp_path, token_file=token_file, **files) as server:
        assert fetch(server, context=trusting(authority, person)).status == 200
        assert fetch(server, context=trusting(authority), Authorization=f"Bearer {TOKEN}").status == 200
        assert fetch(server, context=trusting(authority)).status == 401


def build(tmp_path: Path, **http: object) -> ClipServer:
    return ClipServer(Http(**http), clips=tmp_path, finished=lambda _: True)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "::ffff:0.0.0.0"])
def test_others_are_let_in_only_with_a_token_or_a_certificate(tmp_path: Path, token_file: str, host: str) -> None:
    with pytest.raises(SettingsError, match="nothing says who may") as refused:
        build(tmp_path, host=host)

    assert "http.token_file" in refused.value.hint
    build(tmp_path, host=host, token_file=token_file)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_on_the_board_itself_nothing_is_asked_for(tmp_path: Path, host: str) -> None:
    build(tmp_path, host=host)


@pytest.mark.parametrize(
    ("http", "said"),
    [
        ({"token_file": "/nowhere/token"}, "http.token_file /nowhere/token: No such file"),
        ({"token_file": "EMPTY"}, "is empty"),
        ({"token_file": "TWO"}, "not one word"),
        ({"token_file": "BYTES"}, "not text"),
        ({"client_ca_file": "/x"}, "http.client_ca_file needs a certificate"),
        ({"key_file": "/x"}, "http.key_file needs a certificate"),
        ({"cert_file": "/nowhere/cert.pem"}, "http.cert_file /nowhere/cert.pem .*No such file"),
        ({"cert_file": "TWO"}, "http.cert_file"),
        ({"host": "no such.host"}, "http.host no such.host"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_hint(tmp_path: Path, http: dict[str, str], said: str) -> None:
    contents = {"EMPTY": b" \n", "TWO": b"two words", "BYTES": b"\xff\xfe"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = {key: str(tmp_path / value) if value in contents else value for key, value in http.items()}
    with pytest.raises(SettingsError, match=said) as refused:
        build(tmp_path, **files)

    assert refused.value.hint


def test_an_authority_that_is_none_is_refused(tmp_path: Path, board: Pair) -> None:
    with pytest.raises(SettingsError, match="http.client_ca_file"):
        build(tmp_path, cert_file=board.cert, key_file=board.key, client_ca_file=board.key)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = build(tmp_path, port=other.getsockname()[1])
        with pytest.raises(SettingsError, match="http.port .* cannot be listened on"):
            server.start()
        server.close()


def test_the_told_address_is_the_one_that_others_can_reach(tmp_path: Path, token_file: str) -> None:
    named = build(tmp_path, port=8080, url="https://clips.example:8443/board")
    anywhere = build(tmp_path, port=8080, host="0.0.0.0", token_file=token_file)
    six = build(tmp_path, port=8080, host="::1")

    assert named.url_of("a") == "https://clips.example:8443/board/c/a.mp4"
    assert anywhere.url_of("a").startswith(f"http://{socket.gethostname()}")
    assert six.url_of("a") == "http://[::1]:8080/c/a.mp4"


def test_the_address_of_a_poster_opens_it_without_the_token_and_nothing_else(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(tmp_path, token_file=str(token), host="0.0.0.0", url="http://board.lan") as server:
        address = server.poster_url("a")
        assert address.startswith("http://board.lan/c/a.jpg?pass=") and TOKEN not in address
        shown = address.partition("?")[2]
        assert fetch(server, f"/c/a.jpg?{shown}").body == POSTER
        for path in ("/c/a.mp4", "/c/b.jpg", "/c/../c/a.jpg"):
            assert fetch(server, f"{path}?{shown}").status == 401
        for wrong in ("pass=", "pass=x", f"pass={TOKEN}", f"token={shown.removeprefix('pass=')}"):
            assert fetch(server, f"/c/a.jpg?{wrong}").status == 401
    token.write_text("another")
    with serving(tmp_path, token_file=str(token), host="0.0.0.0") as server:
        assert fetch(server, f"/c/a.jpg?{shown}").status == 401


@pytest.mark.parametrize(
    ("http", "address"),
    [
        ({}, ""),  # nobody outside of the board can come
        ({"url": "http://proxy.lan"}, "http://proxy.lan/c/a.jpg"),
        ({"host": "0.0.0.0", "token": True}, r"http://[^/]+:\d+/c/a\.jpg\?pass=[0-9a-f]{32}"),
    ],
)
def test_an_address_of_a_poster_is_given_where_it_can_be_fetched(
    http: dict[str, object], address: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    if http.pop("token", None):
        http["token_file"] = str(tmp_path / "token")
    with serving(tmp_path, **http) as server:
        assert re.fullmatch(address, server.poster_url("a"))
