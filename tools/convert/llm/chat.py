"""A tokenizer's own chat template in the house's few fields: it is rendered with marked messages and cut at the marks.

Nothing is guessed from names: what is read is put together again and compared with what the template itself writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jinja2 import TemplateError

from edge.errors import ModelError
from edge.manifest import ChatTemplate, Thinking
from tools.convert.llm.thought import SCRATCHPAD, SCRATCHPAD_HINT, read_thinking

SYSTEM, USER, ANSWER, SECOND = "SYSTEMTEXT", "USERTEXT", "ANSWERTEXT", "SECONDTEXT"
Messages = list[dict[str, str]]


class Render(Protocol):
    """Writes a conversation as the template does."""

    def __call__(self, messages: Messages, *, opened: bool = False, thinking: bool | None = None) -> str:
        """`opened`: the model's turn is opened at the end; `thinking`: the value of enable_thinking, if any."""


@dataclass(frozen=True, kw_only=True)
class Chat:
    """What goes into the manifest, and for the report what was found on the way."""

    template: ChatTemplate
    thinking: Thinking
    notes: list[str] = field(default_factory=list)


def read_chat(render: Render, *, source: str, ends: Sequence[str]) -> Chat:
    """The fields of a template; `source` is its text, `ends` the end marks that the tokenizer itself names.

    Raises ModelError where what was read does not put together what the template writes.
    """
    notes: list[str] = []
    turn = _user_turn(render)
    system = _system(render, turn, notes)
    head = _turns(SYSTEM, USER) if SYSTEM in system else _turns("", USER)
    before = render(head)
    opened = render(head, opened=True)
    if not opened.startswith(before):
        raise _unreadable("the opening of the model's turn changes what stands before it")
    thought = read_thinking(
        opened.removeprefix(before), *(_opening(render, head, thinking=think) for think in (True, False)), source=source
    )
    notes += thought.notes
    template = ChatTemplate(
        system=system.replace(SYSTEM, "{text}") if SYSTEM in system else system + "{text}\n\n",
        user=turn.replace(USER, "{text}"), assistant=thought.assistant, no_think=thought.no_think,
        stop=_stop(render, turn, ends, thought.stop, notes),
        think_hint=SCRATCHPAD_HINT if thought.thinking.kind == SCRATCHPAD else "",
    )  # fmt: skip
    _prove(template, opened, has_system=SYSTEM in system, opening=opened.removeprefix(before))
    return Chat(template=template, thinking=thought.thinking, notes=notes)


def _turns(system: str, *others: str) -> Messages:
    roles = ("user", "assistant")
    said = [{"role": roles[number % 2], "content": text} for number, text in enumerate(others)]
    return [{"role": "system", "content": system}, *said] if system else said


def _user_turn(render: Render) -> str:
    """One user turn, with USER in it: what a second one adds to a conversation."""
    for first, second in (
        (_turns(SYSTEM, USER), [*_turns(SYSTEM, USER), {"role": "user", "content": SECOND}]),
        (_turns("", USER), [*_turns("", USER), {"role": "user", "content": SECOND}]),
        (_turns("", USER, ANSWER), _turns("", USER, ANSWER, SECOND)),
    ):
        one, two = _try(render, first), _try(render, second)
        if one and two and two.startswith(one) and two.count(SECOND) == 1:
            return two.removeprefix(one).replace(SECOND, USER)
    raise _unreadable("a second turn of the user does not simply follow the first")


def _system(render: Render, turn: str, notes: list[str]) -> str:
    """What stands before the first user turn: with SYSTEM in it, or only the beginning where there is no such role."""
    whole = _try(render, _turns(SYSTEM, USER)) or ""
    if whole.count(SYSTEM) == 1 and whole.endswith(turn) and SYSTEM not in turn:
        return whole.removesuffix(turn)
    alone = _try(render, _turns("", USER)) or ""
    if not alone.endswith(turn):
        raise _unreadable("the first turn of the user is not like the others")
    notes.append(
        "The template has no system turn of its own: the instruction stands as plain text before the first turn."
    )
    return alone.removesuffix(turn)


def _opening(render: Render, head: Messages, *, thinking: bool) -> str:
    """What opens the model's turn with thinking switched on or off."""
    before, whole = render(head, thinking=thinking), render(head, opened=True, thinking=thinking)
    return whole.removeprefix(before)


def _stop(render: Render, turn: str, ends: Sequence[str], more: Sequence[str], notes: list[str]) -> list[str]:
    """The marks that end an answer; the first is the one that the template itself writes after one."""
    history = _try(render, _turns("", USER, ANSWER, SECOND)) or ""
    second = turn.replace(USER, SECOND)
    between = history.partition(ANSWER)[2].removesuffix(second) if history.endswith(second) else ""
    mark = between.strip()
    if not mark:
        notes.append("The template writes no mark after an answer; the tokenizer's end of text is taken.")
    elif between != mark + ("\n" if turn.endswith("\n") else ""):
        notes.append(f"After an answer the template writes {between!r}; the worked examples end with {mark!r}.")
    stop = list(dict.fromkeys(end for end in (mark, *ends, *more) if end))
    if not stop:
        raise _unreadable("neither it nor the tokenizer names a mark that ends an answer")
    return stop


def _prove(template: ChatTemplate, wanted: str, *, has_system: bool, opening: str) -> None:
    system = template.system.replace("{text}", SYSTEM) if has_system else template.system.removesuffix("{text}\n\n")
    if system + template.user.replace("{text}", USER) + opening != wanted or not opening.startswith(template.assistant):
        raise _unreadable("what was read of it does not put its own text together again")


def _try(render: Render, messages: Messages) -> str | None:
    """The text, or None where the template refuses such a conversation."""
    try:
        return render(messages)
    except (TemplateError, TypeError):  # the latter from a template that counts tools which are not there
        return None


def _unreadable(why: str) -> ModelError:
    return ModelError(
        f"The chat template cannot be turned into the fields of a pack: {why}. Nothing was written.",
        hint="Give a simpler one of the same form with --chat-template FILE.jinja (see docs/convert.md).",
    )


def renderer(tokenizer: Any, template: str) -> Render:
    """Render through the tokenizer of transformers, which knows its own marks."""

    def render(messages: Messages, *, opened: bool = False, thinking: bool | None = None) -> str:
        options = {} if thinking is None else {"enable_thinking": thinking}
        return str(
            tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=opened, chat_template=template, **options
            )
        )

    return render
