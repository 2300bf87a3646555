"""The choices of a grammar: all that it allows can be reached, nothing else can, and what is forced is not asked for."""

from __future__ import annotations

import random

import numpy as np
import pytest
from expand_fixtures import vocabulary
from test_expander_tasks import admits

from edge.expand.choices import Option, options, start, walk
from edge.expand.grammar import answer_form, read_answer
from edge.expand.llama import draw
from edge.manifest import Slot, Value

SAID = {"subject": "balloon", "colour": "red", "motion": "rise"}
STORY = """root ::= shot next? next?
next ::= change? shot
change ::= "scene: " new (", " new)? "\\n"
new ::= "count " value-count | "light " value-light
shot ::= "shot: " "size " value-size ", camera static\\n"
value-count ::= "one" | "two"
value-light ::= "dim" | "star" | "starlight"
value-size ::= "small" | "large"
"""


def texts(found: list[Option]) -> list[str]:
    return [option.text for option in found]


def test_forced_text_comes_with_the_choice_before_it_and_a_blank_with_the_word_after_it() -> None:
    first = options(start(STORY))
    assert texts(first) == ["shot: size"]
    second = options(first[0].place)
    assert texts(second) == [" small, camera static\n", " large, camera static\n"]
    third = options(second[0].place)
    assert texts(third) == ["scene:", "shot: size", ""]
    assert options(third[-1].place) == []
    fourth = options(third[0].place)
    assert texts(fourth) == [" count", " light"]
    assert texts(options(fourth[1].place)) == [" dim", " star", " starlight"]


def letters(text: str) -> list[int]:
    return [ord(char) for char in text] or [0]


@pytest.mark.parametrize("most_shots", [1, 4])
@pytest.mark.parametrize("said", [{}, SAID])
def test_whatever_is_chosen_is_an_answer_of_the_grammar(said: dict[str, str], most_shots: int) -> None:
    form = answer_form(vocabulary(), said, most_shots=most_shots)
    lot, shots = random.Random(1), set[int]()
    for _ in range(60):
        written = walk(start(form.gbnf), most=9999, tokens=letters, pick=lambda _, among: lot.choice(among))
        text = "".join(map(chr, written)).removesuffix("\0")
        assert admits(form.gbnf, text), text
        shots.add(len(read_answer(form.head + text, vocabulary())))
    assert shots == set(range(1, most_shots + 1))


def test_an_answer_without_a_choice_is_written_without_asking() -> None:
    def pick(*_: object) -> int:
        raise AssertionError("asked")

    form = answer_form({"subject": Slot(default="p", values={"p": Value(en=["p"]), "q": Value(en=["q"])})}, {"subject": "p"},
                       most_shots=1)  # fmt: skip
    assert walk(start(form.gbnf), most=99, tokens=letters, pick=pick) == letters("shot: ")


def test_an_answer_is_cut_at_its_bound() -> None:
    assert walk(start(STORY), most=13, tokens=letters, pick=lambda _, among: among[0]) == letters("shot: size la")


@pytest.mark.parametrize("gbnf", ["root ::= [a-z]+", "root ::= other", 'root ::= "a"*'])
def test_a_grammar_of_another_kind_is_refused(gbnf: str) -> None:
    with pytest.raises(ValueError, match=r"rule"):
        start(gbnf)


def test_tokens_are_drawn_by_likelihood_and_never_the_unlikely() -> None:
    logits, rng = np.log(np.array([0.5, 0.3, 0.17, 0.03], np.float32)), np.random.default_rng(1)
    drawn = [draw(logits, temperature=1.0, rng=rng) for _ in range(3000)]
    assert np.bincount(drawn, minlength=4) / 3000 == pytest.approx([0.515, 0.309, 0.175, 0.0], abs=0.03)
    cold = [draw(logits, temperature=0.3, rng=rng) for _ in range(500)]
    assert cold.count(0) > 380
    assert draw(logits, temperature=0.0, rng=rng) == 0
