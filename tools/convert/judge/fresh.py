"""Judging the judges: what recogniser and tracker make of fresh renders, and whether broken clips are found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.plan import Shot
from tools.convert.judge.clips import rendered, view_numbers
from tools.convert.judge.controls import frozen, shuffled
from tools.convert.judge.features import Features, control_ratios, distances
from tools.convert.judge.side import look
from tools.convert.judge.verdicts import Seen, accuracies, named
from tools.convert.scenes.scene import random_slots
from tools.convert.tinyvideo.recogniser import Recogniser, judge_view

SEED = (1 << 30) + 900_000  # no training scene has such a seed
OTHER_SEED = SEED + 50_000


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """Figures under flat keys, and every clip's verdict."""

    figures: dict[str, float]
    seen: list[Seen]


def judge_renders(recogniser: Recogniser, *, clips: int, lengths: Sequence[float] = (4.0,)) -> Fresh:
    """Render random scenes of the recogniser's whole vocabulary at 432x240 and judge them; prints its progress."""
    began = time.monotonic()
    seen: list[Seen] = []
    whole, other, broken = Features(), Features(), {"frozen": Features(), "shuffled": Features()}
    for number in range(clips):
        seconds = lengths[number % len(lengths)]
        shot = _random_shot(recogniser, SEED + number, seconds)
        clip = rendered(shot, seed=SEED + number)
        second = _random_shot(recogniser, OTHER_SEED + number, seconds)
        numbers = set(view_numbers(clip.total))
        against = rendered(second, seed=OTHER_SEED + number, numbers=numbers)
        view = judge_view(clip.evenly())[None]
        views = [view, judge_view(against.evenly())[None], frozen(view), shuffled(view, seed=number)]
        verdict = recogniser.verdict(np.concatenate(views))
        for index, features in enumerate((whole, other, *broken.values())):
            features.add(verdict, index)
        seen.append(look(clip, named(verdict, recogniser.shape.values)[0], shot.slots))
        if (number + 1) % 50 == 0:
            print(f"  {number + 1} of {clips} renders, {time.monotonic() - began:.0f} s", flush=True)
    single = [clip for clip in seen if clip.asked["count"] == "one" and not clip.asked.get("second")]
    figures = accuracies(seen) | {f"single.{name}": value for name, value in accuracies(single).items()}
    floor = {name: value for name, value in distances(whole, whole, other).items() if not name.endswith("_ratio")}
    figures |= control_ratios(broken, whole, other) | floor
    figures |= {"clips": float(clips), "seconds": time.monotonic() - began}
    return Fresh(figures=figures, seen=seen)


def _random_shot(recogniser: Recogniser, seed: int, seconds: float) -> Shot:
    values = recogniser.shape.values
    return Shot(slots=random_slots(values, np.random.default_rng([seed, 0x3D])), seconds=seconds)
