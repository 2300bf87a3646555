"""Features gathered clip by clip, and the distances, controls and spread that are read off them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tools.convert.judge.controls import LEAST_RATIO
from tools.convert.judge.distances import frechet, kernel_distance
from tools.convert.tinyvideo.recogniser import Verdict

Reals = NDArray[np.float32]


@dataclass
class Features:
    """Content and motion features of a growing set of clips."""

    content: list[Reals] = field(default_factory=list)
    motion: list[Reals] = field(default_factory=list)

    def add(self, verdict: Verdict, index: int = 0) -> None:
        """Keep the features of one clip of a verdict."""
        self.content.append(verdict.content[index])
        self.motion.append(verdict.motion[index])

    def of(self, part: str) -> Reals:
        """[clips, d] of the part content, motion, or both (the empty name)."""
        parts = {"content": [self.content], "motion": [self.motion]}.get(part, [self.content, self.motion])
        return np.concatenate([np.stack(part) for part in parts], axis=1)


def distances(made: Features, whole: Features, reference: Features) -> dict[str, float]:
    """Distances of made clips from the reference set, as multiples of the floor: those of an equal set of renders.

    Keys fd_ratio, fd_content_ratio, fd_motion_ratio, mmd_ratio, ..., and fd_motion and so on for the plain values.
    """
    found: dict[str, float] = {}
    for name, distance in (("fd", frechet), ("mmd", kernel_distance)):
        for part in ("", "content", "motion"):
            key = f"{name}_{part}" if part else name
            found[key] = distance(made.of(part), reference.of(part))
            found[f"{key}_ratio"] = found[key] / max(distance(whole.of(part), reference.of(part)), 1e-9)
    return found


def control_ratios(broken: dict[str, Features], whole: Features, reference: Features) -> dict[str, float]:
    """How much worse broken clips are on the motion distance, as control_NAME_ratio, and metric_broken as 0 or 1."""
    floor = max(frechet(whole.of("motion"), reference.of("motion")), 1e-9)
    found = {
        f"control_{name}_ratio": frechet(features.of("motion"), reference.of("motion")) / floor
        for name, features in broken.items()
    }
    found["metric_broken"] = float(min(found.values()) < LEAST_RATIO)
    return found
