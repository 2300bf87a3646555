"""The training tasks: requests with the answers that a person would be happy with, in the very text of the board.

    for example in examples(seed=1, count=50_000, llm=manifest, vocabulary=vocabulary):
        example.pieces        # what to tokenise, and which of it the model is to learn

Everything comes from the seed: the same seed gives the same examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edge.expand.lexicon import Lexicon
from edge.manifest import LlmManifest, Slot
from edge.mode import Mode
from tools.convert.captions import caption
from tools.convert.expander.book import Seed, Situation, seeds, situations
from tools.convert.expander.mix import mix, sloppy
from tools.convert.expander.pieces import GIVEN, Piece, pieces
from tools.convert.expander.reason import trace
from tools.convert.expander.resolve import resolve
from tools.convert.expander.storyboard import Storyboard, free, told
from tools.convert.expander.words import Group, groups, word_request

# Where the requests come from: situations and words teach what is meant, captions that what was said stands.
SHARES = {"situation": 0.46, "word": 0.28, "seed": 0.1, "caption": 0.16}
CHINESE = 0.4
THINK = 0.25
TOLD = 0.75  # of the requests that tell a story are shown as it goes


@dataclass(frozen=True, kw_only=True)
class Task:
    """A request before it is answered. `said` is named outright, `read` is what the board's lexicon makes of it."""

    request: str
    language: str
    source: str
    about: str
    held_out: bool
    said: Mapping[str, str]
    read: Mapping[str, str]
    implied: Mapping[str, list[str]]
    then: tuple[Mapping[str, str], ...] = ()

    @property
    def fixed(self) -> dict[str, str]:
        """All that an answer must keep: what the lexicon reads, and what it misses, for a typing error perhaps."""
        return {**self.said, **self.read}

    @property
    def subjects(self) -> list[str]:
        """Those that would please."""
        return [self.fixed["subject"]] if "subject" in self.fixed else list(self.implied.get("subject", ()))

    @property
    def sound(self) -> bool:
        """False where the lexicon reads something that was not said: no model can mend that, so none is taught it."""
        return all(self.said.get(name, value) == value for name, value in self.read.items()) and all(
            self.read.get(name, values[0]) in values for name, values in self.implied.items() if name not in self.said
        )


@dataclass(frozen=True, kw_only=True)
class Example:
    """One request with its answer. `pieces` is what the board reads and writes, in the board's own cuts."""

    task: Task
    mode: Mode
    shots: list[dict[str, str]]
    thought: str
    pieces: tuple[Piece, ...]

    @property
    def language(self) -> str:
        """`en` or `zh`."""
        return self.task.language

    @property
    def held_out(self) -> bool:
        """True for what no model may be trained on."""
        return self.task.held_out

    @property
    def prompt_text(self) -> str:
        """All that the board gives before the model writes its first token."""
        return "".join(piece.text for piece in self.pieces[:GIVEN])

    @property
    def answer_text(self) -> str:
        """The rest, to the end of the turn. The head of the scene line in it is given by the board as well."""
        return "".join(piece.text for piece in self.pieces[GIVEN:])


def examples(
    *,
    seed: int,
    count: int,
    llm: LlmManifest,
    vocabulary: Mapping[str, Slot],
    held_out: bool = False,
    mode: Mode | None = None,
    language: str | None = None,
) -> Iterator[Example]:
    """`count` examples of what may be trained on, or with `held_out` of what may not.

    In one `mode` or `language` only, or in the usual shares of both.
    """
    rng = np.random.default_rng(seed)
    lexicon, made = Lexicon(vocabulary), 0
    while made < count:
        task = draw_task(rng, lexicon, vocabulary, held_out=held_out, language=language)
        think = rng.uniform() < THINK if mode is None else mode is Mode.THINK
        if task.sound:
            made += 1
            yield answer(task, rng, llm=llm, vocabulary=vocabulary, think=think)


def draw_task(
    rng: np.random.Generator,
    lexicon: Lexicon,
    vocabulary: Mapping[str, Slot],
    *,
    held_out: bool = False,
    language: str | None = None,
) -> Task:
    """One request from one of the sources."""
    language = language or ("zh" if rng.uniform() < CHINESE else "en")
    source = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    if source == "caption" and not held_out:
        return _caption(rng, lexicon, vocabulary, language)
    if source == "seed":
        fitting = [one for one in seeds() if (one.language, one.held_out) == (language, held_out)]
        return seed_task(fitting[int(rng.integers(len(fitting)))], lexicon, rng=rng)
    if source == "word":
        listed = groups(held_out=held_out)
        return word_task(listed[int(rng.integers(len(listed)))], language, lexicon, rng=rng)
    kept = [one for one in situations() if one.held_out == held_out]
    return situation_task(kept[int(rng.integers(len(kept)))], language, lexicon, rng=rng)


def situation_task(situation: Situation, language: str, lexicon: Lexicon, *, rng: np.random.Generator) -> Task:
    """A wording of a situation, perhaps with something said beside it."""
    wordings = situation.wordings(language)
    mixed = mix(wordings[int(rng.integers(len(wordings)))], language, rng)
    return Task(
        request=mixed.text, language=language, source="situation", about=situation.about, held_out=situation.held_out,
        said=mixed.said, read=lexicon.read(mixed.text).said, implied=situation.implied,
    )  # fmt: skip


def word_task(group: Group, language: str, lexicon: Lexicon, *, rng: np.random.Generator) -> Task:
    """A word of a group, perhaps with something said beside it."""
    mixed = mix(word_request(group, language, rng), language, rng)
    return Task(
        request=mixed.text, language=language, source="word", about=group.about, held_out=group.held_out,
        said=mixed.said, read=lexicon.read(mixed.text).said, implied=group.implied,
    )  # fmt: skip


def seed_task(seed: Seed, lexicon: Lexicon, *, rng: np.random.Generator | None = None) -> Task:
    """A single request as it stands, or typed without care."""
    text = seed.text if rng is None else sloppy(seed.text, seed.language, rng)
    return Task(
        request=text, language=seed.language, source="seed", about=seed.about, held_out=seed.held_out,
        said=seed.said, read=lexicon.read(text).said, implied=seed.implied, then=tuple(seed.then),
    )  # fmt: skip


def answer(
    task: Task, rng: np.random.Generator, *, llm: LlmManifest, vocabulary: Mapping[str, Slot], think: bool
) -> Example:  # fmt: skip
    """The example of a task."""
    first = resolve(task.fixed, task.implied, vocabulary, rng=rng)
    board = _storyboard(task, first, rng, vocabulary) if think else Storyboard(shots=[first], notes=[])
    thought = trace(task.about, task.fixed, board.shots, board.notes) if think else ""
    return Example(
        task=task, mode=Mode.THINK if think else Mode.NO_THINK, shots=board.shots, thought=thought,
        pieces=pieces(
            task.request, board.shots, read=task.read, thought=thought if think else None, llm=llm, vocabulary=vocabulary
        ),
    )  # fmt: skip


def _storyboard(
    task: Task, first: dict[str, str], rng: np.random.Generator, vocabulary: Mapping[str, Slot]
) -> Storyboard:
    if task.then and rng.uniform() < TOLD:
        return told(first, task.then, vocabulary, fixed=task.fixed)
    meant = {name: values for name, values in task.implied.items() if name not in task.fixed}
    return free(first, vocabulary, fixed=task.fixed, implied=meant, rng=rng)


def _caption(rng: np.random.Generator, lexicon: Lexicon, vocabulary: Mapping[str, Slot], language: str) -> Task:
    """A caption of a random scene, as the video model knows them: all that it says was said outright."""
    scene = {name: str(rng.choice(list(slot.values))) for name, slot in vocabulary.items()}
    if rng.uniform() < 0.6:
        scene["count"] = "one"
    made = caption(scene, rng, language=language)
    read = lexicon.read(made.text).said
    stated = {name: value for name, value in made.stated.items() if name in vocabulary}
    return Task(
        request=made.text, language=language, source="caption", about="", held_out=False,
        said=stated, read=read, implied={},
    )  # fmt: skip
