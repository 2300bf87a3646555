"""The mode ladder: six rows of numbers, from the best clip to none at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """One rung of the ladder, best first."""

    THINK = "think"
    NO_THINK = "no_think"
    DIRECT = "direct"
    LITE = "lite"
    SPARE = "spare"
    PAUSED = "paused"

    @property
    def rank(self) -> int:
        """0 for the best mode; larger is cheaper."""
        return list(Mode).index(self)

    @property
    def row(self) -> ModeRow:
        """The numbers of this rung."""
        return LADDER[self]

    def below(self) -> Mode:
        """The next cheaper mode; `spare` stays `spare`, since `paused` is never entered by a crash."""
        return list(Mode)[min(self.rank + 1, Mode.SPARE.rank)]


@dataclass(frozen=True, kw_only=True)
class ModeRow:
    """What one rung spends.

    `frame_step` is how many output frames share one generated frame (1 = every frame is generated). `time_ratio` is how
    long a job takes against one in direct mode (`bench/clips.py`), until this board has its own figures.
    """

    language_model: bool
    max_shots: int
    steps: int
    seconds: float
    frame_step: int = 1
    time_ratio: float = 1.0


LADDER: dict[Mode, ModeRow] = {
    Mode.THINK: ModeRow(language_model=True, max_shots=4, steps=4, seconds=4.0, time_ratio=4.9),
    Mode.NO_THINK: ModeRow(language_model=True, max_shots=1, steps=4, seconds=4.0, time_ratio=1.6),
    Mode.DIRECT: ModeRow(language_model=False, max_shots=1, steps=2, seconds=4.0),
    Mode.LITE: ModeRow(language_model=False, max_shots=1, steps=2, seconds=2.0, time_ratio=0.56),
    Mode.SPARE: ModeRow(language_model=False, max_shots=1, steps=1, seconds=2.0, frame_step=3, time_ratio=0.58),
    Mode.PAUSED: ModeRow(language_model=False, max_shots=0, steps=0, seconds=0.0),
}

FPS = 24
WIDTH = 848
HEIGHT = 480


def lower_of(asked: Mode, allowed: Mode) -> Mode:
    """The cheaper of what was asked for and what the governor allows."""
    return asked if asked.rank >= allowed.rank else allowed
