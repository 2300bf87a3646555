"""Storyboards: how a scene goes on in one to four shots, each following from the one before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from tools.convert.expander.coherence import coherent
from tools.convert.expander.resolve import Vocabulary, change

# How often a storyboard has so many shots: two is the rule.
SHOTS = {1: 0.1, 2: 0.4, 3: 0.35, 4: 0.15}

# These may leave what was meant for the first shot.
FREE = frozenset({"camera", "size"})


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to go on (see moves.yaml)."""

    note: str
    then: list[dict[str, str]]
    when: dict[str, list[str]] = {}

    def fits(self, shot: Mapping[str, str]) -> bool:
        """True where this shot may go on so."""
        return all(shot[name] in values for name, values in self.when.items())

    @property
    def slots(self) -> set[str]:
        """What it changes, the camera aside."""
        return {name for step in self.then for name in step} - {"camera"}


@dataclass(frozen=True, kw_only=True)
class Storyboard:
    """The shots, and how a director would say what happens."""

    shots: list[dict[str, str]]
    notes: list[str]


@cache
def moves() -> tuple[Move, ...]:
    """All ways to go on."""
    return tuple(msgspec.yaml.decode(Path(__file__).with_name("moves.yaml").read_bytes(), type=list[Move]))


def told(
    first: Mapping[str, str], then: Sequence[Mapping[str, str]], vocabulary: Vocabulary, *, fixed: Mapping[str, str]
) -> Storyboard:
    """The storyboard of a request that tells a story. A step that changes nothing is no shot."""
    shots, notes = [dict(first)], list[str]()
    for step in then:
        shot = change(shots[-1], step, vocabulary, fixed=fixed)
        if shot != shots[-1]:
            notes.append(say(shots[-1], shot))
            shots.append(shot)
    return Storyboard(shots=shots, notes=notes)


def free(
    first: Mapping[str, str],
    vocabulary: Vocabulary,
    *,
    fixed: Mapping[str, str],
    implied: Mapping[str, Collection[str]],
    rng: np.random.Generator,
) -> Storyboard:
    """A storyboard for a request that tells none: moves that fit, until there are shots enough.

    No shot leaves what was meant: a lonely boat stays alone, and no firework ends a sad heart. What one move has
    changed no other changes again, the camera aside: a light that fades does not begin to glow.
    """
    wanted = int(rng.choice(list(SHOTS), p=list(SHOTS.values())))
    shots, notes, moved = [dict(first)], list[str](), set[str]()
    for index in rng.permutation(len(moves())):
        move = moves()[index]
        if len(shots) + len(move.then) > wanted or not move.fits(shots[-1]) or moved & move.slots:
            continue
        more = _follow(shots[-1], move, vocabulary, fixed=fixed)
        if more and all(_meant(shot, implied) for shot in more):
            shots, notes, moved = [*shots, *more], [*notes, move.note], moved | move.slots
        if len(shots) == wanted:
            break
    return Storyboard(shots=shots, notes=notes)


def say(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What changes from shot to shot, shortly: "background sunset, camera zoom_out"."""
    return ", ".join(f"{name} {value}".replace("_", " ") for name, value in after.items() if before[name] != value)


def _meant(shot: Mapping[str, str], implied: Mapping[str, Collection[str]]) -> bool:
    return all(shot[name] in values for name, values in implied.items() if name not in FREE)


def _follow(
    shot: Mapping[str, str], move: Move, vocabulary: Vocabulary, *, fixed: Mapping[str, str]
) -> list[dict[str, str]]:
    """The shots of a move, or none where what was said stands against it or the rule of coherence does."""
    if any(name in fixed for step in move.then for name in step):
        return []
    shots = [dict(shot)]
    for step in move.then:
        after = change(shots[-1], step, vocabulary, fixed=fixed)
        if not coherent(shots[-1], after):
            return []
        shots.append(after)
    return shots[1:]
