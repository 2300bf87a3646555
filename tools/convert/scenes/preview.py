"""Words -> one scene -> an MP4: what the world looks like for a sentence, with everything unsaid drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.expand.lexicon import Lexicon
from edge.video.layout import FPS
from tools.convert.scenes.film import write_mp4
from tools.convert.scenes.render import render
from tools.convert.scenes.scene import make_scene
from tools.convert.tinyvideo.vocabulary import load_vocabulary

EXAMPLE = "two yellow lanterns rise over a city at night in the rain"


class WordsNotKnownError(ValueError):
    """Nothing in the text is in the vocabulary."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """`said` is what the words fixed, `slots` the whole scene, `coverage` 0..1 how much of the text was understood."""

    said: dict[str, str]
    slots: dict[str, str]
    coverage: float


def read_words(words: str, *, seed: int, second: str | None = None) -> Reading:
    """Slots from words in English or Chinese; unsaid ones are drawn by lot from `seed`.

    `second` are the words for another subject beside the first ("a blue fish"). Raises WordsNotKnownError.
    """
    vocabulary = load_vocabulary()
    reading = Lexicon(vocabulary).read(words)
    if not reading.said:
        raise WordsNotKnownError(
            f'No word of "{words}" is in the vocabulary. Name one of the subjects: '
            f'{", ".join(vocabulary["subject"].values)}; for example "{EXAMPLE}".'
        )
    rng = np.random.default_rng(seed)
    lot = {name: str(rng.choice(list(slot.values))) for name, slot in vocabulary.items()}
    said = dict(reading.said)
    if second is not None:
        said |= _second(second, lot)
    return Reading(said=said, slots=lot | said, coverage=reading.coverage)


def _second(words: str, lot: dict[str, str]) -> dict[str, str]:
    said = Lexicon(load_vocabulary()).read(words).said
    if "subject" not in said:
        raise WordsNotKnownError(f'"{words}" names no subject. Write for example --second "a blue fish".')
    return {"count": "one", "second": said["subject"], "second_colour": said.get("colour", lot["colour"])}


def preview(slots: dict[str, str], out: Path, *, seed: int, seconds: float, height: int) -> int:
    """Draw the scene of these slots into an MP4 of `seconds` at 24 frames a second; returns the number of frames."""
    scene = make_scene(slots, seed=seed, seconds=seconds)
    return write_mp4(render(scene, range(scene.layout.frames), height=height), out, fps=FPS)
