"""The lexicon: which slots of the pack's vocabulary a person stated, in English or Chinese, without any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from edge.expand.doubtful import drop_doubtful, drop_weak
from edge.expand.emoji import spell_out
from edge.expand.matches import SCENERY, Match, Meaning, coverage, main_subject, mark_attached, mark_negations
from edge.expand.particles import IGNORED, JOINERS, NOT, PLACE_AFTER, PLACE_BEFORE, STOP
from edge.expand.words import Words, is_han, tokenise
from edge.manifest import Slot

SMALL_WORDS = (
    ("before", PLACE_BEFORE),
    ("after", PLACE_AFTER),
    ("not", NOT),
    ("join", JOINERS),
    ("stop", STOP),
    ("unknown", IGNORED),
)
MAX_TOKENS = 1200


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was understood: the stated slots, and the share (0..1) of meaningful words that the vocabulary knows."""

    said: dict[str, str]
    coverage: float


class Lexicon:
    """A vocabulary made searchable. A phrase listed under several values is open: it yields to certain ones."""

    def __init__(self, vocabulary: Mapping[str, Slot]) -> None:
        self._vocabulary = vocabulary
        listed = list(_listed(vocabulary))
        self._words = Words(token for phrase, _, _ in listed for token in phrase)
        self._phrases: dict[tuple[str, ...], Match] = {}
        for phrase, kind, meaning in listed:
            self._add(tuple(self._words.root(token) for token in phrase), kind, meaning)
        self._longest = max(len(phrase) for phrase in self._phrases)

    def read(self, text: str) -> Reading:
        """Read a prompt; never fails, whatever the text."""
        tokens = tokenise(spell_out(text))[:MAX_TOKENS]
        matches = self._search(tokens)
        drop_doubtful(matches, tokens)
        mark_negations(matches, tokens)
        main = main_subject(matches, tokens)
        drop_weak(matches, main, tokens)
        mark_attached(matches, main, tokens)
        said = self._settle(matches, main)
        self._count(said, main, tokens)
        ordered = {slot: said[slot] for slot in self._vocabulary if slot in said}
        return Reading(said=ordered, coverage=coverage(matches, tokens))

    def _add(self, phrase: tuple[str, ...], kind: str, meaning: Meaning | None) -> None:
        found = self._phrases.setdefault(phrase, Match(0, len(phrase), kind=kind))
        if meaning is not None and meaning not in found.meanings:
            found.kind, found.meanings = "word", (*found.meanings, meaning)

    def _search(self, tokens: list[str]) -> list[Match]:
        """Longest phrases first, none inside another; what is left over becomes `unknown`, one token each."""
        roots = [self._words.root(token) for token in tokens]
        spans = [
            (start, start + size)
            for size in range(self._longest, 0, -1)
            for start in range(len(roots) - size + 1)
            if tuple(roots[start : start + size]) in self._phrases
        ]
        taken: dict[int, Match] = {}
        for start, end in spans:
            if not any(index in taken for index in range(start, end)):
                known = self._phrases[tuple(roots[start:end])]
                match = Match(start, end, known.meanings, known.kind, is_han(tokens[start]))
                taken.update(dict.fromkeys(range(start, end), match))
        matches = [taken.get(index) or Match(index, index + 1, kind="unknown") for index in range(len(tokens))]
        return list(dict.fromkeys(matches))

    def _settle(self, matches: list[Match], main: Match | None) -> dict[str, str]:
        said: dict[str, str] = {}
        if main is not None:
            said["subject"] = next(value for slot, value in main.meanings if slot == "subject")
        words = [match for match in matches if match.meanings and not match.negated and not match.attached]
        for match in words:
            if match.certain:
                slot, value = match.meanings[0]
                said.setdefault(slot, value)
        for match in words:
            self._settle_open(match, said, main)
        for match in matches:
            match.covered = match.negated or match.attached or any(said.get(s) == v for s, v in match.meanings)
        self._settle_negated(matches, said)
        return said

    def _settle_open(self, match: Match, said: dict[str, str], main: Match | None) -> None:
        """An open phrase says the value that suits the subject, else the last one listed, of its first free slot.

        A phrase that names the subject says all it means ("setting sun"); one that names another thing is scenery.
        """
        if match is main and match.many_words:
            for slot, value in match.meanings:
                said.setdefault(slot, value)
        if any(said.get(slot) == value for slot, value in match.meanings):
            return
        slots = SCENERY if match.may_be("subject") else set(self._vocabulary)
        free = [(slot, value) for slot, value in match.meanings if slot not in said and slot in slots]
        if not free:
            return
        slot = free[0][0]
        values = [value for meant, value in free if meant == slot]
        subject = said.get("subject")
        wish = self._vocabulary["subject"].values[subject].suits.get(slot) if subject else None
        said[slot] = wish if wish in values else values[-1]

    def _settle_negated(self, matches: list[Match], said: dict[str, str]) -> None:
        """A denied word may still say something: "no bubbles" means no particles, "not moving" that it stays."""
        neutral = {"particles": "none", "motion": "hover", "camera": "static", "light": "natural"}
        for match in matches:
            for slot, value in match.meanings if match.negated else ():
                rest = neutral.get(slot)
                if rest in self._vocabulary[slot].values and rest != value:
                    said.setdefault(slot, str(rest))

    def _count(self, said: dict[str, str], main: Match | None, tokens: list[str]) -> None:
        """English nouns say their number: "balloons" are several, "a balloon" is one, "fish" says nothing."""
        values = self._vocabulary["count"].values if "count" in self._vocabulary else {}
        if main is None or "count" in said or is_han(tokens[main.start]) or not {"one", "three"} <= set(values):
            return
        noun = self._noun(tokens[main.start : main.end])
        if noun.endswith("fish"):
            if {"a", "an"} & set(tokens[max(0, main.start - 3) : main.start]):
                said["count"] = "one"
        else:
            plural = noun.endswith("ves") or (noun.endswith("s") and self._words.root(noun) != noun)
            said["count"] = "three" if plural else "one"

    def _noun(self, phrase: list[str]) -> str:
        """The word of a subject's phrase that carries its number: "pine TREES", "the SUN sets", "CAKE with candles"."""
        head = list(takewhile(lambda token: token not in ("with", "on"), phrase)) or phrase
        known = [self._phrases.get((self._words.root(token),)) for token in head]
        nouns = [token for token, match in zip(head, known, strict=True) if match and match.may_be("subject")]
        return (nouns or head)[-1]


def _listed(vocabulary: Mapping[str, Slot]) -> Iterator[tuple[tuple[str, ...], str, Meaning | None]]:
    """Every phrase as tokens, with its kind and meaning."""
    for kind, phrases in SMALL_WORDS:
        for phrase in phrases.split():
            yield tuple(tokenise(phrase.replace("_", " "))), kind, None
    for name, slot in vocabulary.items():
        for value, said in slot.values.items():
            for phrase in (value.replace("_", " "), *said.en, *said.zh):
                if name != "particles" or value != "none" or phrase != "none":
                    yield tuple(tokenise(phrase)), "word", (name, value)
