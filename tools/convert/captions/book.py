"""The phrase books: for each language, how every value of the vocabulary is said, and the templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

Item = TypeVar("Item")
Words = dict[str, list[str]]
FIELD = re.compile(r"\{(\w+)\}")
VERBS = frozenset({"does", "doing", "do"})


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language. Every table maps a value to its synonyms; a synonym listed twice is said twice as often.

    `pace` says the speed where no motion is named, `scenery` the background as one tag, `art` the style as the thing
    that shows the scene, `travel` the verb of a subject that moves from place to place, `measure` (Chinese) its
    measure word.
    """

    subject: Words
    count: Words
    size: Words
    colour: Words
    motion: Words
    travel: dict[str, str]
    speed: Words
    pace: Words
    background: Words
    scenery: Words
    particles: Words
    style: Words
    art: Words
    camera: Words
    light: Words
    templates: list[str]
    measure: dict[str, str] = {}


@cache
def load_book(name: str) -> Book:
    """Read `english` or `chinese`; an unknown key is an error that names it."""
    path = Path(__file__).with_name(f"{name}.yaml")
    return msgspec.yaml.decode(path.read_bytes(), type=Book)


def pick(rng: np.random.Generator, options: Sequence[Item]) -> Item:
    """One of the options, each as likely."""
    return options[int(rng.integers(len(options)))]


def shuffled(rng: np.random.Generator, items: Iterable[Item]) -> list[Item]:
    """The items in a random order."""
    listed = list(items)
    return [listed[index] for index in rng.permutation(len(listed))]


def pick_template(book: Book, stated: Mapping[str, str], rng: np.random.Generator) -> str:
    """A template that says the motion and the place if they are stated, and needs nothing that is not."""
    return pick(rng, [text for text in book.templates if _fits(set(FIELD.findall(text)), stated)])


def _fits(fields: set[str], stated: Mapping[str, str]) -> bool:
    if "tags" in fields:
        return bool({"motion", "background"} & set(stated))
    if "art" in fields and "style" not in stated:
        return False
    return bool(fields & VERBS) == ("motion" in stated) and ("where" in fields) == ("background" in stated)
