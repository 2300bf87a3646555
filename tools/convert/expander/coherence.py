"""The rule of a coherent pair of shots: the one place that says what may follow what.

The generator of storyboards keeps to it and the judge counts by it. A story told in the request may break it on purpose:
`story` names the slots that it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import msgspec

from edge.video.chain import SAME_THINGS

Slots = Mapping[str, str]
SIZES = ("small", "medium", "large")
NUMBERS = ("one", "two", "three")
MOST_CHANGES = 6


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies near what (see coherence.yaml)."""

    neighbours: dict[str, list[str]]
    follows: dict[str, list[str]]
    opposite: dict[str, list[tuple[str, str]]]
    strange: dict[str, list[str]]


@cache
def table() -> Table:
    """The committed table."""
    return msgspec.yaml.decode(Path(__file__).with_suffix(".yaml").read_bytes(), type=Table)


def coherent(before: Slots, after: Slots, *, story: Collection[str] = ()) -> bool:
    """True where `after` may follow `before`."""
    return not breaches(before, after, story=story)


def breaches(before: Slots, after: Slots, *, story: Collection[str] = ()) -> list[str]:
    """Why `after` should not follow `before`, in plain words; empty for a coherent pair."""
    changed = {name for name in before if before[name] != after.get(name)}
    told = changed - set(story)
    found = []
    if not changed:
        found.append("nothing changes")
    if len(told) > MOST_CHANGES:
        found.append("too much changes at once")
    if "style" in told:
        found.append("the style changes")
    return found + _things(before, after, changed, told) + _places(before, after, told) + _movement(before, after)


def _things(before: Slots, after: Slots, changed: set[str], told: set[str]) -> list[str]:
    found = []
    if "subject" in changed:
        if "subject" in told and not _near(table().follows, before["subject"], after["subject"]):
            found.append("another subject that has nothing to do with the first")
        if {"subject", "background"} <= told:
            found.append("subject and place change together")
        return found
    if "colour" in told:
        found.append("the subject changes its colour")
    if "count" in told and NUMBERS.index(after["count"]) < NUMBERS.index(before["count"]):
        found.append("some of the subjects are gone")
    return found


def _places(before: Slots, after: Slots, told: set[str]) -> list[str]:
    found = []
    if "background" in told and not _near(table().neighbours, before["background"], after["background"]):
        found.append("a place that is far from the first")
    weather = "none" not in (before["particles"], after["particles"])
    if "particles" in told and weather and before["background"] == after["background"]:
        found.append("one kind of weather turns into another")
    return found


def _movement(before: Slots, after: Slots) -> list[str]:
    """Only where the clip goes on without a cut: after one, the camera stands anew."""
    if any(before.get(name) != after.get(name) for name in SAME_THINGS):
        return []
    found = [
        f"the {slot} turns round at once"
        for slot, pairs in table().opposite.items()
        for one, other in pairs
        if {before[slot], after[slot]} == {one, other}
    ]
    step = SIZES.index(after["size"]) - SIZES.index(before["size"])
    if abs(step) > 1:
        found.append("the size jumps")
    if (before["camera"], step) in {("zoom_in", -1), ("zoom_out", 1)}:
        found.append("the size goes against the camera")
    return found


def _near(pairs: Mapping[str, Collection[str]], one: str, other: str) -> bool:
    return other in pairs.get(one, ()) or one in pairs.get(other, ())
