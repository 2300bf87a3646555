"""How much is injected, and where it is written down: `make faults` is the long form, `make test` runs the short one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.boards import Board
from tests.faults.report import Line, write_report
from tests.mosquitto import Mosquitto

FULL = os.environ.get("EDGEREEL_FAULTS") == "full"
REPORTED = os.environ.get("EDGEREEL_FAULTS_REPORT", "")
LINES: list[Line] = []


class Report(Protocol):
    """Writes one line of the table; what was lost or done twice fails the test that reports it."""

    def __call__(
        self, fault: str, injected: str, *, requests: int, lost: int = 0, twice: int = 0, note: str = ""
    ) -> None:
        """Write it down."""


@pytest.fixture
def much() -> Callable[[int, int], int]:
    """`much(short, full)` is how often something is done."""
    return lambda short, full: full if FULL else short


@pytest.fixture
def report() -> Report:
    def write(fault: str, injected: str, *, requests: int, lost: int = 0, twice: int = 0, note: str = "") -> None:
        line = Line(fault=fault, injected=injected, requests=requests, lost=lost, twice=twice, note=note)
        LINES.append(line)
        print(line)
        if REPORTED:  # at every line: what was seen is not lost with a run that is cut off
            write_report(Path(REPORTED), LINES, form="long" if FULL else "short")
        assert (line.lost, line.twice) == (0, 0), line

    return write


@pytest.fixture
def make_board(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    """Boards that are ended with the test; what they logged is shown when it fails."""
    made: list[Board] = []

    def make(server: Mosquitto, node: str = "n1", *values: str, **options: object) -> Board:
        board = Board(tmp_path / node, server, *values, node=node, **options)  # type: ignore[arg-type]
        made.append(board)
        board.start()
        return board

    yield make
    for board in made:
        board.end()
        print(f"--- {board.node}\n{board.log.read_text(errors='replace')[-4000:]}")


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Brokers with these lines in their settings, that are ended with the test."""
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        server = Mosquitto(tmp_path / f"mosquitto{len(made)}", "allow_anonymous true", *lines)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `long` is a part of `make faults` alone, or `make test` would take twice its time."""
    late = [item for item in items if item.get_closest_marker("long") and not (FULL or REPORTED)]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker as Debian ships it."""
    server = Mosquitto(tmp_path / "mosquitto", stock=True)
    server.start()
    yield server
    server.stop()
