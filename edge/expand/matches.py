"""Matches: the runs of words that the lexicon found in a prompt, and how those beside each other bear on each other."""

from __future__ import annotations

from dataclasses import dataclass

from edge.expand.words import is_han

Meaning = tuple[str, str]  # (slot, value)
# Slots that describe the noun after them; and the nouns that may take a description away from the subject.
DESCRIBING = frozenset({"count", "size", "colour"})
ADJECTIVES = frozenset({"size", "colour", "light"})
HOLDING = frozenset({"in", "on", "at", "from", "into", "with"})
SCENERY = frozenset({"background", "particles"})
HAN_WEIGHT = 0.5
HAN_WORD = 2  # characters in one Chinese word, mostly


@dataclass(eq=False)
class Match:
    """A run of tokens [start, end) with what it may mean; the flags are filled in while reading."""

    start: int
    end: int
    meanings: tuple[Meaning, ...] = ()
    kind: str = "word"  # word, unknown, or one of SMALL_WORDS
    han: bool = False
    negated: bool = False
    attached: bool = False
    covered: bool = False

    def may_be(self, slot: str) -> bool:
        """True when one of its meanings is a value of this slot."""
        return any(meant == slot for meant, _ in self.meanings)

    def all_in(self, slots: frozenset[str]) -> bool:
        """True when it means something, and nothing outside these slots."""
        return bool(self.meanings) and all(meant in slots for meant, _ in self.meanings)

    def unsay(self) -> None:
        """Make it a word that means nothing."""
        self.meanings, self.kind = (), "unknown"

    @property
    def certain(self) -> bool:
        """True when it means one thing only."""
        return len(self.meanings) == 1

    @property
    def many_words(self) -> bool:
        """True for a phrase of several words."""
        return self.end - self.start > (HAN_WORD if self.han else 1)


def mark_negations(matches: list[Match], tokens: list[str]) -> None:
    """Mark what a "no", "not" or "without" before it denies."""
    negated = False
    for match in matches:
        if match.kind == "not":
            negated = True
        elif match.kind == "word":
            match.negated = negated
            negated = negated and _joined(match, matches)
        elif match.kind == "unknown" or tokens[match.start] == ",":
            negated = False


def main_subject(matches: list[Match], tokens: list[str]) -> Match | None:
    """The first subject that is not the place of another ("under the moon, a boat" is about the boat)."""
    subjects = [match for match in matches if match.may_be("subject") and not match.negated]
    certain = [match for match in subjects if match.certain or _is_counted(match, matches, tokens)] or subjects
    placed = [match for match in certain if not _is_place(match, matches)]
    return next(iter(placed or certain), None)


def mark_attached(matches: list[Match], main: Match | None, tokens: list[str]) -> None:
    """A description belongs to the noun after it: "blue sea" and "two clouds" say nothing of the subject.

    "red, night sky" are two things, "a big, blue sky" is one.
    """
    noun: Match | None = None
    apart = beside = False
    for match in reversed(matches):
        if match.all_in(DESCRIBING):
            match.attached = noun is not None and noun is not main and not apart
            beside = False
        elif match.meanings:
            noun = match if match.all_in(SCENERY) or match.may_be("subject") else None
            apart, beside = False, True
        elif tokens[match.start] == ",":
            apart = apart or beside
        elif match.kind != "stop" or match.end - match.start > 1:
            noun = None


def coverage(matches: list[Match], tokens: list[str]) -> float:
    """The share of meaningful words that count as understood, 0..1."""
    total = known = 0.0
    for match in matches:
        if match.kind in ("word", "unknown"):
            weight = sum(HAN_WEIGHT if is_han(token) else 1.0 for token in tokens[match.start : match.end])
            total += weight
            known += weight if match.covered else 0.0
    return round(known / total, 3) if total else 0.0


def _joined(match: Match, matches: list[Match]) -> bool:
    """True when "or" follows: "no snow or bubbles" denies both."""
    after = next((other for other in matches if other.start == match.end), None)
    return after is not None and after.kind == "join"


def _is_counted(match: Match, matches: list[Match], tokens: list[str]) -> bool:
    """True for "a cloud" or "two white clouds", which are things, where "clouds" alone or "in a cloud" are scenery."""
    before = reversed(matches[: matches.index(match)])
    number = next((other for other in before if not (other.all_in(ADJECTIVES) or tokens[other.start] == "的")), None)
    if number is None or not (number.may_be("count") or tokens[number.start] in {"a", "an"}):
        return False
    return number.start == 0 or tokens[number.start - 1] not in HOLDING


def _is_place(match: Match, matches: list[Match]) -> bool:
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
