"""Kills on a plan of chance that a seed fixes: boards, their engines and the broker, each started again after a while."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from tests.boards import Board
from tests.mosquitto import Mosquitto


class Chaos:
    """A thread that kills until it is stopped, and leaves everything running. `gap_s` are the waits between kills."""

    def __init__(
        self,
        boards: Sequence[Board],
        server: Mosquitto,
        *,
        targets: Sequence[str],
        gap_s: tuple[float, float],
        seed: int,
        down_s: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self.boards = boards
        self.server = server
        self.kills: Counter[str] = Counter()
        self._targets = targets
        self._gap_s = gap_s
        self._down_s = down_s
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(self._random.uniform(*self._gap_s)):
            target = self._random.choice(self._targets)
            getattr(self, f"_kill_{target}")()
            self.kills[target] += 1

    def _kill_board(self) -> None:
        board = self._random.choice(self.boards)
        board.kill()
        time.sleep(self._random.uniform(*self._down_s))
        board.start()

    def _kill_engine(self) -> None:
        if pid := self._random.choice(self.boards).engine_pid():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _kill_broker(self) -> None:
        self.server.kill()
        time.sleep(self._random.uniform(*self._down_s))
        self.server.start()
