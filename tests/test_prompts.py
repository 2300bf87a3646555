"""The prompt sets: what they hold, what they must not hold, and how far the lexicon reads them."""

from __future__ import annotations

from collections import Counter

import pytest

from edge.expand.lexicon import Lexicon
from tools.convert.scenes.scene import held_out
from tools.convert.tinyvideo.prompts import SETS, load_prompts, prompt_file
from tools.convert.tinyvideo.prompts.__main__ import generated
from tools.convert.tinyvideo.vocabulary import load_vocabulary

WORLD = load_vocabulary()
LEXICON = Lexicon(WORLD)
COUNTS = {"p1": 200, "p2": 100, "p3": 60, "p4": 40, "p6": 20, "p7": 20}


@pytest.mark.parametrize("name", SETS)
def test_every_prompt_states_values_of_the_world(name: str) -> None:
    prompts = load_prompts(name)

    assert len(prompts) == len({prompt.prompt for prompt in prompts}) == COUNTS[name]
    for prompt in prompts:
        assert prompt.language in ("en", "zh")
        for slot, value in prompt.slots.items():
            table = {"second": "subject", "second_colour": "colour"}.get(slot, slot)
            assert value in WORLD[table].values, prompt


def test_the_generated_sets_are_what_the_command_writes() -> None:
    for name, text in generated().items():
        assert prompt_file(name).read_text(encoding="utf-8") == text


def test_only_the_second_set_holds_combinations_that_training_never_sees() -> None:
    assert all(held_out(prompt.slots) for prompt in load_prompts("p2"))
    for name in ("p1", "p4", "p6"):
        assert not any(held_out(prompt.slots) for prompt in load_prompts(name))


def test_values_are_balanced() -> None:
    for name, spread in (("p1", 1), ("p2", 3)):
        for slot in ("subject", "colour", "motion", "background"):
            counts = Counter(prompt.slots[slot] for prompt in load_prompts(name))
            assert set(counts) == set(WORLD[slot].values)
            moved = 8 if (name, slot) == ("p1", "motion") else 0  # held-out ones took another motion
            assert max(counts.values()) - min(counts.values()) <= spread + moved, (name, slot)


def test_two_subjects_are_two_different_ones_and_long_clips_are_long() -> None:
    assert all(prompt.slots["second"] != prompt.slots["subject"] for prompt in load_prompts("p4"))
    assert {prompt.seconds for prompt in load_prompts("p6")} == {8.0}
    assert {prompt.seconds for prompt in load_prompts("p1")} == {4.0}


def test_half_of_the_hand_written_prompts_are_chinese_and_all_subjects_occur() -> None:
    prompts = load_prompts("p3")

    assert Counter(prompt.language for prompt in prompts) == {"en": 30, "zh": 30}
    assert {prompt.slots["subject"] for prompt in prompts} == set(WORLD["subject"].values)


def test_people_are_mostly_understood_in_their_own_words() -> None:
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for prompt in load_prompts("p3"):
        said = LEXICON.read(prompt.prompt).said
        asked.update(list(prompt.slots))
        right.update(slot for slot, value in prompt.slots.items() if said.get(slot) == value)

    share = {slot: right[slot] / asked[slot] for slot in asked}
    print(share)
    assert share["subject"] >= 0.95
    assert min(share["colour"], share["background"]) >= 0.9
    assert share["motion"] >= 0.7


def test_what_the_world_does_not_hold_has_low_coverage() -> None:
    for prompt in load_prompts("p7"):
        reading = LEXICON.read(prompt.prompt)
        assert reading.coverage <= 0.25, prompt.prompt
        assert "subject" not in reading.said, prompt.prompt
