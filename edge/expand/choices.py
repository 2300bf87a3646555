"""What may follow in an answer: the choices that a grammar leaves open, each with the text that is forced after it.

A model is asked only where there is a choice; all other text is given to it ready-made. Method: jump-forward decoding,
Zheng et al. 2023, https://arxiv.org/abs/2312.07104. Read are the grammars of edge/expand/grammar.py: GBNF with
literals, names of rules, `|`, `?` and brackets, and no recursion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[()|?]|[a-z][a-z0-9-]*')
Stack = tuple["Part", ...]


@dataclass(frozen=True)
class Row:
    """Parts one after the other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Either:
    """One of several parts."""

    parts: tuple[Part, ...]


Part = str | Row | Either


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in an answer. `carried` is a blank that belongs to what comes next.

    `stacks` are the ways to go on, each with its next part first; none when the answer is at its end.
    """

    carried: str = ""
    stacks: tuple[Stack, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice: its text with all that is forced after it, and where that leads. Empty text ends the answer."""

    text: str
    place: Place


def start(gbnf: str) -> Place:
    """The place where an answer of this grammar begins. ValueError for a grammar that is not read here."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.strip().splitlines())
    return Place(stacks=((_Reader(rules).rule("root"),),))


def options(place: Place) -> list[Option]:
    """What may follow at a place; a single one is forced. Empty when the answer is at its end.

    A text does not end with a blank before a choice: models write a word with the blank before it as one token.
    """
    found = []
    for text, stacks in _next(place.stacks).items():
        whole, after = text, stacks
        while len(further := _next(after)) == 1 and "" not in further:
            (more, after) = next(iter(further.items()))
            whole += more
        after = after if any(after) else ()
        kept = whole.rstrip(" ") if after else whole
        kept = kept or whole
        found.append(Option(text=place.carried + kept, place=Place(carried=whole[len(kept) :], stacks=after)))
    return found


def walk(
    place: Place, *, most: int, tokens: Callable[[str], list[int]], pick: Callable[[list[int], list[int]], int]
) -> list[int]:
    """Write from `place` to the end of the answer, or `most` tokens.

    `pick` gets what is written and the tokens that may follow, two or more, and says which does. `tokens` cuts a text;
    for the empty one it gives what stands for the end.
    """
    written = list[int]()
    while place.stacks and len(written) < most:
        chosen, place = _choose([(tokens(option.text), option.place) for option in options(place)], written, pick)
        written += chosen
    return written[:most]


def _choose(
    ways: list[tuple[list[int], Place]], written: list[int], pick: Callable[[list[int], list[int]], int]
) -> tuple[list[int], Place]:
    """One of the ways, token by token: it is chosen as soon as no other begins with the same tokens."""
    taken = list[int]()
    while len(ways) > 1:
        at = len(taken)
        ended = [way for way in ways if len(way[0]) == at]
        if ended:  # another one goes on from it, and no token says that this one does not
            return ended[0]
        among = sorted({tokens[at] for tokens, _ in ways})
        taken.append(among[0] if len(among) == 1 else pick([*written, *taken], among))
        ways = [way for way in ways if way[0][at] == taken[at]]
    return ways[0]


def _next(stacks: Sequence[Stack]) -> dict[str, tuple[Stack, ...]]:
    """The literals that may come next, and the stacks after each; the empty one is the end."""
    found: dict[str, list[Stack]] = {}
    for stack in stacks:
        for text, rest in _literals(stack):
            found.setdefault(text, []).append(rest)
    return {text: tuple(dict.fromkeys(rests)) for text, rests in found.items()}


def _literals(stack: Stack) -> list[tuple[str, Stack]]:
    if not stack:
        return [("", ())]
    top, rest = stack[0], stack[1:]
    match top:
        case str():
            return [(top, rest)] if top else _literals(rest)
        case Row(parts):
            return _literals((*parts, *rest))
        case Either(parts):
            return [found for part in parts for found in _literals((part, *rest))]


class _Reader:
    """Reads rules of a grammar into parts; a rule is read once."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._read: dict[str, Part] = {}

    def rule(self, name: str) -> Part:
        if name not in self._read:
            if name not in self._rules:
                raise ValueError(f"no rule {name}")
            words = TOKEN.findall(self._rules[name])
            if "".join(words) != re.sub(r'("(?:[^"\\]|\\.)*")|\s', r"\1", self._rules[name]):
                raise ValueError(f"rule {name} is not read here: {self._rules[name]}")
            self._read[name] = self._either(words)
        return self._read[name]

    def _either(self, words: list[str]) -> Part:
        """Alternatives up to a closing bracket or the end; takes the words that it has read."""
        rows = [self._row(words)]
        while words and words[0] == "|":
            words.pop(0)
            rows.append(self._row(words))
        return rows[0] if len(rows) == 1 else Either(tuple(rows))

    def _row(self, words: list[str]) -> Part:
        parts = list[Part]()
        while words and words[0] not in ("|", ")"):
            word = words.pop(0)
            if word == "?":
                parts.append(Either((parts.pop(), "")))
            elif word == "(":
                parts.append(self._either(words))
                words.pop(0)
            else:
                parts.append(json.loads(word) if word[0] == '"' else self.rule(word))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))
