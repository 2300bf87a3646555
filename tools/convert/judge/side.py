"""One side of the comparison, a pack or the renderer: everything the judges found, gathered clip by clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot
from tools.convert.judge.clips import Clip, layout_of, subject_mask, view_numbers
from tools.convert.judge.consistency import consistency
from tools.convert.judge.features import Features
from tools.convert.judge.measures import Measures, burst_numbers, mean_measures, measure
from tools.convert.judge.tracker import subjects_asked, track
from tools.convert.judge.verdicts import Seen, named
from tools.convert.tinyvideo.recogniser import Recogniser, judge_view

Masks = Sequence[NDArray[np.bool_]]


@dataclass
class Side:
    """What was found so far; one entry per clip in every list."""

    seen: list[Seen] = field(default_factory=list)
    features: Features = field(default_factory=Features)
    measured: list[Measures] = field(default_factory=list)
    consistent: list[dict[str, float]] = field(default_factory=list)

    def take(
        self, clip: Clip, *, shot: Shot, seed: int, asked: Mapping[str, str], still: Masks, recogniser: Recogniser
    ) -> NDArray[np.uint8]:
        """Judge one clip of a shot; returns its judge view."""
        view = judge_view(clip.evenly())
        verdict = recogniser.verdict(view[None])
        self.features.add(verdict)
        self.seen.append(look(clip, named(verdict, recogniser.shape.values)[0], asked))
        layout = layout_of(shot, seed=seed)
        bursts = clip.bursts()
        height, width = bursts[0][0].shape
        firsts = [numbers[0] for numbers in burst_numbers(clip.total)]
        near = [subject_mask(layout, number, height=height, width=width) for number in firsts]
        fps = clip.total / clip.seconds
        self.measured.append(measure(bursts, still=still, fps=fps, subjects=near))
        rows, columns = view.shape[2:]
        small = [subject_mask(layout, number, height=rows, width=columns) for number in view_numbers(clip.total)]
        self.consistent.append(consistency(recogniser, view, small))
        return view

    def figures(self) -> dict[str, float]:
        """The plain figures that are means over the clips."""
        keys = self.consistent[0] if self.consistent else ()
        means = {key: float(np.mean([row[key] for row in self.consistent])) for key in keys}
        return mean_measures(self.measured) | means


def look(clip: Clip, seen: Mapping[str, str], asked: Mapping[str, str]) -> Seen:
    """Put the recogniser's view of a clip beside the tracker's."""
    tracked = track(clip.for_tracking(), subjects=subjects_asked(asked), seconds=clip.seconds)
    return Seen(asked=asked, seen=seen, motion_rule=tracked.motion, camera_rule=tracked.camera.kind)
