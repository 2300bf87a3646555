"""CLIP's tokens without its library: words cut as CLIP cuts them, then pairs of letters joined in the order of the merges.

Why not the tokenizers library: it brings an HTTP client and a model hub with it, which a board that works offline has no
use for. The file is the one that library writes; the workshop proves that both cut alike before it makes a pack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.diffusers_manifest import Tokens
from edge.errors import ModelError

END = "</w>"  # of a word's last piece
SHORT = re.compile(r"'(?:s|t|re|ve|m|ll|d)")


class ClipTokenizer:
    """Reads the `tokenizer.json` of a pack; raises ModelError for one that is not CLIP's."""

    def __init__(self, path: Path, tokens: Tokens) -> None:
        model = _model(path)
        self._tokens = tokens
        self._ids: dict[str, int] = model["vocab"]
        pairs = (tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"])
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._unknown = self._ids.get(model.get("unk_token") or "", tokens.end)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, without what is put around it."""
        words = cut(text)
        pieces = (piece for word in words for piece in self._join("".join(_LETTERS[byte] for byte in word.encode())))
        return [self._ids.get(piece, self._unknown) for piece in pieces]

    def framed(self, text: str) -> NDArray[np.int64]:
        """The tokens as the text encoder takes them, int64 [1, length]; what is too long is cut off."""
        tokens = self._tokens
        said = [tokens.begin, *self.ids(text)[: tokens.length - 2], tokens.end]
        return np.array([said + [tokens.pad] * (tokens.length - len(said))], np.int64)

    def _join(self, word: str) -> list[str]:
        """The pieces of one word: of all neighbours, those that were merged first in training are joined first."""
        pieces = [*word[:-1], word[-1] + END]
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda one: self._ranks.get(one, len(self._ranks)))
            if pair not in self._ranks:
                break
            pieces = list(_joined(pieces, pair))
        return pieces


def cut(text: str) -> Iterator[str]:
    """Small letters; runs of letters, single digits and runs of what is neither are words, and so is a short "'s"."""
    rest = " ".join(unicodedata.normalize("NFC", text).split()).lower()
    at = 0
    while at < len(rest):
        kind, end = _kind(rest[at]), at + 1
        if short := SHORT.match(rest, at):
            end = short.end()
        elif kind in "Lo":
            while end < len(rest) and _kind(rest[end]) == kind:
                end += 1
        if kind != " ":
            yield rest[at:end]
        at = end


def _kind(letter: str) -> str:
    """L for letters, N for numbers, a space, or o for others."""
    kind = unicodedata.category(letter)[0]
    return " " if letter.isspace() else kind if kind in "LN" else "o"


def _joined(pieces: list[str], pair: tuple[str, str]) -> Iterator[str]:
    at = 0
    while at < len(pieces):
        both = tuple(pieces[at : at + 2]) == pair
        yield "".join(pair) if both else pieces[at]
        at += 1 + both


def _model(path: Path) -> dict[str, Any]:
    try:
        model = msgspec.json.decode(path.read_bytes())["model"]
        if model["end_of_word_suffix"] == END and isinstance(model["vocab"], dict):
            return dict(model)
        found = "another way of cutting words"
    except (OSError, msgspec.MsgspecError, LookupError, TypeError) as exc:
        found = f"{type(exc).__name__}: {exc}"
    raise ModelError(f"{path} is not CLIP's tokenizer ({found}).", hint="`edgereel models verify` checks the pack.")


def _letters() -> list[str]:
    """A letter that can be seen for each of the 256 bytes, as byte-level tokenizers write them since GPT-2."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


_LETTERS = _letters()
