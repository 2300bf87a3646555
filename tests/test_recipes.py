"""What docs/home-assistant.md tells people to type and to import, done as it stands there, against a live daemon."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.boards import Board
from tests.conftest import CHECKOUT
from tests.mosquitto import Listener, Mosquitto

PAGE = (CHECKOUT / "docs/home-assistant.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The code blocks of a kind on the page."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.replace("\\\n", "").splitlines()]


def typed(line: str, server: Mosquitto) -> str:
    """Run a command of the page at this broker; what it printed."""
    words = shlex.split(line.replace("BROKER", "127.0.0.1"))
    command = [words[0], "-p", str(server.port), *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def kitchen(tmp_path: Path, server: Mosquitto, seen: Listener) -> Iterator[Board]:
    board = Board(tmp_path / "kitchen", server, fake=True, node="kitchen")
    board.start()
    seen.wait(lambda m: m.get("payload") == "online")
    yield board
    board.end()


def test_every_command_for_plain_mqtt_does_what_the_page_says(
    kitchen: Board, server: Mosquitto, seen: Listener
) -> None:
    ask, send, cancel, mode, load = COMMANDS
    answer = json.loads(typed(ask, server))
    assert (answer["state"], answer["requested_mode"]) == ("done", "direct")
    typed(send, server)
    seen.wait_state("my-first", "done")
    typed(cancel, server)
    typed(mode, server)
    seen.wait(lambda m: m["topic"].endswith("/mode") and m["body"].get("requested") == "lite")
    assert json.loads(typed(load, server))["queue"]["limit"] == 64


def test_the_flow_for_node_red_asks_and_hears_of_the_end(kitchen: Board, server: Mosquitto, seen: Listener) -> None:
    (text,) = blocks("json")
    nodes: dict[str, dict[str, Any]] = {node["id"]: node for node in json.loads(text)}
    assert {end for node in nodes.values() for wire in node.get("wires", []) for end in wire} <= set(nodes)
    brokers = {node["broker"] for node in nodes.values() if node["type"].startswith("mqtt ")}
    assert brokers == {"er-broker"} and {node.get("z", "er-tab") for node in nodes.values()} == {"er-tab"}

    server.publish(nodes["er-ask"]["topic"], nodes["er-ask"]["payload"])
    (rule,) = nodes["er-done"]["rules"]
    heard = seen.wait(lambda m: m["topic"] == nodes["er-hear"]["topic"] and m["body"].get("event_type") == rule["v"])
    assert (heard["qos"], heard["retain"], heard["properties"]["message-expiry-interval"] <= 60) == (1, 0, True)


def test_the_page_names_every_entity_of_a_board() -> None:
    names = (
        "make_a_clip", "clip", "last_clip", "best_mode_allowed", "mode_in_force", "clips_waiting", "last_clip_took",
        "memory_available", "temperature", "memory_pressure", "last_error", "problem", "cancel_all_clips", "drain",
        "resume", "version", "prompt",
    )  # fmt: skip
    assert [name for name in names if f"_{name}`" not in PAGE] == []
