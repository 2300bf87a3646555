"""Reasoning traces: what is asked, what is meant, what would look good, and how the shots go on. One short line.

They are in English for Chinese requests too: a small model knows little Chinese, and the answer's words are English.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.expand.storyboard import MANY, ONE, PLACES

NUMBERS = ("No", "One", "Two", "Three", "Four")
SILENT = {"style": "cartoon", "light": "natural", "particles": "none", "speed": "normal"}


def trace(
    about: str, said: Mapping[str, str], shots: Sequence[Mapping[str, str]], notes: Sequence[str]
) -> str:  # fmt: skip
    """The line that leads from a request to its storyboard. It begins with a blank, as words do."""
    asked = ", ".join(f"{name} {value}".replace("_", " ") for name, value in said.items()) or "nothing"
    parts = [about or "a scene told in full", f"Asked: {asked}", f"Best: {scene(shots[0])}", plan(shots, notes)]
    return f" {'. '.join(parts)}."


def scene(shot: Mapping[str, str]) -> str:
    """A shot in a few words: "one pink cake in a room, sparkles"."""
    noun = shot["subject"].replace("_", " ")
    noun = ONE.get(noun, noun) if shot["count"] == "one" else _plural(noun)
    words = [f"{shot['count']} {shot['colour']} {noun} {PLACES.get(shot['background'], '')}".rstrip()]
    words += [shot[name].replace("_", " ") for name in ("particles", "light", "style") if shot[name] != SILENT[name]]
    return ", ".join(words)


def plan(shots: Sequence[Mapping[str, str]], notes: Sequence[str]) -> str:
    """How many shots there are, and how they go on."""
    first = shots[0]
    start = f"it {_verb(first['motion'])}" + ("" if first["speed"] == "normal" else f" {_adverb(first['speed'])}")
    return f"{NUMBERS[len(shots)]} shot{'s' if len(shots) > 1 else ''}: {'; '.join([start, *notes])}"


def _verb(motion: str) -> str:
    moving = {"move_left": "moves left", "move_right": "moves right", "approach": "approaches"}
    return moving.get(motion, f"{motion}s")


def _adverb(speed: str) -> str:
    return {"slow": "slowly", "fast": "fast"}[speed]


def _plural(noun: str) -> str:
    if noun in MANY or noun.endswith(("fish", "s")):
        return MANY.get(noun, noun)
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
