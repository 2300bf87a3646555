"""What the video generator is asked to draw: one plan of one or more shots."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One camera shot: a value of the pack vocabulary for each slot, for `seconds`.

    `slots` maps every slot of the pack (subject, count, size, colour, ...) to one of its values.
    """

    slots: dict[str, str]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The expansion of one prompt.

    `coverage` is the share (0..1) of the prompt's meaningful words that the pack vocabulary knows;
    `said` names the slots that the person stated, which nothing may contradict;
    `expander` says who filled in the rest (`lexicon` or the language model's pack name);
    `reasoning` is what the language model wrote in think mode, for logs only.
    """

    shots: tuple[Shot, ...]
    caption: str
    coverage: float
    said: tuple[str, ...] = ()
    expander: str = "lexicon"
    reasoning: str = field(default="", repr=False)

    @property
    def seconds(self) -> float:
        """Length of the whole clip in seconds."""
        return sum(shot.seconds for shot in self.shots)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
