"""One engine process, as the daemon sees it."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from edge.pipe import Message, Pipe, Start
from edge.settings import Settings

ENGINE_COMMAND = (sys.executable, "-m", "edge.engine")
EXIT_GRACE_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lost:
    """The process is gone: `how`, and whether it left of its own will (idle)."""

    how: str
    clean: bool


class Child:
    """Starts the engine; `tell` and `listen` talk to it."""

    def __init__(self, command: Sequence[str], settings: Settings) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C on a terminal is for the daemon alone
            )
        self._pipe = Pipe(ours)
        self.tell(Start(settings))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def tell(self, message: Message) -> None:
        """Send; that the child is gone shows when it is listened to."""
        try:
            self._pipe.send(message)
        except OSError as exc:
            log.warning("The engine does not listen: %s.", exc)

    def listen(self, *, timeout_s: float) -> Message | Lost | None:
        """Wait for one message; None when none came in time, Lost when the child is gone."""
        try:
            return self._pipe.receive(timeout_s=timeout_s) or self.end()
        except TimeoutError:
            return None

    def kill(self) -> None:
        """End it at once; `listen` then returns Lost."""
        self._process.kill()

    def end(self) -> Lost:
        """Close the pipe, which asks the child to leave; kill it when it does not; say how it ended."""
        self._pipe.close()
        try:
            code = self._process.wait(EXIT_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Lost(f"the engine {how}", clean=code == 0)
