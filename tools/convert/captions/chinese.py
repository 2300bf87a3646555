"""Chinese captions: with measure words, places before verbs, requests and lists of tags."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tools.convert.captions.book import FIELD, load_book, pick, pick_template, shuffled

BOOK = load_book("chinese")
JOINS = ("和", "和", "与", "还有")


def write(stated: Mapping[str, str], scene_slots: Mapping[str, str], rng: np.random.Generator) -> str:
    """A caption that says the `stated` slots; `scene_slots` are not needed: Chinese nouns hide their number."""
    del scene_slots
    template = pick_template(BOOK, stated, rng)
    fields = set(FIELD.findall(template))
    if "tags" in fields:
        return _tags(template, stated, rng)
    words = {
        "who": _who(stated, rng),
        "does": _say("speed", stated, rng) + _verb(stated, rng) if "motion" in stated else "",
        "where": _say("background", stated, rng),
        "art": _say("art", {"art": stated.get("style", "")}, rng),
    }
    text = "，".join([template.format(**words), *_details(stated, fields, rng)])
    return text + ("。" if rng.uniform() < 0.4 else "")


def _who(stated: Mapping[str, str], rng: np.random.Generator) -> str:
    number = _say("count", stated, rng)
    measure = BOOK.measure[stated["subject"]] if number else ""
    glow = _say("light", stated, rng) if stated.get("light") == "glowing" else ""
    described = _say("size", stated, rng) + glow + _say("colour", stated, rng)
    first = f"{number}{measure}{described}{pick(rng, BOOK.subject[stated['subject']])}"
    if "second" not in stated:
        return first
    colour = _say("colour", {"colour": stated.get("second_colour", "")}, rng)
    second = f"一{BOOK.measure[stated['second']]}{colour}{pick(rng, BOOK.subject[stated['second']])}"
    return first + pick(rng, JOINS) + second


def _verb(stated: Mapping[str, str], rng: np.random.Generator) -> str:
    phrase = pick(rng, BOOK.motion[stated["motion"]])
    travel = BOOK.travel.get(stated["subject"])
    return phrase.replace("移动", travel) if travel and rng.uniform() < 0.7 else phrase


def _details(stated: Mapping[str, str], fields: set[str], rng: np.random.Generator) -> list[str]:
    """What the template did not say, in any order."""
    said = {"particles", "camera"} | ({"style"} if "art" not in fields else set())
    if stated.get("light") != "glowing":
        said.add("light")
    if "motion" not in stated:
        said.add("pace")
    known = {**stated, "pace": stated.get("speed", "")}
    return [_say(name, known, rng) for name in shuffled(rng, sorted(said)) if known.get(name)]


def _tags(template: str, stated: Mapping[str, str], rng: np.random.Generator) -> str:
    who = _who(stated, rng)
    tags = [_verb(stated, rng)] if "motion" in stated else []
    tags += [_say("pace", {"pace": stated["speed"]}, rng)] if "speed" in stated else []
    known = {**stated, "scenery": stated.get("background", "")}
    names = ["scenery", "particles", "style", "camera", *(["light"] if stated.get("light") != "glowing" else [])]
    tags += [_say(name, known, rng) for name in names if known.get(name)]
    if "{who}" not in template:
        tags.append(who)
    return template.format(who=who, tags="，".join(shuffled(rng, tags)))


def _say(table: str, stated: Mapping[str, str], rng: np.random.Generator) -> str:
    """A synonym of a stated value, or nothing."""
    value = stated.get(table)
    return pick(rng, getattr(BOOK, table)[value]) if value else ""
