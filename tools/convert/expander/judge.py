"""The judge of plans: was what was said kept, is what was meant there, do the shots follow from each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from edge.manifest import Slot
from edge.plan import Plan
from tools.convert.expander.cases import Case
from tools.convert.expander.coherence import coherent

FEWEST_WORDS = 3  # of a thought that deserves the name
Tally = tuple[int, int]  # right ones, of so many


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is to be said of one plan: right ones and all of each kind."""

    kept: Tally
    subject: Tally
    others: Tally
    whole: bool
    pairs: Tally
    shots: int
    tokens: float
    seconds: float


def judge(
    case: Case, plan: Plan, *, vocabulary: Mapping[str, Slot], thinks: bool, tokens: float = 0.0, seconds: float = 0.0
) -> Verdict:
    """Judge the plan of a case. What was said must stand in every shot; what was meant, in the first one."""
    shots = [shot.slots for shot in plan.shots]
    meant = {name: values for name, values in case.implied.items() if name not in case.said}
    others = {name: values for name, values in meant.items() if name != "subject"}
    first = shots[0] if shots else {}
    return Verdict(
        kept=_tally(all(shot.get(name) == value for shot in shots) for name, value in case.said.items()),
        subject=_tally(first.get("subject") in values for name, values in meant.items() if name == "subject"),
        others=_tally(first.get(name) in values for name, values in others.items()),
        whole=is_whole(plan, vocabulary, thinks=thinks),
        pairs=_tally(coherent(before, after, story=case.story) for before, after in pairwise(shots)),
        shots=len(shots),
        tokens=tokens,
        seconds=seconds,
    )


def is_whole(plan: Plan, vocabulary: Mapping[str, Slot], *, thinks: bool) -> bool:
    """True where the plan is not empty, every slot of every shot is valid, and a thinker has thought something."""
    valid = all(shot.slots.get(name) in slot.values for shot in plan.shots for name, slot in vocabulary.items())
    thought = not thinks or len(plan.reasoning.split()) >= FEWEST_WORDS
    return bool(plan.shots) and plan.seconds > 0 and valid and thought


def summary(verdicts: Iterable[Verdict]) -> dict[str, float | None]:
    """The figures of many plans: shares 0..1, None where there was nothing to count; medians of tokens and seconds."""
    listed = list(verdicts)
    return {
        "requests": len(listed),
        "said kept": _share(verdict.kept for verdict in listed),
        "subject meant": _share(verdict.subject for verdict in listed),
        "others meant": _share(verdict.others for verdict in listed),
        "whole": _share((int(verdict.whole), 1) for verdict in listed),
        "pairs coherent": _share(verdict.pairs for verdict in listed),
        "shots": round(sum(verdict.shots for verdict in listed) / max(1, len(listed)), 2),
        "tokens": median([verdict.tokens for verdict in listed] or [0.0]),
        "seconds": round(median([verdict.seconds for verdict in listed] or [0.0]), 3),
    }


def _tally(answers: Iterable[bool]) -> Tally:
    listed = list(answers)
    return sum(listed), len(listed)


def _share(tallies: Iterable[Tally]) -> float | None:
    listed = list(tallies)
    total = sum(count for _, count in listed)
    return round(sum(right for right, _ in listed) / total, 4) if total else None
