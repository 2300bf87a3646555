"""Doubtful words: what a number, a verb or a Chinese character says depends on what stands beside it."""

from __future__ import annotations

import pytest
from expand_fixtures import vocabulary

from edge.expand.lexicon import Lexicon

LEXICON = Lexicon(vocabulary())


@pytest.mark.parametrize(
    "prompt",
    [
        "job interview in ten minutes", "see you at two", "three degrees below", "7.2 on the scale", "a couple of hours",
        "he left", "she has left me", "all right then", "stay tuned", "the rest is silence", "spring at last",
        "let us spring clean", "the beat goes on", "words of peace", "a rider", "share the story",
        "小朋友", "小提琴", "大家一起来", "白娘子", "青春", "快递", "第一次", "心跳", "春游",
    ],
)  # fmt: skip
def test_numbers_verbs_and_characters_in_other_words_say_nothing(prompt: str) -> None:
    assert {"count", "size", "colour", "motion", "speed", "background"} & set(LEXICON.read(prompt).said) == set()


@pytest.mark.parametrize(
    ("prompt", "slots"),
    [
        ("two balloons", "subject=balloon count=two"),
        ("two tiny red balloons", "subject=balloon count=two size=small colour=red"),
        ("two puppies", "count=two"),
        ("balloons, three of them", "subject=balloon count=three"),
        ("in ten minutes, two balloons", "subject=balloon count=two"),
        ("moves left", "motion=move_left"),
        ("a boat left to right", "subject=boat count=one motion=move_right"),
        ("a star that drops fast", "subject=star count=one motion=fall speed=fast"),
        ("a boat goes left", "subject=boat count=one motion=move_left"),
        ("a balloon springs up and down", "subject=balloon count=one motion=bounce"),
        ("the heart beats", "subject=heart count=one motion=bounce"),
        ("a heart, beating", "subject=heart count=one motion=bounce"),
        ("a cat in spring", "subject=cat count=one"),
        ("a leaf rests", "subject=leaf count=one motion=hover"),
        ("a bird stays still", "subject=bird count=one motion=hover"),
        ("小船", "subject=boat"),
        ("小红船", "subject=boat size=small colour=red"),
        ("a heart, make it snow-white", "subject=heart count=one colour=white"),
        ("又大又红的气球", "subject=balloon size=large colour=red"),
        ("红红火火的灯笼", "subject=lantern colour=red"),
        ("小朋友放风筝", "subject=kite"),
        ("鱼在水里游", "subject=fish motion=move_right background=deep_sea"),
        ("小鸟飞走了", "subject=bird motion=move_right"),
    ],
)
def test_true_numbers_motions_and_sizes_are_still_read(prompt: str, slots: str) -> None:
    reading = LEXICON.read(prompt)
    assert " ".join(f"{name}={value}" for name, value in reading.said.items()) == slots
