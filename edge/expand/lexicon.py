"""The lexicon: which slots of the pack's vocabulary a person stated, in English or Chinese, without any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.expand.particles import IGNORED, JOINERS, NOT, PLACE_AFTER, PLACE_BEFORE, STOP
from edge.expand.words import Words, is_han, tokenise
from edge.manifest import Slot

Meaning = tuple[str, str]  # (slot, value)
# Slots that describe the noun after them; and the nouns that may take a description away from the subject.
DESCRIBING = frozenset({"count", "size", "colour"})
SCENERY = frozenset({"background", "particles"})
SMALL_WORDS = (
    ("before", PLACE_BEFORE),
    ("after", PLACE_AFTER),
    ("not", NOT),
    ("join", JOINERS),
    ("stop", STOP),
    ("unknown", IGNORED),
)
HAN_WEIGHT = 0.5
MAX_TOKENS = 1200


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was understood: the stated slots, and the share (0..1) of meaningful words that the vocabulary knows."""

    said: dict[str, str]
    coverage: float


@dataclass(eq=False)
class _Match:
    """A run of tokens [start, end) with what it may mean; the flags are filled in while reading."""

    start: int
    end: int
    meanings: tuple[Meaning, ...] = ()
    kind: str = "word"  # word, unknown, or one of SMALL_WORDS
    negated: bool = False
    attached: bool = False
    covered: bool = False

    def may_be(self, slot: str) -> bool:
        return any(meant == slot for meant, _ in self.meanings)

    @property
    def certain(self) -> bool:
        return len(self.meanings) == 1


class Lexicon:
    """A vocabulary made searchable. A phrase listed under several values is open: it yields to certain ones."""

    def __init__(self, vocabulary: Mapping[str, Slot]) -> None:
        self._vocabulary = vocabulary
        listed = list(_listed(vocabulary))
        self._words = Words(token for phrase, _, _ in listed for token in phrase)
        self._phrases: dict[tuple[str, ...], _Match] = {}
        for phrase, kind, meaning in listed:
            self._add(tuple(self._words.root(token) for token in phrase), kind, meaning)
        self._longest = max(len(phrase) for phrase in self._phrases)

    def read(self, text: str) -> Reading:
        """Read a prompt; never fails, whatever the text."""
        tokens = tokenise(text)[:MAX_TOKENS]
        matches = self._search(tokens)
        _mark_negations(matches, tokens)
        main = self._main_subject(matches)
        _mark_attached(matches, main)
        said = self._settle(matches, main)
        self._count(said, main, tokens)
        ordered = {slot: said[slot] for slot in self._vocabulary if slot in said}
        return Reading(said=ordered, coverage=_coverage(matches, tokens))

    def _add(self, phrase: tuple[str, ...], kind: str, meaning: Meaning | None) -> None:
        found = self._phrases.setdefault(phrase, _Match(0, len(phrase), kind=kind))
        if meaning is not None and meaning not in found.meanings:
            found.kind, found.meanings = "word", (*found.meanings, meaning)

    def _search(self, tokens: list[str]) -> list[_Match]:
        """Longest phrases first, none inside another; what is left over becomes `unknown`, one token each."""
        roots = [self._words.root(token) for token in tokens]
        spans = [
            (start, start + size)
            for size in range(self._longest, 0, -1)
            for start in range(len(roots) - size + 1)
            if tuple(roots[start : start + size]) in self._phrases
        ]
        taken: dict[int, _Match] = {}
        for start, end in spans:
            if not any(index in taken for index in range(start, end)):
                known = self._phrases[tuple(roots[start:end])]
                match = _Match(start, end, known.meanings, known.kind)
                taken.update(dict.fromkeys(range(start, end), match))
        matches = [taken.get(index) or _Match(index, index + 1, kind="unknown") for index in range(len(tokens))]
        return list(dict.fromkeys(matches))

    def _main_subject(self, matches: list[_Match]) -> _Match | None:
        """The first subject that is not the place of another ("under the moon, a boat" is about the boat)."""
        subjects = [match for match in matches if match.may_be("subject") and not match.negated]
        certain = [match for match in subjects if match.certain] or subjects
        placed = [match for match in certain if not _is_place(match, matches)]
        return next(iter(placed or certain), None)

    def _settle(self, matches: list[_Match], main: _Match | None) -> dict[str, str]:
        said: dict[str, str] = {}
        if main is not None:
            said["subject"] = next(value for slot, value in main.meanings if slot == "subject")
        words = [match for match in matches if match.meanings and not match.negated and not match.attached]
        for match in words:
            if match.certain:
                slot, value = match.meanings[0]
                said.setdefault(slot, value)
        for match in words:
            self._settle_open(match, said)
        for match in matches:
            match.covered = match.negated or match.attached or any(said.get(s) == v for s, v in match.meanings)
        self._settle_negated(matches, said)
        return said

    def _settle_open(self, match: _Match, said: dict[str, str]) -> None:
        """An open phrase says the value that suits the subject, else the last one listed, of its first free slot."""
        if any(said.get(slot) == value for slot, value in match.meanings):
            return
        free = [(slot, value) for slot, value in match.meanings if slot not in said]
        if not free:
            return
        slot = free[0][0]
        values = [value for meant, value in free if meant == slot]
        subject = said.get("subject")
        wish = self._vocabulary["subject"].values[subject].suits.get(slot) if subject else None
        said[slot] = wish if wish in values else values[-1]

    def _settle_negated(self, matches: list[_Match], said: dict[str, str]) -> None:
        """A denied word may still say something: "no bubbles" means no particles, "not moving" that it stays."""
        neutral = {"particles": "none", "motion": "hover", "camera": "static", "light": "natural"}
        for match in matches:
            for slot, value in match.meanings if match.negated else ():
                rest = neutral.get(slot)
                if rest in self._vocabulary[slot].values and rest != value:
                    said.setdefault(slot, str(rest))

    def _count(self, said: dict[str, str], main: _Match | None, tokens: list[str]) -> None:
        """English nouns say their number: "balloons" are several, "a balloon" is one, "fish" says nothing."""
        values = self._vocabulary["count"].values if "count" in self._vocabulary else {}
        if main is None or "count" in said or is_han(tokens[main.start]) or not {"one", "three"} <= set(values):
            return
        noun = tokens[main.end - 1]
        if noun.endswith("fish"):
            if {"a", "an"} & set(tokens[max(0, main.start - 3) : main.start]):
                said["count"] = "one"
        else:
            said["count"] = "three" if noun.endswith("s") and self._words.root(noun) != noun else "one"


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


def _mark_negations(matches: list[_Match], tokens: list[str]) -> None:
    negated = False
    for match in matches:
        if match.kind == "not":
            negated = True
        elif match.kind == "word":
            match.negated = negated
            negated = negated and _joined(match, matches)
        elif match.kind == "unknown" or tokens[match.start] == ",":
            negated = False


def _joined(match: _Match, matches: list[_Match]) -> bool:
    """True when "or" follows: "no snow or bubbles" denies both."""
    after = next((other for other in matches if other.start == match.end), None)
    return after is not None and after.kind == "join"


def _is_place(match: _Match, matches: list[_Match]) -> bool:
    index = matches.index(match)
    after = matches[index + 1] if index + 1 < len(matches) else None
    if after is not None and after.kind == "after":
        return True
    for other in reversed(matches[:index]):
        if other.kind == "before":
            return True
        if other.kind != "stop" and not all(slot in DESCRIBING for slot, _ in other.meanings or [("", "")]):
            return False
    return False


def _mark_attached(matches: list[_Match], main: _Match | None) -> None:
    """A description belongs to the noun after it: "blue sea" and "two clouds" say nothing of the subject."""
    noun: _Match | None = None
    for match in reversed(matches):
        if match.meanings and all(slot in DESCRIBING for slot, _ in match.meanings):
            match.attached = noun is not None and noun is not main
        elif match.meanings:
            scenery = all(slot in SCENERY for slot, _ in match.meanings)
            noun = match if scenery or match.may_be("subject") else None
        elif match.kind != "stop" or match.end - match.start > 1:
            noun = None


def _coverage(matches: list[_Match], tokens: list[str]) -> float:
    total = known = 0.0
    for match in matches:
        if match.kind in ("word", "unknown"):
            weight = sum(HAN_WEIGHT if is_han(token) else 1.0 for token in tokens[match.start : match.end])
            total += weight
            known += weight if match.covered else 0.0
    return round(known / total, 3) if total else 0.0
