"""English inflection for the words of the phrase book: plurals, articles, third persons, -ing forms."""

from __future__ import annotations

import re

VOWELS = "aeiou"
PLURALS = {"leaf": "leaves"}
DOING = {"zigzag": "zigzagging", "travel": "travelling"}


def article(noun_phrase: str) -> str:
    """ "a" or "an" before it, joined to it."""
    return f"{'an' if noun_phrase[0].lower() in VOWELS else 'a'} {noun_phrase}"


def plural(noun: str) -> str:
    """The plural of a noun phrase: its head is the last word, or the one before "with" or "on"."""
    head, rest = re.fullmatch(r"(.*?)( (?:with|on) .*)?", noun).groups(default="")
    *before, last = head.split(" ")
    return " ".join([*before, _many(last)]) + rest


def third_person(verb_phrase: str) -> str:
    """ "go up" to "goes up"."""
    verb, blank, rest = verb_phrase.partition(" ")
    return _with_s(verb) + blank + rest


def doing(verb_phrase: str) -> str:
    """ "go up" to "going up"."""
    verb, blank, rest = verb_phrase.partition(" ")
    return _ing(verb) + blank + rest


def _many(word: str) -> str:
    if word.endswith("fish"):
        return word
    return PLURALS.get(word) or _with_s(word)


def _with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in VOWELS:
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) or word == "go" else "s")


def _ing(verb: str) -> str:
    if verb in DOING:
        return DOING[verb]
    if verb.endswith("e"):
        return verb[:-1] + "ing"
    # A word of one syllable that ends in consonant, vowel, consonant doubles the last letter.
    short = len(re.findall(r"[aeiou]+", verb)) == 1
    doubled = short and re.search(r"[^aeiou][aeiou][^aeiouwxy]$", verb) is not None
    return verb + (verb[-1] if doubled else "") + "ing"
