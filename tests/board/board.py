"""The emulated board with its transcript: what is typed here stands in docs/board.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.board.machine import Machine
from tests.board.transcript import Transcript

# The shell itself writes, so that it ends when nobody reads it any more.
WATCH = """while echo; do
    pid=$(pgrep -f '^[^ ]*python[^ ]* -m edge[.]engine') || { sleep 2; continue; }
    while sleep 2 && echo "$(grep VmLck /proc/$pid/status)"; do [ -e /proc/$pid ] || break; done
done 2>/dev/null"""
KIB = 1024


@dataclass
class Watch:
    """What was seen of the engine's locked memory: each value once, in the order that it came."""

    lines: list[str] = field(default_factory=list)

    @property
    def most_mib(self) -> float:
        """The most that was locked."""
        return max((int(found) / KIB for line in self.lines for found in re.findall(r"(\d+) kB", line)), default=0.0)


class Board:
    """`type` is for the page, `run` for what only the test has to know."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.transcript = Transcript()
        self.offers: Sequence[str] = ()
        self.finished = False

    def step(self, title: str) -> None:
        """What comes next."""
        self.transcript.step(title)

    def note(self, text: str) -> None:
        """What no command says."""
        self.transcript.note(text)

    def show(self, what: str, lines: Sequence[str]) -> None:
        """Lines that were gathered beside the commands."""
        self.transcript.note("\n".join([f"{what}:", "", "```", *lines, "```"]))

    def type(self, command: str, *, code: int = 0) -> str:
        """Run it, write it down, and expect its exit code."""
        outcome = self.machine.run(command)
        self.transcript.command(command, outcome.out)
        print(f"pi@board:~ $ {command}\n{outcome.out.rstrip()}", flush=True)
        assert outcome.code == code, outcome.out
        return outcome.out

    def run(self, command: str) -> str:
        """Run it and expect success."""
        outcome = self.machine.run(command)
        assert outcome.code == 0, outcome.out
        return outcome.out

    def node(self) -> str:
        """The name of this board in its topics."""
        return self.run("mosquitto_sub -C 1 -v -t edgereel/v1/node/+/status").split("/")[3]

    @contextmanager
    def watch_locked(self) -> Iterator[Watch]:
        """Look at the engine every second while the block runs."""
        watch = Watch()
        with self.machine.listen(WATCH) as lines:
            yield watch
        watch.lines += list(dict.fromkeys(filter(None, lines)))
