"""docs/board.md: what was typed on the board and what it answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.board.machine import CORES

HEAD = f"""\
# A board with 1 GB, emulated

`make board` wrote this page: Debian 12 for ARM with its own kernel, systemd and mosquitto on an emulated Cortex-A72 with
{CORES} cores and 1 GB of memory, without a network. edgereel is installed as [systemd/README.md](../systemd/README.md) says for such a board: out
of a checkout, with the wheels of [`make wheels`](wheels.md), those of the package index and the language model from a stick.
Each step is asserted by `tests/board/test_board.py`; had one failed, this page would still be the one before.

It shows that edgereel works on such a board, and nothing of how fast: the board's clock counts instructions, a billion to
the second, so that the time limits of the unit and the ticks of the program mean what they mean on a real board, while the
emulator takes many times as long. The times below are that clock's. Nor does it show heat and
voltage, the speed and wear of a card, pages of 16 KiB (the Pi 5's default kernel), or the Pi's own kernel and firmware; what those leave off,
pressure and the memory cgroup, the kernel's command line leaves off here. The plug is pulled by killing the
emulator: what the board had not flushed to its card is lost, but every card flushes when it says so.
"""


@dataclass
class Transcript:
    """Headings, sentences and commands with their answers, in the order of the run."""

    parts: list[str] = field(default_factory=list)

    def step(self, title: str) -> None:
        """What comes next."""
        self.parts.append(f"## {title}")

    def note(self, text: str) -> None:
        """What no command says."""
        self.parts.append(text)

    def command(self, command: str, answer: str) -> None:
        """One command of the board's user."""
        self.parts.append(f"```console\npi@board:~ $ {command}\n{answer.rstrip()}\n```".replace("\n\n```", "\n```"))

    def write(self, path: Path) -> None:
        """The whole page."""
        path.write_text("\n\n".join([HEAD.rstrip(), *self.parts]) + "\n", encoding="utf-8")
