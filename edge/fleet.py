"""All boards of a broker at a glance, from what they say of themselves: status, mode, load, pools, last error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from edge.link import open_link
from edge.sections import Broker
from edge.wire import ANY_STATUS, BASE, Incoming, decode, node_of_status

Body = dict[str, Any]
TOPICS = (ANY_STATUS, f"{BASE}/node/+/birth", f"{BASE}/node/+/mode", f"{BASE}/node/+/load", f"{BASE}/job/+/state")
HEADS = ("board", "status", "mode", "queue", "running", "memory", "heat", "pools", "said", "last error")
FAULTS = ("failed", "rejected")


@dataclass(frozen=True, kw_only=True)
class Board:
    """What is known of one board; `heard_at` is the monotonic time of its last load message."""

    node: str
    status: str = "?"
    birth: Body = field(default_factory=dict)
    mode: Body = field(default_factory=dict)
    load: Body = field(default_factory=dict)
    heard_at: float | None = None
    error: str = ""


def watch(broker: Broker, *, first_s: float = 1.0, period_s: float = 1.0) -> Iterator[list[Board]]:
    """The boards, by name: after `first_s` seconds, and then every `period_s`. Raises BrokerError."""
    boards: dict[str, Board] = {}
    with open_link(broker) as link:
        link.subscribe(*TOPICS)
        until = time.monotonic() + first_s
        while True:
            while message := link.next_message(until=until):
                boards = learn(boards, message, now=time.monotonic())
            yield [boards[node] for node in sorted(boards)]
            until = time.monotonic() + period_s


def learn(boards: dict[str, Board], message: Incoming, *, now: float) -> dict[str, Board]:
    """What is known after one more message."""
    leaf = message.topic.rpartition("/")[2]
    body = decode(message.payload)
    if message.topic.startswith(f"{BASE}/job/"):
        node, error = str(body.get("node", "")), body.get("error")
        if not node or body.get("state") not in FAULTS or not isinstance(error, dict):
            return boards
        return boards | {node: replace(_of(boards, node), error=f"{body.get('id')}: {error.get('message')}")}
    node = node_of_status(message.topic)
    board = _of(boards, node)
    match leaf:
        case "status" if not message.payload:
            return {name: known for name, known in boards.items() if name != node}
        case "status":
            board = replace(board, status=message.payload[:16].decode("utf-8", errors="replace"))
        case "birth":
            board = replace(board, birth=body)
        case "mode":
            board = replace(board, mode=body)
        case "load":
            board = replace(board, load=body, heard_at=now)
    return boards | {node: board}


def row(board: Board, *, now: float) -> tuple[str, ...]:
    """One line of the table under HEADS; what is not known, or not as we know it, is a dash."""
    load, online = board.load, board.status == "online"
    queue, told = _part(load, "queue"), _part(load, "pools")
    mode = board.mode.get("effective") or load.get("mode")
    reason = board.mode.get("reason")
    names = told.get("names") or board.birth.get("pools")
    pools = ", ".join(map(str, names)) if isinstance(names, list) else ""
    return (
        board.node,
        board.status,
        (f"{mode}, {reason}" if reason else str(mode)) if mode and online else "-",
        f"{queue.get('depth')} of {queue.get('limit')}" if queue else "-",
        str(load.get("running") or "-"),
        _figure(_part(load, "mem").get("available_mb"), "MiB free"),
        _figure(load.get("temp_c"), "°C"),
        (pools + ("" if told.get("joined") or not load else " (out)")) if pools else "-",
        f"{now - board.heard_at:.0f} s ago" if board.heard_at is not None else "-",
        board.error or "-",
    )


def to_json(board: Board, *, now: float) -> Body:
    """A board as plain JSON values."""
    heard_s = round(now - board.heard_at, 1) if board.heard_at is not None else None
    return {
        "node": board.node, "status": board.status, "birth": board.birth, "mode": board.mode, "load": board.load,
        "heard_s": heard_s, "error": board.error or None,
    }  # fmt: skip


def _of(boards: dict[str, Board], node: str) -> Board:
    return boards.get(node) or Board(node=node)


def _part(body: Body, name: str) -> Body:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _figure(value: object, unit: str) -> str:
    return f"{value:.0f} {unit}" if isinstance(value, (int, float)) else "-"
