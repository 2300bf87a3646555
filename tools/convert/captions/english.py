"""English captions: noun phrases, sentences, requests, and lists of tags."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tools.convert.captions.book import FIELD, Book, load_book, pick, pick_template, shuffled
from tools.convert.captions.inflect import article, doing, plural, third_person

BOOK = load_book("english")
ONLY_ONE = frozenset({"sun", "moon"})  # people say "the" of these
JOINS = ("and", "and", "together with", "with", "next to")


def write(stated: Mapping[str, str], scene_slots: Mapping[str, str], rng: np.random.Generator) -> str:
    """A caption that says the `stated` slots; `scene_slots` tell what grammar cannot hide, such as the number."""
    template = pick_template(BOOK, stated, rng)
    fields = set(FIELD.findall(template))
    if "tags" in fields:
        return _tags(template, stated, scene_slots, rng)
    who, many = _who(stated, scene_slots, rng)
    verb = _verb(stated, rng) if "motion" in stated else ""
    before, after = _speed(stated, rng)
    words = {
        "who": who,
        "is": "are" if many else "is",
        "do": f"{before}{verb}{after}",
        "does": f"{before}{verb if many else third_person(verb)}{after}",
        "doing": f"{before}{doing(verb)}{after}",
        "where": _say(BOOK, "background", stated, rng),
        "art": _say(BOOK, "art", {"art": stated.get("style", "")}, rng),
    }
    text = template.format(**words) if not template.endswith("?") else template[:-1].format(**words)
    text = "".join([text, *_details(stated, fields, rng)])
    return _sentence(text, rng, question=template.endswith("?"))


def _who(
    stated: Mapping[str, str], scene_slots: Mapping[str, str], rng: np.random.Generator
) -> tuple[str, bool]:  # fmt: skip
    """The subject or both subjects, with article or number; and whether the verb is plural."""
    many = scene_slots["count"] != "one"
    first = _counted(_described(stated, many, rng), stated, rng, many=many)
    if "second" not in stated:
        return first, many
    colour = _say(BOOK, "colour", {"colour": stated.get("second_colour", "")}, rng)
    second = article(_join(colour, pick(rng, BOOK.subject[stated["second"]])))
    join = pick(rng, JOINS)
    return f"{first} {join} {second}", many or join == "and"


def _described(stated: Mapping[str, str], many: bool, rng: np.random.Generator) -> str:  # noqa: FBT001
    noun = pick(rng, BOOK.subject[stated["subject"]])
    glow = _say(BOOK, "light", stated, rng) if stated.get("light") == "glowing" else ""
    size, colour = (_say(BOOK, name, stated, rng) for name in ("size", "colour"))
    return _join(size, glow, colour, plural(noun) if many else noun)


def _counted(noun: str, stated: Mapping[str, str], rng: np.random.Generator, *, many: bool) -> str:
    if many:
        return _join(_say(BOOK, "count", stated, rng), noun)
    chance = rng.uniform()
    if chance < (0.7 if stated["subject"] in ONLY_ONE else 0.15):
        return f"the {noun}"
    return f"{'one' if chance > 0.95 else 'a single'} {noun}" if chance > 0.92 else article(noun)


def _verb(stated: Mapping[str, str], rng: np.random.Generator) -> str:
    """A verb phrase in its base form: "swim to the left"."""
    phrase = pick(rng, BOOK.motion[stated["motion"]])
    travel = BOOK.travel.get(stated["subject"])
    if travel and phrase.startswith("move ") and rng.uniform() < 0.7:
        return f"{travel} {phrase.removeprefix('move ')}"
    return phrase


def _speed(stated: Mapping[str, str], rng: np.random.Generator) -> tuple[str, str]:
    """An adverb before or after the verb."""
    adverb = _say(BOOK, "speed", stated, rng)
    if not adverb:
        return "", ""
    before = " " not in adverb and adverb != "fast" and rng.uniform() < 0.5
    return (f"{adverb} ", "") if before else ("", f" {adverb}")


def _details(stated: Mapping[str, str], fields: set[str], rng: np.random.Generator) -> list[str]:
    """What the template did not say, in any order."""
    said = {"particles", "camera"} | ({"style"} if "art" not in fields else set())
    if stated.get("light") != "glowing":
        said.add("light")
    if "motion" not in stated:
        said.add("pace")
    known = {**stated, "pace": stated.get("speed", "")}
    details = [_say(BOOK, name, known, rng) for name in shuffled(rng, sorted(said)) if known.get(name)]
    joined = rng.uniform() < 0.4  # "a cat in a room with fireflies" or "a cat in a room, with fireflies"
    return [
        f"{'' if index == 0 and joined and detail.startswith(('with ', 'while ', 'in the ', 'among ')) else ','} {detail}"
        for index, detail in enumerate(details)
    ]


def _tags(
    template: str, stated: Mapping[str, str], scene_slots: Mapping[str, str], rng: np.random.Generator
) -> str:  # fmt: skip
    """Tags as people write them for image generators: "red balloon, rising, night sky, neon style"."""
    who, _ = _who(stated, scene_slots, rng)
    bare = who if "second" in stated or rng.uniform() < 0.3 else who.removeprefix("the ")
    tags = [doing(_verb(stated, rng))] if "motion" in stated else []
    tags += [_say(BOOK, "pace", {"pace": stated["speed"]}, rng)] if "speed" in stated else []
    known = {**stated, "scenery": stated.get("background", "")}
    names = ["scenery", "particles", "style", "camera", *(["light"] if stated.get("light") != "glowing" else [])]
    tags += [_say(BOOK, name, known, rng) for name in names if known.get(name)]
    if "{who}" not in template:
        tags.append(bare)
    return template.format(who=bare, tags=", ".join(shuffled(rng, tags)))


def _say(book: Book, table: str, stated: Mapping[str, str], rng: np.random.Generator) -> str:
    """A synonym of a stated value, or nothing."""
    value = stated.get(table)
    return pick(rng, getattr(book, table)[value]) if value else ""


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)


def _sentence(text: str, rng: np.random.Generator, *, question: bool) -> str:
    style = rng.uniform()
    if style < 0.25:
        return text
    full = text[0].upper() + text[1:]
    return full + ("?" if question else "." if style > 0.5 else "")
