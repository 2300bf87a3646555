"""From what was said and what is meant to one scene: a value for every slot, and what changes in the shots after it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.expand.storyboard import complete
from edge.manifest import Slot
from tools.convert.expander.coherence import table

Vocabulary = Mapping[str, Slot]
# What a subject brings along: another subject has its own of these.
OWN = ("colour", "motion", "count")
BEST = 0.8  # of the choices are the best value


def resolve(
    said: Mapping[str, str],
    implied: Mapping[str, list[str]],
    vocabulary: Vocabulary,
    *,
    rng: np.random.Generator | None = None,
) -> dict[str, str]:
    """A scene that keeps what was said and shows what was meant. Without `rng` it is the best one.

    With `rng` other acceptable subjects come up too. What is implied for the best subject in general gives way to
    what suits the one chosen, where that is acceptable as well: cakes stand in rooms, balloons rise into the sky.
    """
    slots = {name: value for name, value in said.items() if name in vocabulary}
    wanted = implied.get("subject", [])
    if wanted and "subject" not in slots:
        slots["subject"] = _choose(wanted, rng)
    best = bool(wanted) and slots.get("subject") == wanted[0]
    subject = slots.get("subject", vocabulary["subject"].default)
    suits = vocabulary["subject"].values[subject].suits
    for name in vocabulary:
        choices = _at_home(subject, implied.get(name, []))
        if choices and name not in slots:
            suited = suits.get(name)
            slots[name] = suited if suited in choices and not best else _choose(choices, rng)
    return complete(slots, vocabulary)


def change(
    shot: Mapping[str, str], step: Mapping[str, str], vocabulary: Vocabulary, *, fixed: Mapping[str, str]
) -> dict[str, str]:
    """The next shot of a storyboard. What the person said (`fixed`) stays; a new subject brings what is its own."""
    wanted = {name: value for name, value in step.items() if name not in fixed}
    if "subject" in wanted and wanted["subject"] != shot["subject"]:
        suits = vocabulary["subject"].values[wanted["subject"]].suits
        own = {name: suits.get(name, vocabulary[name].default) for name in OWN if name not in fixed}
        return {**shot, **own, **wanted}
    return {**shot, **wanted}


def _at_home(subject: str, choices: list[str]) -> list[str]:
    """The choices without the places where the subject looks lost, if any are left."""
    lost = table().strange.get(subject, ())
    return [value for value in choices if value not in lost] or choices


def _choose(choices: list[str], rng: np.random.Generator | None) -> str:
    if rng is None or len(choices) == 1 or rng.uniform() < BEST:
        return choices[0]
    return choices[int(rng.integers(1, len(choices)))]
