"""Doubtful words: numbers, verbs and Chinese characters that say nothing of the picture in the place where they stand."""

from __future__ import annotations

from edge.expand.matches import ADJECTIVES, Match
from edge.expand.particles import DETERMINERS, NUMERALS, UNITS, WEAK
from edge.expand.words import is_han

NUMERAL, UNIT, DETERMINER, VERB = (frozenset(words.split()) for words in (NUMERALS, UNITS, DETERMINERS, WEAK))
COUNT = frozenset({"count"})
RELATIVE = frozenset({"that", "who"})
# Single characters of these slots are parts of other words more often than not: 小朋友, 白娘子, 快递.
PARTS = frozenset({"size", "colour", "motion", "speed"})
ENDINGS = frozenset("游落跳走")  # 春游, 失落


def drop_doubtful(matches: list[Match], tokens: list[str]) -> None:
    """Take their meaning from numbers that count nothing and from characters inside unknown words."""
    if len(matches) > 1:
        doubtful = [
            match
            for index, match in enumerate(matches)
            if _counts_nothing(match, matches[index + 1 :], tokens) or _is_part(match, matches[index + 1 :], tokens)
        ]
        for match in doubtful:
            match.unsay()


def drop_weak(matches: list[Match], main: Match | None, tokens: list[str]) -> None:
    """Take their meaning from verbs that are no motion: "in spring", or "he left" where nothing is named that could move."""
    for index, match in enumerate(matches if len(matches) > 1 else []):
        before = tokens[match.start - 1] if match.start else ""
        weak = match.end - match.start == 1 and tokens[match.start] in VERB
        relative = before in RELATIVE and main is not None and main.end == match.start - 1  # a star that drops
        if weak and (main is None or (before in DETERMINER and not relative)):
            match.unsay()
        if main is None and tokens[match.start] in ENDINGS and index and matches[index - 1].kind == "unknown":
            match.unsay()


def _counts_nothing(match: Match, after: list[Match], tokens: list[str]) -> bool:
    """True for "ten minutes", "at two" and "7.2": a number counts where a thing follows, or "of them"."""
    if match.han or not match.all_in(COUNT):
        return False
    ahead = next((other for other in after if not other.all_in(ADJECTIVES)), None)
    if ahead is not None and tokens[ahead.start] in UNIT:
        return True
    if not NUMERAL.issuperset(tokens[match.start : match.end]):
        return False
    of_them = tokens[match.end : match.end + 2] == ["of", "them"] and tokens[match.start] != "one"
    return not of_them and (ahead is None or ahead.kind not in ("word", "unknown"))


def _is_part(match: Match, after: list[Match], tokens: list[str]) -> bool:
    """True for a character with an unknown one behind it: 小朋友; but not 小船, 小红船, 大的 or 红红火火."""
    if not match.han or match.end - match.start > 1 or not match.all_in(PARTS):
        return False
    character = tokens[match.start]
    if character in (tokens[match.end : match.end + 1] + tokens[max(0, match.start - 1) : match.start]):
        return False
    ahead = next((other for other in after if not other.all_in(PARTS)), None)
    return ahead is not None and ahead.kind == "unknown" and is_han(tokens[ahead.start])
