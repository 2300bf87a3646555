"""One caption for one scene: some of its slots are stated, the others left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tools.convert.captions import chinese, english
from tools.convert.captions.typos import mistype

DROP = 0.35  # of the slots that need not be said
TYPOS = 0.05  # of the captions
CHINESE = 0.25  # of the captions when no language is asked for
# What is so usual that people hardly mention it.
USUAL = {
    "particles": "none", "speed": "normal", "camera": "static", "light": "natural", "style": "cartoon", "size": "medium",
}  # fmt: skip
DROP_USUAL = 0.85
WRITERS = {"en": english.write, "zh": chinese.write}


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A caption, the slots that it states (a part of the scene's slots), and its language (`en` or `zh`)."""

    text: str
    stated: dict[str, str]
    language: str


def caption(
    scene_slots: Mapping[str, str], rng: np.random.Generator, *, language: str | None = None, typos: float = TYPOS
) -> Caption:
    """Describe a scene, as one of the many things that people would say to get it.

    Subjects are always named; every other slot is left out with probability `DROP`, or `DROP_USUAL` where its value
    is what one would assume anyway. `typos` is the share of captions with a typing error. The same slots and the same
    state of `rng` give the same caption. Raises KeyError for a value that the phrase book does not have.
    """
    language = language or ("zh" if rng.uniform() < CHINESE else "en")
    stated = {name: value for name, value in scene_slots.items() if _said(name, value, rng)}
    if language == "en" and scene_slots["count"] == "one":
        stated["count"] = "one"  # an English noun cannot hide it
    text = tell(stated, scene_slots, rng, language=language)
    if rng.uniform() < typos:
        text = mistype(text, rng)
    return Caption(text=text, stated=stated, language=language)


def tell(
    stated: Mapping[str, str], scene_slots: Mapping[str, str], rng: np.random.Generator, *, language: str
) -> str:  # fmt: skip
    """Say exactly the `stated` slots of a scene, with a template and synonyms drawn from `rng`."""
    return WRITERS[language](stated, scene_slots, rng)


def _said(name: str, value: str, rng: np.random.Generator) -> bool:
    chance = rng.uniform()
    if name in {"subject", "second"}:
        return True
    return bool(chance >= (DROP_USUAL if USUAL.get(name) == value else DROP))
