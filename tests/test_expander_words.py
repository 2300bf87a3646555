"""The word table and the storyboards of the expander's tasks: fair to the judge, and sensible to look at."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from expand_fixtures import vocabulary

from edge.expand.grammar import read_answer
from edge.expand.prompt import constant_prefix
from edge.manifest import LlmManifest
from edge.mode import Mode
from edge.packs import find_llm_pack, shipped_root
from tools.convert.expander import Example, examples
from tools.convert.expander.book import situations
from tools.convert.expander.coherence import breaches, table
from tools.convert.expander.resolve import resolve
from tools.convert.expander.storyboard import moves
from tools.convert.expander.words import groups, turns_on

WORLD = vocabulary()
LLM: LlmManifest = find_llm_pack("smollm2-135m", roots=[shipped_root()]).manifest


def some(count: int, *, mode: Mode | None = None) -> list[Example]:
    return list(examples(seed=7, count=count, llm=LLM, vocabulary=WORLD, mode=mode))


def test_there_are_words_enough_to_train_on_in_both_languages() -> None:
    trained = groups(held_out=False)
    assert sum(len(group.en) for group in trained) >= 600 and sum(len(group.zh) for group in trained) >= 800
    assert [group.name for group in (*trained, *groups(held_out=True)) if min(len(group.en), len(group.zh)) < 3] == []


def test_no_word_that_is_trained_on_makes_up_a_held_out_wording() -> None:
    judged = [text for one in situations() if one.held_out for text in (*one.en, *one.zh)]
    trained = [word for group in groups(held_out=False) for word in (*group.en, *group.zh)]

    assert [(word, text) for word in trained for text in judged if turns_on(text, word)] == []
    assert turns_on("soldering!", "Soldering") and not turns_on("tea with the twins", "tea")
    assert not {group.name for group in groups(held_out=True)} & {group.name for group in groups(held_out=False)}


def test_the_worked_examples_of_the_full_prompt_are_coherent_too() -> None:
    text = constant_prefix(LLM, WORLD)
    answers = re.findall(r"<\|im_start\|>assistant\n(.*?)<\|im_end\|>", text, flags=re.DOTALL)
    boards = [read_answer(answer, WORLD) for answer in answers]

    assert {len(board) for board in boards} == {1, 2, 3}
    assert [breaches(before, after) for board in boards for before, after in pairwise(board)] == [[]] * 3


def test_nothing_is_put_where_it_looks_lost_unless_it_was_asked_for() -> None:
    lost = table().strange
    for example in some(500):
        first, implied = example.shots[0], example.task.implied.get("background", [])
        away = lost.get(first["subject"], [])
        if first["background"] in away and "background" not in example.task.fixed:
            assert set(implied) <= set(away), example.task.request
    assert resolve({"subject": "boat"}, {"background": ["sky", "beach"]}, WORLD)["background"] == "beach"
    assert resolve({"subject": "boat"}, {"background": ["sky", "space"]}, WORLD)["background"] == "sky"


def test_no_two_moves_of_a_storyboard_change_the_same_but_the_camera() -> None:
    for example in some(300, mode=Mode.THINK):
        if not example.task.then:
            told = [move for move in moves() if move.note in re.split(r"[:;.] ", example.thought.rstrip("."))]
            changed = Counter(name for move in told for name in move.slots)
            assert [name for name, times in changed.items() if times > 1] == [], example.thought
