"""How a model is told to think or not to: read from what its chat template opens the model's turn with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.manifest import Thinking

NATIVE, SCRATCHPAD = "native", "scratchpad"
SCRATCHPAD_HINT = "First write one line of notes: what it looks like, how it moves, what the camera does."
SCRATCHPAD_THINKING = Thinking(kind="scratchpad", open="Notes: the clip shows", close="\n")
TAG = re.compile(r"<(?!/)([^<>{}/\s]*think[^<>{}/\s]*)>")
ANSWER_TAG = "<answer>"


@dataclass(frozen=True, kw_only=True)
class Thought:
    """Manifest fields about thinking, the opening of the model's turn without them, and remarks for the report."""

    thinking: Thinking
    assistant: str
    no_think: str = ""
    stop: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_thinking(plain: str, on: str, off: str, *, source: str) -> Thought:
    """From what opens the model's turn by default, with enable_thinking true, and with it false.

    `source` is the text of the template: the tags that it names where the openings do not.
    """
    if off != on and off.startswith(_without_thought(on)):
        return _switched(_without_thought(on), off.removeprefix(_without_thought(on)), source)
    if tag := TAG.search(plain):  # it always thinks
        note = "The template opens every answer with a thought; an empty one is written to switch it off."
        return _native(plain[: tag.start()], tag[1], "\n\n", source, note)
    if (tag := TAG.search(source)) and f"</{tag[1]}>" in source:
        soft = "enable_thinking" in source
        note = f"The template knows <{tag[1]}>" + (" and a switch that acts elsewhere" if soft else " but no switch")
        return _native(plain, tag[1], "\n\n", source, f"{note}; an empty thought is written to switch it off.")
    return Thought(thinking=SCRATCHPAD_THINKING, assistant=plain)


def _switched(assistant: str, off: str, source: str) -> Thought:
    """The template itself writes an empty thought to switch thinking off."""
    tag = TAG.search(off)
    if tag is None or f"</{tag[1]}>" not in off:
        note = f"With thinking off the template writes {off!r}, which holds no tags of a thought."
        return Thought(thinking=SCRATCHPAD_THINKING, assistant=assistant, no_think=off, notes=(note,))
    begin = off[: tag.end()] + "\n"
    if not off.startswith(begin):
        begin = off[: tag.end()]
    close = off.removeprefix(begin)
    answer = _answer(source, close)
    return Thought(
        thinking=Thinking(kind="native", open=begin, close=("" if close.startswith("\n") else "\n") + close + answer),
        assistant=assistant, no_think=off + answer, stop=("</answer>",) if answer else (),
        notes=("The switch is the template's own: enable_thinking.",),
    )  # fmt: skip


def _native(assistant: str, tag: str, after: str, source: str, note: str) -> Thought:
    answer = _answer(source, "")
    begin, close = f"<{tag}>\n", f"\n</{tag}>" + (f"\n{answer}" if answer else after)
    return Thought(
        thinking=Thinking(kind="native", open=begin, close=close), assistant=assistant, no_think=begin + close,
        stop=("</answer>",) if answer else (), notes=(note,),
    )  # fmt: skip


def _answer(source: str, close: str) -> str:
    """What opens the answer itself in templates that mark it, where it does not stand there already."""
    return f"{ANSWER_TAG}\n" if ANSWER_TAG in source and ANSWER_TAG not in close else ""


def _without_thought(opening: str) -> str:
    tag = TAG.search(opening)
    return opening[: tag.start()] if tag else opening
