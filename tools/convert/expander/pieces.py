"""The text of one request and its answer, cut as the board cuts it.

The board tokenises each piece by itself (see edge/expand/director.py): the person's words as plain text, the turns around
them with control marks. A model must be trained on the same cuts, or it meets other tokens on the board.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.expand.grammar import answer_form, write_answer
from edge.expand.prompt import answer_opening, constant_prefix, request_turn, thought_opening
from edge.manifest import LlmManifest, Slot
from edge.mode import Mode

GIVEN = 5  # pieces before the model's own turn has begun


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A run of text that is tokenised by itself.

    `control`: marks such as <|im_end|> in it are control tokens. `learned`: the model writes it; the rest is given.
    `also`: what would please as well in its place.
    """

    text: str
    control: bool = False
    learned: bool = False
    also: tuple[str, ...] = ()


def pieces(
    request: str,
    shots: Sequence[Mapping[str, str]],
    *,
    read: Mapping[str, str],
    thought: str | None,
    llm: LlmManifest,
    vocabulary: Mapping[str, Slot],
) -> tuple[Piece, ...]:
    """The pieces of a request that the lexicon reads as `read`, and of the answer that stands for `shots`.

    With a `thought` in think mode, else in no_think mode.
    """
    mode = Mode.NO_THINK if thought is None else Mode.THINK
    turn = request_turn(llm, request, read, vocabulary, think=thought is not None)
    form = answer_form(vocabulary, read, most_shots=mode.row.max_shots)
    answer = write_answer(shots, vocabulary, read)
    if not answer.startswith(form.head):
        raise ValueError(f"{request!r}: the answer does not begin with {form.head!r}: {answer!r}")
    given = [
        Piece(text=constant_prefix(llm, vocabulary), control=True),
        Piece(text=turn.before, control=True),
        Piece(text=request),
        Piece(text=turn.after, control=True),
    ]
    if thought is None:
        given.append(Piece(text=answer_opening(llm), control=True))
    else:
        given += [
            Piece(text=thought_opening(llm), control=True),
            Piece(text=thought, learned=True),
            Piece(text=llm.thinking.close, control=True, learned=True),
        ]
    return (
        *given,
        Piece(text=form.head),
        Piece(text=answer[len(form.head) :], learned=True),
        Piece(text=llm.template.stop[0], control=True, learned=True),
    )


def glance(whole: Sequence[Piece], *, subjects: Sequence[str]) -> tuple[Piece, ...]:
    """An example that ends with the subject, where the model chooses that first; any other stays as it is.

    Any of `subjects` would please there.
    """
    *given, answer, _end = whole
    subject = re.match(r" subject \w+", answer.text)
    if subject is None or any(piece.learned for piece in given):
        return tuple(whole)
    also = tuple(f" subject {name}" for name in subjects)
    return (*given, Piece(text=subject[0], learned=True, also=also))
