"""What an expander is judged by: requests with what they say outright and what they mean.

Single requests as they stand, every wording of a situation as it stands, and of each situation one wording with
something said beside it. The order is fixed and mixed, so that the first N are a fair sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tools.convert.expander.book import LANGUAGES, Seed, Situation, seeds, situations
from tools.convert.expander.mix import say_beside
from tools.convert.expander.resolve import OWN


@dataclass(frozen=True, kw_only=True)
class Case:
    """A request. `story` names the slots that its story changes from shot to shot."""

    request: str
    language: str
    name: str
    held_out: bool
    said: Mapping[str, str] = field(default_factory=dict)
    implied: Mapping[str, list[str]] = field(default_factory=dict)
    story: frozenset[str] = frozenset()


def cases(*, held_out: bool | None = True, language: str | None = None, limit: int | None = None) -> list[Case]:
    """The cases that are held out (None: all), of one language or of both, `limit` of each language at most."""
    everything = sorted([*map(_of_seed, seeds()), *_of_situations()], key=lambda case: _lot(case.request))
    kept = [case for case in everything if held_out is None or case.held_out == held_out]
    by_language = [[case for case in kept if case.language == name] for name in LANGUAGES]
    return [case for some in by_language for case in some[:limit] if language in (None, case.language)]


def _of_seed(seed: Seed) -> Case:
    story = {name for step in seed.then for name in step}
    return Case(
        request=seed.text, language=seed.language, name=seed.about, held_out=seed.held_out, said=seed.said,
        implied=seed.implied, story=frozenset(story | set(OWN if "subject" in story else ())),
    )  # fmt: skip


def _of_situations() -> Iterator[Case]:
    for situation in situations():
        for language in LANGUAGES:
            yield from (_case(situation, language, text) for text in situation.wordings(language))
            # One of them with something said beside it, always the same one and the same thing.
            rng = np.random.default_rng(_lot(situation.name + language))
            wordings = situation.wordings(language)
            mixed = say_beside(wordings[int(rng.integers(len(wordings)))], language, rng)
            yield _case(situation, language, mixed.text, said=mixed.said)


def _case(situation: Situation, language: str, text: str, *, said: Mapping[str, str] | None = None) -> Case:
    return Case(
        request=text, language=language, name=situation.name, held_out=situation.held_out, said=said or {},
        implied=situation.implied,
    )  # fmt: skip


def _lot(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
