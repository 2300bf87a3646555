"""A person's own vocabulary: read, proven to be drawable, and completed by what a board knows by itself.

Subjects, places and colours are the person's. How many there are, how large, how they and the camera move are laws of
the board (edge/video/layout.py): those slots may be left out, and hold no values that it has no law for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from edge.errors import RequestError
from edge.expand.lexicon import Lexicon
from edge.manifest import Slot, Value
from edge.video.tracks import CYCLES_PER_SECOND
from tools.convert.tinyvideo.vocabulary import load_vocabulary

OWN = ("subject", "colour", "background")
LAWS = ("count", "size", "motion", "speed", "camera")
ORDER = ("subject", "count", "size", "colour", "motion", "speed", "background", "particles", "camera")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NOTHING_SAID = {"colour": "plain", "background": "usual_scene", "particles": "none"}  # the one value of a slot left out


def read_vocabulary(path: Path) -> dict[str, Slot]:
    """The whole vocabulary of a pack, from a person's file. Raises RequestError where a board could not use it."""
    try:
        found = msgspec.yaml.decode(path.read_bytes(), type=dict[str, Slot])
    except OSError as exc:
        raise RequestError(
            f"No vocabulary at {path}: {exc.strerror}.", hint="Make a draft of it with --propose."
        ) from exc
    except msgspec.DecodeError as exc:
        raise RequestError(
            f"{path} is no vocabulary: {exc}.", hint="tools/convert/tinyvideo/vocabulary.yaml shows the form."
        ) from exc
    for problem, hint in _problems(found):
        raise RequestError(f"{path}: {problem}.", hint=hint)
    return whole(found)


def whole(own: Mapping[str, Slot]) -> dict[str, Slot]:
    """Every slot of a pack, in the order of its embedding. Subjects that the board has no law for face where they go."""
    ours = load_vocabulary()
    subjects = {
        name: msgspec.structs.replace(words, faces=name not in CYCLES_PER_SECOND)
        for name, words in own["subject"].values.items()
    }
    rest = {name: ours[name] for name in LAWS} | {
        name: Slot(default=value, values={value: Value(en=[])}) for name, value in NOTHING_SAID.items()
    }
    given = rest | own | {"subject": Slot(default=own["subject"].default, values=subjects)}
    return {name: given[name] for name in ORDER}


def kept(vocabulary: Mapping[str, Slot], seen: Mapping[str, Iterable[str]]) -> dict[str, Slot]:
    """The vocabulary without values of `seen`'s slots that nothing was seen of; a default among them is another one then."""
    made = dict(vocabulary)
    for name, values in seen.items():
        shown = list(values)
        slot = vocabulary[name]
        made[name] = Slot(
            default=slot.default if slot.default in shown else max(slot.values, key=shown.count),
            values={value: words for value, words in slot.values.items() if value in shown},
        )
    return made


def _problems(own: Mapping[str, Slot]) -> Iterable[tuple[str, str]]:
    """What a board could not use, and what to do about it."""
    if "subject" not in own:
        yield "it has no subjects", "Add the slot subject, with a value for each thing that your videos are about."
    for name, slot in own.items():
        if name not in (*OWN, *LAWS):
            yield (
                f"the slot {name} cannot be learnt from videos",
                f"Use {', '.join((*OWN, *LAWS))}; what else differs may be a value of background, such as forest_at_night.",
            )
        if not slot.values or slot.default not in slot.values:
            yield f"{name} has no default among its values", "Name one of its values as the default."
        for value in slot.values:
            if not NAME.fullmatch(value):
                yield f"{name} has a value {value!r}", "Use small letters, digits and underscores: my_dog."
            if name in LAWS and value not in load_vocabulary()[name].values:
                known = ", ".join(load_vocabulary()[name].values)
                yield f"a board has no law for {name} {value}", f"It knows: {known}."
    try:
        Lexicon(whole(own))
    except (KeyError, ValueError) as exc:
        yield f"the board's lexicon cannot read it ({exc})", "Look for words that are empty."
