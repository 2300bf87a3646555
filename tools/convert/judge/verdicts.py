"""What the judges saw against what was asked, as accuracies by slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tools.convert.tinyvideo.recogniser import Verdict

SLOTS = (
    "subject", "colour", "motion", "background", "camera", "style", "particles", "count", "size", "speed", "light",
)  # fmt: skip
JOINT = ("subject", "colour", "motion", "background")
COMBINATION = ("subject", "colour", "motion")  # what is held out of training


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One clip: the slot values that were asked for, what the recogniser saw, and what the tracker saw."""

    asked: Mapping[str, str]
    seen: Mapping[str, str]
    motion_rule: str
    camera_rule: str

    def right(self, slot: str) -> bool:
        """Whether the recogniser saw what was asked; of two subjects it may name either."""
        either = {self.asked[slot]}
        if slot in {"subject", "colour"} and self.asked.get("second"):
            either.add(self.asked["second"] if slot == "subject" else self.asked.get("second_colour", ""))
        return self.seen[slot] in either

    @property
    def wrong(self) -> list[str]:
        """The slots that the recogniser saw wrong, as slot=value."""
        return [f"{slot}={self.seen[slot]}" for slot in self.judged if not self.right(slot)]

    @property
    def judged(self) -> list[str]:
        """The slots that were asked for and that the recogniser knows."""
        return [slot for slot in SLOTS if slot in self.asked and slot in self.seen]


def named(verdict: Verdict, values: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The most likely value of each slot, for each clip of a verdict."""
    best = {slot: np.argmax(logits, axis=1) for slot, logits in verdict.logits.items()}
    return [{slot: values[slot][int(best[slot][i])] for slot in best} for i in range(len(verdict.content))]


def accuracies(clips: Sequence[Seen]) -> dict[str, float]:
    """SLOT_acc for every slot, motion_rule_acc, camera_rule_acc, joint_acc and combination_acc, each 0..1.

    `rule_gap_points` is how many percentage points the recogniser finds more motions right than the tracker does.
    """
    if not clips:
        return {}
    found = {f"{slot}_acc": _share([clip.right(slot) for clip in clips]) for slot in clips[0].judged}
    found["motion_rule_acc"] = _share([clip.motion_rule == clip.asked["motion"] for clip in clips])
    found["camera_rule_acc"] = _share([clip.camera_rule == clip.asked["camera"] for clip in clips])
    if "motion_acc" in found:
        found["rule_gap_points"] = 100 * (found["motion_acc"] - found["motion_rule_acc"])
    found["joint_acc"] = _share([all(clip.right(slot) for slot in JOINT if slot in clip.seen) for clip in clips])
    found["combination_acc"] = _share(
        [all(clip.right(slot) for slot in COMBINATION if slot in clip.seen) for clip in clips]
    )
    return found


def confusions(clips: Sequence[Seen], *, most: int = 4) -> dict[str, str]:
    """The most frequent mistakes of each slot, the tracker's under motion_rule and camera_rule, as text."""
    rows: dict[str, Counter[str]] = {}
    for clip in clips:
        pairs = [(slot, clip.asked[slot], clip.seen[slot], clip.right(slot)) for slot in clip.judged]
        for slot, saw in (("motion", clip.motion_rule), ("camera", clip.camera_rule)):
            pairs.append((f"{slot}_rule", clip.asked[slot], saw, clip.asked[slot] == saw))
        for slot, asked, saw, right in pairs:
            if not right:
                rows.setdefault(slot, Counter())[f"{asked} seen as {saw}"] += 1
    return {
        slot: ", ".join(f"{text} ({count})" for text, count in counter.most_common(most))
        for slot, counter in rows.items()
    }


def _share(flags: Sequence[bool]) -> float:
    return float(np.mean(flags)) if flags else float("nan")
