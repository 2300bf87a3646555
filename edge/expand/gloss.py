"""English glosses of the Chinese words and the emoji in a request, for language models that know little of either.

Words are found by forward maximum matching in a table: no segmenter, no context, and good enough for a model that is told
what the words are about.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from edge.expand.emoji import names
from edge.expand.words import is_han

TABLE = "glosses/chinese.tsv"
MOST = 24  # glosses of one request
SEPARATOR = ", "


def gloss(text: str) -> str:
    """The glosses of the Chinese words of a text in their order, then its emoji, none twice; empty where it has neither."""
    return SEPARATOR.join(dict.fromkeys([*_chinese(text), *names(text)]))


def _chinese(text: str) -> list[str]:
    if not any(map(is_han, text)):
        return []
    table, longest = _table()
    found: dict[str, None] = {}
    at = 0
    while at < len(text) and len(found) < MOST:
        sizes = range(min(longest, len(text) - at), 0, -1)
        size = next((size for size in sizes if text[at : at + size] in table), 0)
        if size:
            found[table[text[at : at + size]]] = None
        at += size or 1
    return list(found)


@cache
def _table() -> tuple[dict[str, str], int]:
    """Chinese to English, and the length of the longest entry."""
    lines = (files("edge.expand") / TABLE).read_text(encoding="utf-8").splitlines()
    table = dict(line.split("\t") for line in lines)
    return table, max(map(len, table))
