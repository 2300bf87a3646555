"""The answer form of a language model: one scene line and one line per shot, with what the person said fixed in it.

    scene: subject balloon, colour red, background sky, count one, particles none, light natural
    shot: motion rise, size large, speed slow, camera static

The grammar (GBNF) admits nothing else, so a model can fill in open slots but never contradict the person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.manifest import Slot

Vocabulary = Mapping[str, Slot]
# These may change from shot to shot; all others belong to the scene, which stays.
SHOT_SLOTS = frozenset({"motion", "speed", "size", "camera"})
SCENE_LINE = "scene: "
SHOT_LINE = "shot: "


@dataclass(frozen=True, kw_only=True)
class AnswerForm:
    """`head` is the fixed beginning of the answer, given to the model ready-made; `gbnf` is what may follow it.

    `fields` is the most slots that the model has to choose, for a bound on its tokens.
    """

    head: str
    gbnf: str
    fields: int


def answer_form(vocabulary: Vocabulary, said: Mapping[str, str], *, most_shots: int) -> AnswerForm:
    """The form of an answer of 1 to `most_shots` shots in which the slots of `said` stand as they were said."""
    scene, shot = _line_slots(vocabulary, said, scene=True), _line_slots(vocabulary, said, scene=False)
    fixed_scene = [f"{name} {said[name]}" for name in scene if name in said]
    open_scene = [name for name in scene if name not in said]
    head = SCENE_LINE + ", ".join(fixed_scene)
    if open_scene:
        # The head ends without the blank: models write a word with the blank before it as one token.
        head = head.rstrip() + ("," if fixed_scene else "")
    else:
        head += "\n"
    rules = [
        f"root ::= {'scene ' if open_scene else ''}{' '.join(['shot', *['shot?'] * (most_shots - 1)])}",
        *([f'scene ::= " " {_sequence(open_scene, {})}'] if open_scene else []),
        f"shot ::= {json.dumps(SHOT_LINE)} {_sequence(shot, said)}" if shot else f"shot ::= {json.dumps(SHOT_LINE)}",
        *(_choice(name, vocabulary[name]) for name in [*open_scene, *shot] if name not in said),
    ]
    return AnswerForm(head=head, gbnf="\n".join(rules) + "\n", fields=len(open_scene) + most_shots * len(shot))


def write_answer(shots: Sequence[Mapping[str, str]], vocabulary: Vocabulary, said: Mapping[str, str]) -> str:
    """The answer that stands for these shots: what a model should have written, for its worked examples."""
    scene = _line_slots(vocabulary, said, scene=True)
    moving = _line_slots(vocabulary, said, scene=False)
    lines = [SCENE_LINE + ", ".join(f"{name} {shots[0][name]}" for name in scene)]
    lines += [SHOT_LINE + ", ".join(f"{name} {shot[name]}" for name in moving) for shot in shots]
    return "\n".join(lines) + "\n"


def read_answer(text: str, vocabulary: Vocabulary) -> list[dict[str, str]]:
    """The shots of an answer, each with the slots that it names validly; empty when there is no shot line.

    Never raises: text that does not follow the form is passed over.
    """
    scene: dict[str, str] = {}
    shots: list[dict[str, str]] = []
    for line in text.splitlines():
        if line.startswith(SCENE_LINE.strip()):
            scene.update(_fields(line, vocabulary))
        elif line.startswith(SHOT_LINE.strip()):
            shots.append(_fields(line, vocabulary))
    return [{**scene, **shot} for shot in shots]


def _line_slots(vocabulary: Vocabulary, said: Mapping[str, str], *, scene: bool) -> list[str]:
    """The slots of one line: said ones first, so that the model knows them when it chooses the others.

    A slot with one value is no choice and costs tokens: it is left out.
    """
    names = [name for name, slot in vocabulary.items() if (name not in SHOT_SLOTS) == scene and len(slot.values) > 1]
    return sorted(names, key=lambda name: name not in said)


def _sequence(names: Sequence[str], said: Mapping[str, str]) -> str:
    parts: list[str] = []
    for index, name in enumerate(names):
        end = "\n" if index == len(names) - 1 else ", "
        fixed = name in said
        parts.append(json.dumps(f"{name} {said[name]}{end}" if fixed else f"{name} ", ensure_ascii=False))
        if not fixed:
            parts += [_rule(name), json.dumps(end)]
    return " ".join(parts)


def _choice(name: str, slot: Slot) -> str:
    return f"{_rule(name)} ::= {' | '.join(json.dumps(value, ensure_ascii=False) for value in slot.values)}"


def _rule(name: str) -> str:
    """A rule name: GBNF allows letters, digits and dashes only."""
    return "value-" + "".join(char if char.isascii() and char.isalnum() else f"-{ord(char):x}-" for char in name)


def _fields(line: str, vocabulary: Vocabulary) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field in line.partition(":")[2].split(","):
        name, _, value = field.strip().partition(" ")
        if name in vocabulary and value in vocabulary[name].values:
            fields[name] = value
    return fields
