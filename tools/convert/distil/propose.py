"""A draft of a vocabulary: the words of the captions that nothing is known of yet, counted, for a person to sort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from edge.expand.lexicon import Lexicon
from edge.expand.words import Words, is_han, tokenise
from edge.manifest import Slot
from tools.convert.distil.vocabulary import OWN
from tools.convert.tinyvideo.vocabulary import load_vocabulary

MOST = 40
LEAST_LETTERS = 3
USUAL = """
the and with from into onto over under near next for its his her their our your this that there here one two are was were
has have very some any all also while who which what when where video clip film shot scene camera
"""
HEAD = """\
# A draft: sort it, then give it as --vocabulary. Each value: a name, and how people say it in English and Chinese.
# Under `subject` belongs what the videos are about, under `background` where it is, under `colour` its colours.
# Leave a slot out where it is always the same. Count, size, motion, speed and camera are known to a board by itself.
"""


def propose(captions: Iterable[str]) -> str:
    """YAML: values of the repository's vocabulary that the captions say, and all other words with their counts."""
    known = load_vocabulary()
    lexicon, listed = Lexicon(known), Words(_listed(known.values()))
    told, rest = {name: Counter[str]() for name in OWN}, Counter[str]()
    familiar = {listed.root(token) for token in _listed(known.values())}
    for caption in captions:
        said = lexicon.read(caption).said
        for name in OWN:
            told[name].update([said[name]] if name in said else [])
        rest.update(set(_unknown(tokenise(caption), listed, familiar)))
    lines = [HEAD, *(line for name in OWN if told[name] for line in _slot(name, told[name], known[name]))]
    lines += ["# Not known yet, with the number of captions that say it:"]
    lines += [f"#   {word}: {count}" for word, count in rest.most_common(MOST)] or ["#   nothing"]
    return "\n".join(lines) + "\n"


def _listed(slots: Iterable[Slot]) -> list[str]:
    """Every word of these slots."""
    values = [value for slot in slots for value in slot.values.values()]
    return [token for value in values for phrase in (*value.en, *value.zh) for token in tokenise(phrase)]


def _unknown(tokens: list[str], listed: Words, familiar: set[str]) -> Iterator[str]:
    """English words that are not in the vocabulary in any form, and pairs of Chinese characters."""
    for token, after in pairwise([*tokens, ""]):
        if is_han(token) and is_han(after) and not {token, after} <= familiar:
            yield token + after
        if not is_han(token) and len(token) >= LEAST_LETTERS and token.isalpha() and token not in USUAL.split():
            yield from () if listed.root(token) in familiar else (token,)


def _slot(name: str, counts: Counter[str], slot: Slot) -> list[str]:
    first = counts.most_common(1)[0][0]
    lines = [f"{name}:", f"  default: {first}", "  values:"]
    for value, count in counts.most_common():
        words = slot.values[value]
        lines += [
            f"    {value}:  # {count} captions",
            f"      en: [{_words(words.en)}]",
            f"      zh: [{_words(words.zh)}]",
        ]
    return lines


def _words(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
