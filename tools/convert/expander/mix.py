"""Requests made from wordings: something said outright beside what is meant, a frame around it, and sloppy typing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from tools.convert.captions.book import Book, load_book, pick
from tools.convert.captions.inflect import article
from tools.convert.captions.typos import mistype

BOOKS = {"en": "english", "zh": "chinese"}
# How often each of these is said beside what is meant; the subject most, since it decides the rest.
BESIDE = {
    "subject": 0.25, "subject_colour": 0.15, "colour": 0.2, "background": 0.16, "style": 0.07, "camera": 0.06,
    "particles": 0.05, "light": 0.03, "pace": 0.03,
}  # fmt: skip
SLOT = {"pace": "speed"}
TABLES = {"background": "scenery"}  # the phrase book's word for a place as one tag
SAID, AROUND, SLOPPY, TYPO = 0.4, 0.25, 0.3, 0.12


class Frames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The frames of one language (see mix.yaml)."""

    people: list[str]
    around: list[str]
    subject: list[str]
    subject_colour: list[str]
    colour: list[str]
    background: list[str]
    style: list[str]
    camera: list[str]
    particles: list[str]
    light: list[str]
    pace: list[str]
    emoji: list[str]


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """A request, and what it says outright."""

    text: str
    said: dict[str, str] = field(default_factory=dict)


@cache
def frames(language: str) -> Frames:
    """The frames of `en` or `zh`."""
    tables = msgspec.yaml.decode(Path(__file__).with_name("mix.yaml").read_bytes(), type=dict[str, Frames])
    return tables[language]


def mix(wording: str, language: str, rng: np.random.Generator) -> Mixed:
    """The wording as it stands, or with something said outright, or framed; then perhaps typed without care."""
    if rng.uniform() < SAID:
        mixed = say_beside(wording, language, rng)
    elif rng.uniform() < AROUND:
        mixed = Mixed(text=_frame(wording, language, rng))
    else:
        mixed = Mixed(text=wording)
    return Mixed(text=sloppy(mixed.text, language, rng), said=mixed.said)


def say_beside(wording: str, language: str, rng: np.random.Generator) -> Mixed:
    """The wording with one or two things said outright."""
    book, kind = load_book(BOOKS[language]), str(rng.choice(list(BESIDE), p=list(BESIDE.values())))
    fields = {"it": wording.rstrip(".。") if language == "en" else wording.rstrip("。")}
    said = {}
    for slot in ("subject", "colour") if kind == "subject_colour" else (kind,):
        table: dict[str, list[str]] = getattr(book, TABLES.get(slot, slot))
        value = str(rng.choice([name for name in table if name != "none"]))
        said[SLOT.get(slot, slot)] = value
        fields[slot] = pick(rng, table[value])
        if slot == "subject":
            fields["measure"] = book.measure.get(value, "")
    text = pick(rng, getattr(frames(language), kind)).format(**_clean(fields, book))
    return Mixed(text=_articles(text) if language == "en" else text, said=said)


def sloppy(text: str, language: str, rng: np.random.Generator) -> str:
    """The text as it stands, or all lower case, without its full stops, with an emoji, or with a typing error."""
    if rng.uniform() < SLOPPY:
        match int(rng.integers(3)):
            case 0:
                text = text.lower()
            case 1:
                text = text.rstrip(".!?。！？")
            case _:
                text = f"{text} {pick(rng, frames(language).emoji)}"
    return mistype(text, rng) if rng.uniform() < TYPO else text


def _frame(wording: str, language: str, rng: np.random.Generator) -> str:
    table = frames(language)
    return pick(rng, table.around).format(it=wording, person=pick(rng, table.people))


def _clean(fields: dict[str, str], book: Book) -> dict[str, str]:
    """Chinese colours before a noun end in one 的."""
    if "subject" in fields and "colour" in fields and book.measure:
        fields["colour"] = fields["colour"].rstrip("的") + "的"
    return fields


def _articles(text: str) -> str:
    """Write "an" before a vowel."""
    return re.sub(r"\ba ([aeiou]\w*)", lambda match: article(match[1]), text)
