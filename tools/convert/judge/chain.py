"""Whether a clip of several segments keeps what was asked: the last segment against the first."""

from __future__ import annotations

import numpy as np

from edge.plan import Plan
from edge.stop import Stop
from tools.convert.judge.clips import direct_row, open_pack, view_numbers
from tools.convert.judge.judge import SEED, Order, tasks_of
from tools.convert.judge.verdicts import Seen, named
from tools.convert.tinyvideo.recogniser import Recogniser, judge_view

SEGMENTS = 2
SLOTS = ("subject", "colour", "background")  # a motion goes on in the second segment, or comes to rest


def judge_chain(order: Order, recogniser: Recogniser) -> dict[str, float]:
    """Draw each prompt as two shots of the same slots, as a storyboard chains them; accuracies of the first and the last.

    `lost_points` is how many points of subject accuracy the last has less.
    """
    right: dict[str, list[bool]] = {f"{part}.{slot}_acc": [] for part in ("first", "last") for slot in SLOTS}
    with open_pack(order.pack, threads=order.threads) as generator:
        tasks = tasks_of(order, generator)[0]
        for number, task in enumerate(tasks):
            plan = Plan(shots=task.plan.shots[:1] * SEGMENTS, caption="", coverage=1.0)
            each = generator.count(plan) // SEGMENTS
            firsts = view_numbers(each)
            wanted = {"first": firsts, "last": [(SEGMENTS - 1) * each + one for one in firsts]}
            kept = {one for numbers in wanted.values() for one in numbers}
            stream = enumerate(generator.frames(plan, row=direct_row(order.steps), seed=SEED + number, stop=Stop()))
            frames = {one: frame for one, frame in stream if one in kept}
            for part, numbers in wanted.items():
                verdict = recogniser.verdict(judge_view([frames[one] for one in numbers])[None])
                seen = named(verdict, recogniser.shape.values)[0]
                told = Seen(asked=task.asked, seen=seen, motion_rule="", camera_rule="")
                for slot in SLOTS:
                    right[f"{part}.{slot}_acc"].append(told.right(slot))
            if (number + 1) % 10 == 0:
                print(f"  {number + 1} of {len(tasks)} clips", flush=True)
    figures = {name: float(np.mean(found)) for name, found in right.items()}
    return figures | {"lost_points": 100 * (figures["first.subject_acc"] - figures["last.subject_acc"])}
