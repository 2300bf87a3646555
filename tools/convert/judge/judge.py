"""Judging a pack: prompt sets through the lexicon and the board's generator, and the renderer beside every clip."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.mode import ModeRow
from edge.plan import Shot
from edge.video.generator import Generator
from edge.video.scheduler import choose_steps
from tools.convert.judge.clips import direct_row, generated, open_pack, rendered, view_numbers
from tools.convert.judge.controls import frozen, shuffled
from tools.convert.judge.distances import spread
from tools.convert.judge.features import Features, control_ratios, distances
from tools.convert.judge.measures import ratios, still_pixels
from tools.convert.judge.picture import Thumbnails
from tools.convert.judge.prompts import Task, load_set, plan_tasks
from tools.convert.judge.side import Side
from tools.convert.judge.verdicts import accuracies
from tools.convert.tinyvideo.recogniser import Recogniser, judge_view

SEED = (1 << 30) + 100_000  # no training scene has such a seed
REFERENCE_SEED = SEED + 500_000
DIVERSITY_SECONDS = 2.0
SEEN_SET, HELD_OUT_SET = "p1", "p2"
WITHOUT_ANSWER = "p7"  # out of domain: only its coverage can be judged


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to judge: `clips` per set at most, `diverse` prompts with `seeds` seeds each for the spread."""

    pack: Path
    sets: Sequence[str] = (SEEN_SET,)
    clips: int | None = None
    steps: int | None = None
    diverse: int = 4
    seeds: int = 8
    threads: int = 2


@dataclass
class Judged:
    """A pack's figures under flat keys, each also as oracle.KEY for the renderer's own clips."""

    figures: dict[str, float]
    pack: Side
    oracle: Side
    tasks: list[Task] = field(default_factory=list)


def judge_pack(order: Order, recogniser: Recogniser, *, thumbnails: Thumbnails | None = None) -> Judged:
    """Generate, look, measure and drop one clip after the other; prints its progress."""
    began = time.monotonic()
    with open_pack(order.pack, threads=order.threads) as generator:
        tasks, left_out, coverage = tasks_of(order, generator)
        bench = _Bench(generator, recogniser, direct_row(order.steps), thumbnails or Thumbnails())
        for number, task in enumerate(tasks):
            bench.judge(task, seed=SEED + number)
            if (number + 1) % 10 == 0 or number + 1 == len(tasks):
                print(f"  {number + 1} of {len(tasks)} clips, {time.monotonic() - began:.0f} s", flush=True)
        diversity = bench.diversity(tasks[: order.diverse], order.seeds)
    pack, oracle = bench.figures()
    pack |= {"diversity_ratio": diversity, **_gap(bench.pack, tasks), **coverage}
    oracle |= {"diversity_ratio": 1.0, **_gap(bench.oracle, tasks)}
    pack |= {"clips": float(len(tasks)), "left_out": float(left_out), "steps": float(bench.steps)}
    pack |= {"seconds": time.monotonic() - began, "seconds_per_clip": bench.generating / max(len(tasks), 1)}
    figures = pack | {f"oracle.{name}": value for name, value in oracle.items()}
    return Judged(figures, bench.pack, bench.oracle, tasks)


class _Bench:
    """The pack, the renderer beside it, and a second set of renders that both are held against."""

    def __init__(self, generator: Generator, recogniser: Recogniser, row: ModeRow, sheet: Thumbnails) -> None:
        self.generator, self.recogniser, self.row, self.sheet = generator, recogniser, row, sheet
        self.pack, self.oracle = Side(), Side()
        self.reference, self.broken = Features(), {"frozen": Features(), "shuffled": Features()}
        self.generating = 0.0
        self.steps = choose_steps(row.steps, generator.manifest.steps)

    def judge(self, task: Task, *, seed: int) -> None:
        shot = task.plan.shots[0]
        began = time.monotonic()
        made = generated(self.generator, shot, seed=seed, row=self.row)
        self.generating += time.monotonic() - began
        truth = rendered(shot, seed=seed, canvas=self.generator.manifest.canvas)
        still = still_pixels(truth.bursts())
        views = [
            side.take(clip, shot=shot, seed=seed, asked=task.asked, still=still, recogniser=self.recogniser)
            for side, clip in ((self.pack, made), (self.oracle, truth))
        ]
        other = self._view(shot, seed=seed - SEED + REFERENCE_SEED)
        whole = views[1][None]
        verdict = self.recogniser.verdict(np.concatenate([other, frozen(whole), shuffled(whole, seed=seed)]))
        for index, features in enumerate((self.reference, *self.broken.values())):
            features.add(verdict, index)
        self.sheet.add(task.prompt, made.evenly(), self.pack.seen[-1])

    def diversity(self, tasks: Sequence[Task], seeds: int) -> float:
        """How much the clips of one prompt differ between seeds, against how much the renderer's do."""
        made, truth = [0.0], [0.0]
        for task in tasks if seeds > 1 else []:
            shot = Shot(slots=task.plan.shots[0].slots, seconds=DIVERSITY_SECONDS)
            both = (Features(), Features())
            for seed in range(SEED, SEED + seeds):
                clip = generated(self.generator, shot, seed=seed, row=self.row)
                views = np.concatenate([judge_view(clip.evenly())[None], self._view(shot, seed=seed)])
                verdict = self.recogniser.verdict(views)
                for index, features in enumerate(both):
                    features.add(verdict, index)
            made.append(spread(both[0].of("")))
            truth.append(spread(both[1].of("")))
        return sum(made) / sum(truth) if sum(truth) else float("nan")

    def figures(self) -> tuple[dict[str, float], dict[str, float]]:
        """The pack's figures and the oracle's, with the same keys."""
        plain = self.pack.figures(), self.oracle.figures()
        controls = control_ratios(self.broken, self.oracle.features, self.reference)
        sides = []
        for side, own in zip((self.pack, self.oracle), plain, strict=True):
            far = distances(side.features, self.oracle.features, self.reference)
            sides.append(accuracies(side.seen) | own | ratios(own, plain[1]) | far | controls)
        return sides[0], sides[1]

    def _view(self, shot: Shot, *, seed: int) -> NDArray[np.uint8]:
        """The judge view [1, ...] of the renderer's clip at the pack's output size."""
        numbers = set(view_numbers(round(shot.seconds * self.generator.manifest.canvas.fps)))
        clip = rendered(shot, seed=seed, canvas=self.generator.manifest.canvas, numbers=numbers)
        return judge_view(clip.evenly())[None]


def tasks_of(order: Order, generator: Generator) -> tuple[list[Task], int, dict[str, float]]:
    """The tasks of all sets, how many prompts were left out, and how well the lexicon understood the others."""
    tasks, left_out, figures = [], 0, {}
    for given in order.sets:
        prompts = load_set(given)
        name = Path(given).stem
        planned = plan_tasks(name, prompts, generator.manifest, seed=SEED)
        chosen = planned if order.clips is None else planned[: order.clips]
        figures[f"{name}.coverage"] = float(np.mean([task.plan.coverage for task in planned])) if planned else 0.0
        print(f"{name}: {len(prompts)} prompts, {len(prompts) - len(planned)} beyond the pack, {len(chosen)} judged")
        if name == WITHOUT_ANSWER:
            continue
        left_out += len(prompts) - len(planned)
        tasks += chosen
    if not tasks:
        raise ValueError(f"the pack can draw no prompt of {', '.join(order.sets)}")
    figures["understood"] = float(np.mean([task.understood for task in tasks]))
    return tasks, left_out, figures


def _gap(side: Side, tasks: Sequence[Task]) -> dict[str, float]:
    """Accuracies by set where there are several, and the points that held-out combinations lose."""
    sets = list(dict.fromkeys(task.name for task in tasks))
    if len(sets) < 2:
        return {}
    by_set = {
        name: accuracies([seen for seen, task in zip(side.seen, tasks, strict=True) if task.name == name])
        for name in sets
    }
    found = {f"{name}.{key}": value for name, row in by_set.items() for key, value in row.items()}
    if {SEEN_SET, HELD_OUT_SET} <= set(sets):
        seen, held = (by_set[name]["combination_acc"] for name in (SEEN_SET, HELD_OUT_SET))
        found["held_out_gap_points"] = 100 * (seen - held)
    return found
