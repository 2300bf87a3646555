"""Fixtures that several test files share: the checkout, the tiny video pack, and the command as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.manifest import LlmManifest, VideoManifest
from edge.models import has_weights, pack_roots
from edge.packs import Pack, find_llm_pack, find_video_pack
from edge.settings import Settings, load_settings
from tests.boards import Board
from tests.mosquitto import Listener, Mosquitto

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = CHECKOUT / "tests/data"


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def board(tmp_path: Path) -> list[str]:
    """Settings of a small board of its own, as --set arguments: the tiny pack, no language model, folders of its own."""
    values = {
        "models.video": "tinypack",
        "models.llm": '""',
        "engine.threads": "1",
        "node.id": "board",
        "paths.state": str(tmp_path / "state"),
        "paths.clips": str(tmp_path / "clips"),
        "paths.cache": str(tmp_path / "cache"),
        "paths.models": str(DATA),
    }
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run `edgereel` as a process of its own, in a folder of its own."""

    def run(*args: str, env: Mapping[str, str] = {}, timeout_s: float = 120.0) -> Outcome:
        return run_process([sys.executable, "-m", "edge", *args], cwd=tmp_path, env=env, timeout_s=timeout_s)

    return run


def run_process(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float) -> Outcome:
    """Run a command to its end with a bound on its time."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("EDGEREEL_")}
    done = subprocess.run(
        command, cwd=cwd, env={**inherited, **env}, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def tinypack() -> Pack[VideoManifest]:
    """A real video pack, made by the real exporter from a model of a few kilobytes."""
    return find_video_pack("tinypack", roots=[DATA])


@pytest.fixture(scope="session")
def smollm() -> Pack[LlmManifest]:
    """A language model as it comes. `make test` pulls it first; without it these tests cannot be run."""
    pack = find_llm_pack("smollm2-135m", roots=pack_roots(default_settings()))
    assert has_weights(pack), "run: edgereel models pull smollm2-135m"
    return pack


def default_settings() -> Settings:
    """The settings of this machine, without any settings file."""
    return load_settings(None, env=os.environ, root=Path("/nowhere"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def seen(server: Mosquitto) -> Iterator[Listener]:
    with server.listen("edgereel/v1/#") as listener:
        yield listener


@pytest.fixture
def real_board(tmp_path: Path, server: Mosquitto) -> Iterator[Board]:
    board = Board(tmp_path, server)
    board.start()
    yield board
    board.end()
    print(board.log.read_text())


@pytest.fixture
def fake_board(tmp_path: Path, server: Mosquitto) -> Iterator[Board]:
    board = Board(tmp_path, server, fake=True)
    board.start()
    yield board
    board.end()
    print(board.log.read_text())
