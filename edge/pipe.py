"""What the daemon and its engine say to each other: JSON lines over a socket pair."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.mode import Mode
from edge.request import Request
from edge.settings import Settings

READ_BYTES = 1 << 16

HaltReason = Literal["cancel", "preempt"]


class Start(msgspec.Struct, frozen=True, tag="start"):
    """To the engine, first of all."""

    settings: Settings


class Run(msgspec.Struct, frozen=True, tag="run"):
    """To the engine: one job."""

    request: Request
    mode: Mode
    reason: str
    out: Path
    poster: Path


class Halt(msgspec.Struct, frozen=True, tag="halt"):
    """To the engine: stop the job that runs."""

    reason: HaltReason


class Step(msgspec.Struct, frozen=True, tag="step"):
    """From the engine: how far the job is, 0 to 1."""

    phase: str
    fraction: float


class Planned(msgspec.Struct, frozen=True, tag="planned"):
    """From the engine, which then waits for `Go`: what will be drawn, its vector, and the places that are near it."""

    plan: dict[str, Any]
    vector: bytes
    near: list[tuple[int, float]]


class Go(msgspec.Struct, frozen=True, tag="go"):
    """To the engine: draw it. To be told to halt instead is an answer as well."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """From the engine: the job is done."""

    result: dict[str, Any]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """From the engine: the job ended with an error of edgereel (its code, message and hint)."""

    code: str
    message: str
    hint: str


Message = Start | Run | Halt | Step | Planned | Go | Done | Failed


class Pipe:
    """One end. Each side may send from several threads only if it holds a lock of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._rest = b""

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close this end; the other sees the end of the stream."""
        self._sock.close()

    def send(self, message: Message) -> None:
        """Send one message. Raises OSError when the other side is gone."""
        self._sock.sendall(msgspec.json.encode(message, enc_hook=str) + b"\n")

    def receive(self, *, timeout_s: float | None = None) -> Message | None:
        """Wait for one message. Raises TimeoutError after `timeout_s`; None means that the other side is gone."""
        self._sock.settimeout(timeout_s)
        while b"\n" not in self._rest:
            try:
                piece = self._sock.recv(READ_BYTES)
            except ConnectionError:
                piece = b""
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        message: Message = msgspec.json.decode(line, type=Message, dec_hook=_from_text)
        return message


def _from_text(kind: type, value: Any) -> Any:
    return kind(value)  # only paths come here
