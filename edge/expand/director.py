"""The expander with a language model: it may think first, then writes a storyboard in the words of the video pack.

What the person said is fixed before the model writes a word; whatever it leaves out or breaks off is completed by
the lexicon, so that every prompt ends in a valid plan.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.expand.grammar import AnswerForm, answer_form, read_answer
from edge.expand.lexicon import Lexicon
from edge.expand.llama import LanguageModel
from edge.expand.prompt import answer_opening, constant_prefix, request_turn, thought_opening
from edge.expand.storyboard import MIN_SHOT_S, complete, make_plan
from edge.manifest import LlmManifest, VideoManifest
from edge.mode import Mode
from edge.plan import Plan

Progress = Callable[[float], None]
THOUGHT_TOKENS = 96
TOKENS_PER_FIELD = 8
REQUEST_TOKENS = 160
# The shares of the work after which each step ends, for the progress bar.
READ, THOUGHT = 0.2, 0.6


class Director:
    """An Expander (see edge/expand/__init__.py) that asks a language model."""

    def __init__(self, model: LanguageModel, *, llm: LlmManifest, video: VideoManifest, mode: Mode) -> None:
        self._model = model
        self._llm = llm
        self._vocabulary = video.vocabulary
        self._lexicon = Lexicon(video.vocabulary)
        self._mode = mode
        self._prefix = model.tokens(constant_prefix(llm, video.vocabulary), control=True)

    def expand(self, prompt: str, *, seconds: float | None, seed: int, progress: Progress | None = None) -> Plan:
        """See Expander. Raises Cancelled, Preempted, EngineError."""
        report = progress or _silent
        reading = self._lexicon.read(prompt)
        form = answer_form(self._vocabulary, reading.said, most_shots=self._most_shots(seconds))
        self._model.start(self._prefix)
        report(READ)
        think = self._mode is Mode.THINK
        context = [*self._prefix, *self._request(prompt, reading.said, think=think)]
        thought = self._think(context, seed=seed, report=report) if think else []
        context += [*thought, *self._opening(think=think)] if think else self._opening(think=False)
        answer = form.head + self._answer(context, form, seed=seed, report=report)
        shots = self._shots(answer, reading.said)
        report(1.0)
        return make_plan(
            shots,
            seconds=seconds or self._mode.row.seconds * len(shots),
            coverage=reading.coverage,
            said=tuple(reading.said),
            vocabulary=self._vocabulary,
            expander=self._llm.name,
            reasoning=self._model.text(thought).strip(),
        )

    @property
    def usage(self) -> dict[str, float]:
        """See Expander."""
        return self._model.usage

    def _most_shots(self, seconds: float | None) -> int:
        most = self._mode.row.max_shots
        return most if seconds is None else max(1, min(most, int(seconds // MIN_SHOT_S)))

    def _request(self, prompt: str, said: dict[str, str], *, think: bool) -> list[int]:
        """The user's turn and, when thinking, the opening of the thought. The person's text cannot leave its turn."""
        turn = request_turn(self._llm, prompt, said, self._vocabulary, think=think)
        words = self._model.tokens(prompt, control=False)[:REQUEST_TOKENS]
        before, after = self._model.tokens(turn.before, control=True), self._model.tokens(turn.after, control=True)
        opening = self._model.tokens(thought_opening(self._llm), control=True) if think else []
        return [*before, *words, *after, *opening]

    def _think(self, context: list[int], *, seed: int, report: Progress) -> list[int]:
        return self._model.write(
            context,
            most=THOUGHT_TOKENS,
            seed=seed,
            temperature=self._llm.sampling.thought_temperature,
            repeat_penalty=self._llm.sampling.repeat_penalty,
            until=_end_mark(self._llm.thinking.close),
            on_token=lambda count: report(READ + (THOUGHT - READ) * count / THOUGHT_TOKENS),
        )

    def _opening(self, *, think: bool) -> list[int]:
        """What leads from the thought, or from the user's turn, to the answer."""
        text = self._llm.thinking.close if think else answer_opening(self._llm)
        return self._model.tokens(text, control=True)

    def _answer(self, context: list[int], form: AnswerForm, *, seed: int, report: Progress) -> str:
        most = form.fields * TOKENS_PER_FIELD
        written = self._model.choose(
            [*context, *self._model.tokens(form.head, control=False)],
            form.gbnf,
            most=most,
            seed=seed,
            temperature=self._llm.sampling.answer_temperature,
            on_token=lambda count: report(THOUGHT + (1 - THOUGHT) * count / most),
        )
        return self._model.text(written)

    def _shots(self, answer: str, said: dict[str, str]) -> list[dict[str, str]]:
        written = read_answer(answer, self._vocabulary) or [{}]
        shots = [complete({**shot, **said}, self._vocabulary) for shot in written]
        # A shot like the one before it is no new shot.
        return [shot for index, shot in enumerate(shots) if index == 0 or shot != shots[index - 1]]


def _end_mark(close: str) -> str:
    """The text that ends a thought: the closing tag, or for a scratchpad the end of the line."""
    return close.split(maxsplit=1)[0] if close.strip() else close


def _silent(_fraction: float) -> None:
    return
