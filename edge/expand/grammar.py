"""The answer form of a language model: a scene line and one line per shot, with what the person said fixed in it.

    scene: subject balloon, colour red, background sky, count one, particles none, light natural
    shot: motion rise, size large, speed slow, camera static
    scene: background sunset
    shot: motion rise, size small, speed slow, camera zoom_out

A later scene line names only what the story changes. The grammar (GBNF) admits nothing else, so a model can fill in
open slots but never contradict the person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.manifest import Slot

Vocabulary = Mapping[str, Slot]
# Every shot has its own of these; all others belong to the scene, which stays until another scene line changes it.
SHOT_SLOTS = frozenset({"motion", "speed", "size", "camera"})
# What a later scene line may not change: a clip is drawn in one style.
WHOLE_CLIP = frozenset({"style"})
MOST_CHANGES = 4
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
    changing = [name for name in open_scene if name not in WHOLE_CLIP] if most_shots > 1 else []
    rules = [
        f"root ::= {'scene ' if open_scene else ''}{' '.join(['shot', *['next?'] * (most_shots - 1)])}",
        *([f"next ::= {'change? ' if changing else ''}shot"] if most_shots > 1 else []),
        *(_changes(changing) if changing else []),
        *([f'scene ::= " " {_sequence(open_scene, {})}'] if open_scene else []),
        f"shot ::= {json.dumps(SHOT_LINE)} {_sequence(shot, said)}" if shot else f"shot ::= {json.dumps(SHOT_LINE)}",
        *(_choice(name, vocabulary[name]) for name in [*open_scene, *shot] if name not in said),
    ]
    changes = (most_shots - 1) * min(MOST_CHANGES, len(changing))
    fields = len(open_scene) + most_shots * len(shot) + changes
    return AnswerForm(head=head, gbnf="\n".join(rules) + "\n", fields=fields)


def write_answer(shots: Sequence[Mapping[str, str]], vocabulary: Vocabulary, said: Mapping[str, str]) -> str:
    """The answer that stands for these shots: what a model should have written, for its worked examples."""
    scene = _line_slots(vocabulary, said, scene=True)
    moving = _line_slots(vocabulary, said, scene=False)
    lines, shown = list[str](), dict[str, str]()
    for shot in shots:
        changed = [name for name in scene if shot[name] != shown.get(name)]
        if changed:
            lines.append(SCENE_LINE + ", ".join(f"{name} {shot[name]}" for name in changed))
        lines.append(SHOT_LINE + ", ".join(f"{name} {shot[name]}" for name in moving))
        shown = {name: shot[name] for name in scene}
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
            shots.append({**scene, **_fields(line, vocabulary)})
    return shots


def _line_slots(vocabulary: Vocabulary, said: Mapping[str, str], *, scene: bool) -> list[str]:
    """The slots of one line: said ones first, so that the model knows them when it chooses the others.

    A slot with one value is no choice and costs tokens: it is left out.
    """
    names = [name for name, slot in vocabulary.items() if (name not in SHOT_SLOTS) == scene and len(slot.values) > 1]
    return sorted(names, key=lambda name: name not in said)


def _changes(names: Sequence[str]) -> list[str]:
    """The rules of a later scene line: one to MOST_CHANGES of these slots."""
    more = ' (", " new)?' * (min(MOST_CHANGES, len(names)) - 1)
    choices = " | ".join(f"{json.dumps(f'{name} ', ensure_ascii=False)} {_rule(name)}" for name in names)
    return [f'change ::= {json.dumps(SCENE_LINE)} new{more} "\\n"', f"new ::= {choices}"]


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
