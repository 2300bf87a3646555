"""The word table: single words and short phrases, in groups that the same subjects suit, and what they stand in.

Situations teach whole sentences; a small model that never met "carousel" or 轮渡 cannot guess what they bring to mind.
A group is held out by its name, as a situation is. So is every word that a held-out wording turns on, or a model would
be asked what it was told.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from tools.convert.captions.book import pick
from tools.convert.expander.book import HERE, LANGUAGES, Implied, is_held_out, situations

MOST = 0.5  # a wording turns on a word that makes up so much of it


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words that bring the same to mind. `implied` lists, best first, the values of a slot that would please."""

    name: str
    implied: Implied
    en: list[str]
    zh: list[str]

    def words(self, language: str) -> list[str]:
        """Its words in one language."""
        return self.en if language == "en" else self.zh

    @property
    def about(self) -> str:
        """What they are, in plain English."""
        return self.name.removesuffix(" words").removesuffix(" things")

    @property
    def held_out(self) -> bool:
        """True for the fifth that no model is trained on."""
        return is_held_out(self.name)


def groups(*, held_out: bool) -> tuple[Group, ...]:
    """The groups of one part. Trained groups are without the words that held-out wordings turn on."""
    return tuple(one for one in _table() if one.held_out == held_out)


def word_request(group: Group, language: str, rng: np.random.Generator) -> str:
    """A request around one of its words."""
    first, second = rng.choice(group.words(language), size=2, replace=False)
    return pick(rng, _around()[language]).format(it=first, other=second)


def turns_on(wording: str, word: str) -> bool:
    """True where the word is most of the wording: "soldering" of "soldering!", but not "tea" of "tea with the twins"."""
    whole, part = _letters(wording), _letters(word)
    return part in whole and len(part) >= MOST * len(whole)


@cache
def _around() -> dict[str, list[str]]:
    return msgspec.yaml.decode(Path(__file__).with_suffix(".yaml").read_bytes(), type=dict[str, list[str]])


@cache
def _table() -> tuple[Group, ...]:
    judged = [text for one in situations() if one.held_out for text in (one.name, *one.en, *one.zh)]
    listed = (
        group
        for path in sorted((HERE / "groups").glob("*.yaml"))
        for group in msgspec.yaml.decode(path.read_bytes(), type=list[Group])
    )
    return tuple(group if group.held_out else _without(group, judged) for group in listed)


def _without(group: Group, judged: list[str]) -> Group:
    kept = {
        language: [word for word in group.words(language) if not any(turns_on(text, word) for text in judged)]
        for language in LANGUAGES
    }
    return msgspec.structs.replace(group, **kept)


@cache
def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())
