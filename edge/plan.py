"""What the video generator is asked to draw: one plan of one or more shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ShotPath:
    """The path that a shot's subjects follow: all `points` of it, and which part of its time falls into this shot.

    A point is (x, y) or (x, y, size): shares of the frame, x to the right, y down, size of its height. `start` and `end`
    are 0..1 of the time that the whole path takes, so that several shots can share one path.
    """

    points: tuple[tuple[float, ...], ...]
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One camera shot: a value of the pack vocabulary for each slot, for `seconds`.

    `slots` maps every slot of the pack (subject, count, size, colour, ...) to one of its values. With a
    `path` the subjects follow it instead of the motion's own way.
    """

    slots: dict[str, str]
    seconds: float
    path: ShotPath | None = None


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

    def along(self, points: Sequence[Sequence[float]]) -> Plan:
        """The same plan with its subjects led along one path; each shot follows the part that its time takes."""
        path = tuple(tuple(point) for point in points)
        shots, shown = list[Shot](), 0.0
        for shot in self.shots:
            start, shown = shown, shown + shot.seconds
            part = ShotPath(points=path, start=start / self.seconds, end=min(1.0, shown / self.seconds))
            shots.append(replace(shot, path=part))
        return replace(self, shots=tuple(shots))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
