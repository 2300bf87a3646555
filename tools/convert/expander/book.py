"""The hand-written tables: situations with their wordings, and single requests; and which of them are held out.

A situation is held out as a whole, by a hash of its name: a model is judged on occasions that it was never told of, not
only on other words for those that it knows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from edge.manifest import Slot

HERE = Path(__file__).parent
HOLD_OUT = 5  # every fifth is held out
# Chosen once, before any model was judged: the fifth is even over kinds and languages, and the commonest feasts are
# trained on. Never change it: models that were judged before would have been trained on what they are judged by.
SALT = "99111"
HAN = re.compile(r"[\u3400-\u9fff]")
LANGUAGES = ("en", "zh")
Implied = dict[str, list[str]]


class Situation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happens or is felt. `implied` lists, best first, the values of a slot that would please.

    `kind` is the name of the file that it stands in.
    """

    name: str
    implied: Implied
    en: list[str]
    zh: list[str]
    kind: str = ""

    def wordings(self, language: str) -> list[str]:
        """How people say it."""
        return self.en if language == "en" else self.zh

    @property
    def about(self) -> str:
        """What it is, in plain English."""
        return self.name

    @property
    def held_out(self) -> bool:
        """True for the fifth that no model is trained on."""
        return is_held_out(self.name)


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request. `about` says in English what is meant, `said` is named outright, `implied` is meant.

    `then` tells a story: what changes in each further shot. Requests about the same are held out together.
    """

    text: str
    about: str
    said: dict[str, str] = {}
    implied: Implied = {}
    then: list[dict[str, str]] = []

    @property
    def language(self) -> str:
        """`zh` where there is a Chinese character, else `en`."""
        return "zh" if HAN.search(self.text) else "en"

    @property
    def held_out(self) -> bool:
        """True for the fifth that no model is trained on."""
        return is_held_out(self.about)


@cache
def is_held_out(name: str) -> bool:
    """The same for ever: it depends on the name alone."""
    digest = hashlib.sha256(f"{SALT} {name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % HOLD_OUT == 0


@cache
def situations() -> tuple[Situation, ...]:
    """All situations, file by file. An unknown key is an error that names it."""
    return tuple(
        msgspec.structs.replace(one, kind=path.stem)
        for path in sorted((HERE / "situations").glob("*.yaml"))
        for one in msgspec.yaml.decode(path.read_bytes(), type=list[Situation])
    )


@cache
def seeds() -> tuple[Seed, ...]:
    """All single requests."""
    return tuple(
        one
        for path in sorted((HERE / "seeds").glob("*.yaml"))
        for one in msgspec.yaml.decode(path.read_bytes(), type=list[Seed])
    )


def unknown_values(table: Mapping[str, list[str]] | Mapping[str, str], vocabulary: Mapping[str, Slot]) -> list[str]:
    """What of a table the vocabulary does not hold, as `slot=value`."""
    pairs = [
        (slot, value) for slot, values in table.items() for value in ([values] if isinstance(values, str) else values)
    ]
    return [
        f"{slot}={value}" for slot, value in pairs if slot not in vocabulary or value not in vocabulary[slot].values
    ]
