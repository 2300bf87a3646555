"""Typing errors: one letter swapped with the next, left out, doubled or replaced, as thumbs do it."""

from __future__ import annotations

import re

import numpy as np

WORD = re.compile(r"[A-Za-z]{5,}")
HAN = re.compile(r"[\u4e00-\u9fff]")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def mistype(text: str, rng: np.random.Generator) -> str:
    """The text with one error: in an English word of five letters or more, else between Chinese characters."""
    words = list(WORD.finditer(text))
    if words:
        word = words[int(rng.integers(len(words)))]
        return text[: word.start()] + _wrong(word.group(), rng) + text[word.end() :]
    signs = [match.start() for match in HAN.finditer(text)]
    if len(signs) < 4:
        return text
    spot = signs[int(rng.integers(len(signs) - 1))]
    if rng.uniform() < 0.5:
        return text[:spot] + text[spot + 1 : spot + 2] + text[spot] + text[spot + 2 :]
    return text[:spot] + text[spot + 1 :]


def _wrong(word: str, rng: np.random.Generator) -> str:
    spot = 1 + int(rng.integers(len(word) - 2))  # the first letter is hardly ever wrong
    match int(rng.integers(4)):
        case 0:
            return word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :]
        case 1:
            return word[:spot] + word[spot + 1 :]
        case 2:
            return word[:spot] + word[spot] + word[spot:]
    return word[:spot] + LETTERS[int(rng.integers(len(LETTERS)))] + word[spot + 1 :]
