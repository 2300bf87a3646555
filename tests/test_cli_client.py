"""`edgereel submit` and `fleet` on a command line, at a real broker with a board that is played by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge import requester
from edge.cli import main
from edge.sent import Sent, SentRequest
from tests.mosquitto import Mosquitto
from tests.puppet import Puppet, puppet
from tests.queues import ask

CLIP = b"a clip"
RESULT = {"sha256": hashlib.sha256(CLIP).hexdigest(), "bytes": len(CLIP), "seconds": 2.0}
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, server: Mosquitto, board: list[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb against the broker of the test; returns the exit code."""
    monkeypatch.setattr(requester, "SETTLE_S", 0.2)
    monkeypatch.setattr(requester, "NOBODY_S", 0.3)
    monkeypatch.setattr(requester, "ANSWER_S", 0.3)
    return lambda verb, *words: main([verb, *words, *board, "--broker", f"127.0.0.1:{server.port}"])


@pytest.fixture
def hand(server: Mosquitto) -> Iterator[Puppet]:
    with puppet(server, "n1", "edgereel/v1/pool/p/req") as one:
        yield one


def answering(one: Puppet, state: str, **more: Any) -> threading.Thread:
    """A board that says one state of the next request, to who asks and to everybody."""

    def answer() -> None:
        body, message = one.next()
        one.say(body["id"], state, **more)
        one.say(body["id"], state, to=message, **more)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def leave(folder: Path, *ids: str) -> None:
    with closing(Sent(folder / "state/sent.sqlite")) as sent:
        for job_id in ids:
            sent.keep(SentRequest(request=ask(job_id), topic="edgereel/v1/node/n1/req"))


@pytest.mark.parametrize(
    ("state", "code"), [("done", 0), ("failed", 9), ("cancelled", 10), ("expired", 3), ("rejected", 3)]
)
def test_with_wait_the_exit_code_is_how_the_job_ended(
    run: Run, hand: Puppet, capsys: pytest.CaptureFixture[str], state: str, code: int
) -> None:
    error = {"error": {"code": "x", "message": "It broke.", "hint": "Mend it."}} if state != "done" else {}
    thread = answering(hand, state, **error)
    assert run("submit", "a fish", "--node", "n1", "--wait") == code
    thread.join(10)
    out = capsys.readouterr().out
    assert state in out.splitlines()[0]
    assert ("It broke. Mend it." in out) is bool(error)


def test_without_wait_the_first_word_is_enough(run: Run, hand: Puppet, capsys: pytest.CaptureFixture[str]) -> None:
    thread = answering(hand, "accepted")
    assert run("submit", "a fish", "--pool", "p", "--ttl", "60", "--json") == 0
    thread.join(10)
    body = json.loads(capsys.readouterr().out)
    assert (body["state"], body["node"]) == ("accepted", "n1")


def test_what_is_asked_for_is_what_is_sent(run: Run, hand: Puppet, capsys: pytest.CaptureFixture[str]) -> None:
    got: list[dict[str, Any]] = []

    def answer() -> None:
        body, _ = hand.next()
        got.append(body)
        hand.say(body["id"], "accepted")

    thread = threading.Thread(target=answer)
    thread.start()
    assert run("submit", "/think a fish", "--node", "n1", "--seed", "7", "--seconds", "3", "--ttl", "60") == 0
    thread.join(10)
    (body,) = got
    assert (body["prompt"], body["mode"], body["seed"], body["seconds"], body["ttl"]) == ("a fish", "think", 7, 3, 60)


def test_a_clip_is_brought_here_and_the_answer_names_its_file(
    run: Run, hand: Puppet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer() -> None:
        body, message = hand.next()
        assert body["deliver"] == "inline"
        hand.say(body["id"], "done", result=RESULT)  # what is retained has no clip in it
        hand.say(body["id"], "done", to=message, result=RESULT | {"inline": base64.b64encode(CLIP).decode()})

    thread = threading.Thread(target=answer)
    thread.start()
    assert run("submit", "a fish", "--node", "n1", "--download", str(tmp_path / "out"), "--json") == 0
    thread.join(10)
    result = json.loads(capsys.readouterr().out)["result"]
    assert Path(result["file"]).read_bytes() == CLIP
    assert "inline" not in result


def test_of_a_job_that_failed_nothing_is_brought(run: Run, hand: Puppet, tmp_path: Path) -> None:
    thread = answering(hand, "failed", error={"code": "engine", "message": "It broke."})
    assert run("submit", "a fish", "--node", "n1", "--download", str(tmp_path / "out")) == 9
    thread.join(10)
    assert not (tmp_path / "out").exists()


def test_a_done_job_without_its_clip_says_where_to_turn(
    run: Run, hand: Puppet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = answering(hand, "done", result=RESULT)
    assert run("submit", "a fish", "--node", "n1", "--download", str(tmp_path / "out")) == 7
    thread.join(10)
    assert "http.port" in capsys.readouterr().err


def test_a_token_that_cannot_be_read_is_told_before_anything_is_sent(
    run: Run, hand: Puppet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--download", str(tmp_path), "--token", str(tmp_path / "nowhere"))
    assert run("submit", "a fish", "--node", "n1", *words) == 4
    err = capsys.readouterr().err
    assert "nowhere" in err and "Internal error" not in err
    assert hand.none_comes(0.2)


@pytest.mark.parametrize("text", ["host:", ":1883", "host:0", "host:65536", "host:x", "host:²", "host:-1"])
def test_a_broker_that_is_no_address_is_a_wrong_setting(
    text: str, board: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "a fish", *board, "--broker", text]) == 4
    err = capsys.readouterr().err
    assert text in err and "HOST:PORT" in err


def test_a_request_without_a_prompt_says_what_to_type(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("submit") == 3
    assert "--resume" in capsys.readouterr().err


def test_nobody_there_is_told_at_once_and_nothing_is_left_to_resume(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("submit", "a fish", "--node", "ghost") == 8
    assert "Nobody listens" in capsys.readouterr().err
    assert run("submit", "--resume") == 0
    assert capsys.readouterr().out == "Nothing is open.\n"


def test_resume_tells_each_end_and_exits_with_the_worst(
    run: Run, hand: Puppet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(tmp_path, "a", "b")
    hand.say("a", "done")
    hand.say("b", "failed", error={"code": "engine", "message": "It broke."})
    assert run("submit", "--resume", "--timeout", "10") == 9
    assert capsys.readouterr().out == "a  done\nb  failed\n  It broke.\n"
    assert run("submit", "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": []}


def test_resume_that_runs_out_of_time_says_so_and_keeps_the_rest(
    run: Run, hand: Puppet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(tmp_path, "a", "b")
    hand.say("a", "done")
    assert run("submit", "--resume", "--timeout", "0.5") == 8
    captured = capsys.readouterr()
    assert captured.out == "a  done\nb  sent\n"
    assert "1 of 2" in captured.err
    hand.say("b", "done")
    assert run("submit", "--resume", "--timeout", "10") == 0


def test_a_fleet_is_a_table_or_json_or_nothing(run: Run, server: Mosquitto, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fleet", "--once") == 0
    assert capsys.readouterr().out == "No board has said anything to this broker.\n"
    server.publish("edgereel/v1/node/n1/status", "online", "-r")
    assert run("fleet", "--once") == 0
    assert "n1     online" in capsys.readouterr().out
    assert run("fleet", "--once", "--json") == 0
    (body,) = json.loads(capsys.readouterr().out)["boards"]
    assert (body["node"], body["status"]) == ("n1", "online")
