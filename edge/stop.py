"""One flag by which a running job is asked to stop, readable from Python and from native code."""

from __future__ import annotations

import ctypes
from typing import Literal

from edge.errors import Cancelled, Preempted

StopReason = Literal["cancel", "preempt"]


class Stop:
    """Set by one thread, checked by another at every step of a job.

    `buffer` is two bytes, the first non-zero once a stop was asked for: native code can poll it without
    taking the interpreter lock (edge/expand/llama.py hands it to llama.cpp as its abort flag).
    """

    def __init__(self) -> None:
        self.buffer = ctypes.create_string_buffer(2)
        self._reason: StopReason | None = None

    def request(self, reason: StopReason) -> None:
        """Ask the job to stop; the first reason wins."""
        self._reason = self._reason or reason
        self.buffer[0] = b"\x01"

    @property
    def requested(self) -> bool:
        """True once a stop was asked for."""
        return self._reason is not None

    def check(self) -> None:
        """Raise Cancelled or Preempted once a stop was asked for; else return at once."""
        match self._reason:
            case "cancel":
                raise Cancelled("The job was cancelled.")
            case "preempt":
                raise Preempted("The job gives way to a cheaper mode.")
            case None:
                return
