"""Emoji in a request: those that show a thing are read as its word, and a language model is told what any of them shows."""

from __future__ import annotations

import re
import unicodedata

# What people mean by them. A word is looked up in the pack's vocabulary like any other.
SHOWN = {
    "balloon": "🎈", "jellyfish": "🪼", "atom": "⚛", "fish": "🐟🐠🐡🎏🦈", "bird": "🐦🕊🦅🦉🦜🦢🦆🐤🐥🐧🦩", "cloud": "☁",
    "sun": "☀🌞", "moon": "🌙🌛🌜🌝🌕🌖🌗🌘🌑🌒🌓🌔🌚", "star": "⭐🌟🌠", "flower": "🌸🌷🌹🌺🌻🌼💐🪷🪻⚘", "tree": "🌲🌳🌴🎄🎋",
    "car": "🚗🚙🚕🚓🏎🚘🚖🚔", "truck": "🚚🚛🛻", "bus": "🚌🚍", "boat": "⛵🚤🛥⛴🛶🚢🛳", "cake": "🎂🧁🍰", "fireworks": "🎆🎇🧨",
    "heart": "❤♥❣💕💖💗💓💞💝💘", "green heart": "💚", "blue heart": "💙", "purple heart": "💜", "yellow heart": "💛",
    "orange heart": "🧡", "black heart": "🖤", "white heart": "🤍", "brown heart": "🤎", "lantern": "🏮🪔", "butterfly": "🦋",
    "rocket": "🚀", "kite": "🪁", "cat": "🐱🐈😺😸😻😽", "leaf": "🍁🍂🍃🍀☘", "candle": "🕯", "rain": "🌧☔", "snow": "❄🌨☃⛄",
    "sparkles": "✨", "bubbles": "🫧", "confetti": "🎊🎉", "sunset": "🌅🌇🌄", "city": "🏙🌆🌃", "beach": "🏖🏝", "desert": "🏜",
    "forest": "🏕", "mountains": "🏔⛰🗻", "space": "🪐🌌",
}  # fmt: skip
WORD_OF = {emoji: word for word, listed in SHOWN.items() for emoji in listed}
# One emoji several times in a row is one wish. Joiners, variation selectors and skin tones are no pictures.
RUN = re.compile("([\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff])(?:[\ufe0e\ufe0f\u200d]|\\1)*")
# Old symbols are named by how they are printed.
PRINTED = re.compile(r"\b(black|white|heavy|medium|symbol|sign)\b ?")
FIRST_COLOURED = "\U0001f000"
MOST = 8  # names of one request


def spell_out(text: str) -> str:
    """The text with every emoji that shows a thing replaced by its word, and every other one by a space."""
    return RUN.sub(lambda run: f" {WORD_OF.get(run[1], '')} ", text)


def names(text: str) -> list[str]:
    """What the emoji of a text show, in Unicode's own names, none twice, at most `MOST`."""
    found = dict.fromkeys(_name(run[1]) for run in RUN.finditer(text))
    return [name for name in found if name][:MOST]


def _name(emoji: str) -> str:
    name = unicodedata.name(emoji, "").lower()
    return name if emoji >= FIRST_COLOURED else PRINTED.sub("", name).strip()
