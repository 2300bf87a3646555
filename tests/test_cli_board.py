"""The commands that go with a board: serve, submit and jobs, over a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.manifest import file_sha256
from tests.conftest import Cli
from tests.mosquitto import Mosquitto

PROMPT = "a glowing jellyfish in the deep sea"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of its own."""
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def serving(board: list[str], broker: Mosquitto, tmp_path: Path) -> Iterator[list[str]]:
    """A board that serves and has said so: `submit` gives up on one that is not there in a second. Its settings."""
    mine = [*board, "--set", f"broker.port={broker.port}"]
    command = [sys.executable, "-m", "edge", "serve", *mine]
    with (tmp_path / "serve.log").open("wb") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as process:
        try:
            with broker.listen("edgereel/v1/node/board/status") as seen:
                seen.wait(lambda message: message.get("payload") == "online")
            yield mine
        finally:
            process.terminate()
            process.wait(30)


def test_a_submitted_prompt_comes_back_as_a_clip_and_stands_among_the_jobs(
    serving: list[str], broker: Mosquitto, cli: Cli, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{broker.port}"
    sent = cli("submit", PROMPT, *serving, "--broker", address, "--mode", "lite", "--wait", "--json")
    listed = cli("jobs", *serving, "--json")

    assert sent.code == 0, sent.err
    state = json.loads(sent.out.splitlines()[-1])
    clip = state["result"]["clip"]
    assert state["state"] == "done"
    assert clip["sha256"] == file_sha256(Path(clip["path"]))
    assert [(job["id"], job["state"]) for job in json.loads(listed.out)["jobs"]] == [(state["id"], "done")]
    assert state["id"] in cli("jobs", *serving).out
    plot = tmp_path / "runs.png"
    stats = json.loads(cli("jobs", *serving, "--plot", str(plot), "--json").out)
    assert stats["runs"] == 1 and stats["modes"][0]["figures"]["peak_pss_mib"]["max"] > 50
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "peak_pss_mib" in cli("jobs", *serving, "--stats").out


def test_top_shows_what_the_board_says(serving: list[str], broker: Mosquitto, cli: Cli) -> None:
    address = f"127.0.0.1:{broker.port}"
    shown = cli("top", "--broker", address, "--once", *serving)
    assert shown.code == 0, shown.err
    for word in ("mode", "think", "memory", "available", "queue", "0 of 64", "cores", "engine", "not running"):
        assert word in shown.out
    body = json.loads(cli("top", "--broker", address, "--once", "--json", *serving).out)
    assert body["mem"]["available_mb"] > 0 and body["cores"]["all"] >= body["cores"]["free"] >= 1


def test_a_job_that_fails_on_the_board_gives_its_reason_and_an_exit_code(
    serving: list[str], broker: Mosquitto, cli: Cli, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{broker.port}"
    sent = cli("submit", PROMPT, *serving, "--broker", address, "--mode", "think", "--wait")

    assert sent.code == 9, sent
    assert "models pull" in sent.out
