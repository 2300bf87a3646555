"""F18: Home Assistant starts fifty times, the broker restarts, a component goes: one message each, and no ghost."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edge.home import READY_S, SPREAD_S
from tests.boards import Board
from tests.faults.conftest import Report
from tests.mosquitto import Listener, Mosquitto

CONFIG = "homeassistant/device/n1/config"
BIRTH = "homeassistant/status"
SOON_S = READY_S + SPREAD_S + 3


def told(seen: Listener) -> list[dict[str, dict[str, object]]]:
    """The components of each message for the device, in order; none in one that takes it back."""
    found = [message for message in seen.messages() if message["topic"] == CONFIG]
    return [json.loads(message["payload"])["components"] if message.get("payload") else {} for message in found]


def kept(server: Mosquitto) -> list[str]:
    """Every topic under Home Assistant's prefix for which the broker keeps a message."""
    command = ["mosquitto_sub", "-V", "5", "-p", str(server.port), "-t", "homeassistant/#", "--retained-only"]
    done = subprocess.run([*command, "-W", "2", "-F", "%t"], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.split()


def settled(seen: Listener, board: Board, *, count: int) -> None:
    """Wait until so many messages were told, and the board has had time for one too many."""
    seen.wait(lambda _: len(told(seen)) >= count, timeout_s=SOON_S + 20)
    time.sleep(2)
    assert len(told(seen)) == count, board.log.read_text()


def test_births_restarts_and_changes_leave_one_message_each_and_no_ghost(
    server: Mosquitto, make_board: Callable[..., Board], report: Report, tmp_path: Path, much: Callable[[int, int], int]
) -> None:
    rounds = much(1, 5)
    with server.listen("homeassistant/#") as seen:
        board = make_board(server, "n1", "home_assistant.text=true", fake=True)
        settled(seen, board, count=1)
        for number in range(rounds):
            for _ in range(50):
                server.publish(BIRTH, "online")
            settled(seen, board, count=2 + number)
        board.terminate()
        board.start()  # the same board, and the broker has all of it
        settled(seen, board, count=1 + rounds)
        board.terminate()
        board = make_board(server, "n1", fake=True)
        settled(seen, board, count=2 + rounds)
        components = told(seen)
        assert "command_topic" in components[0]["prompt_text"]
        assert components[-1]["prompt_text"] == {"platform": "text"}
        assert kept(server) == [CONFIG]

    server.kill()
    server.start()
    with server.listen("homeassistant/#") as seen:  # which is given what the broker kept
        seen.wait(lambda _: told(seen), timeout_s=20)
        board.terminate()
        board = make_board(server, "n1", "home_assistant.discovery=false", fake=True)
        seen.wait(lambda _: told(seen)[-1:] == [{}], timeout_s=30)
    assert kept(server) == []
    report(
        "F18", f"{50 * rounds} births of Home Assistant, a restart of the board and one of the broker, a component gone",
        requests=0, note=f"{rounds} messages for the births, one for the change; nothing kept at the end",
    )  # fmt: skip


def test_a_broker_that_forgot_everything_is_told_again(
    stock: Mosquitto, make_board: Callable[..., Board], report: Report
) -> None:
    make_board(stock, "n1", fake=True)
    with stock.listen("homeassistant/#") as seen:
        seen.wait(lambda _: told(seen), timeout_s=30)
    stock.kill()  # before it has written anything
    stock.start()
    with stock.listen("homeassistant/#") as seen:
        seen.wait(lambda _: told(seen), timeout_s=30)
    assert kept(stock) == [CONFIG]
    report("F18 stock", "kill -9 of a broker that has not saved", requests=0, note="the board appears again by itself")
