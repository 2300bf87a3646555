"""Emoji in requests, read with the vocabulary of the shipped pack."""

from __future__ import annotations

import pytest
from expand_fixtures import vocabulary

from edge.expand.emoji import SHOWN, spell_out
from edge.expand.lexicon import Lexicon


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("🎂🎂🎂", {"subject": "cake", "count": "one"}),
        ("happy new year 🎆", {"subject": "fireworks", "count": "three"}),
        ("i ❤️ you", {"subject": "heart", "count": "one"}),
        ("💚", {"subject": "heart", "count": "one", "colour": "green"}),
        ("a cat ☔", {"subject": "cat", "count": "one", "particles": "rain"}),
        ("一只猫🌨️", {"subject": "cat", "count": "one", "particles": "snow"}),
    ],
)
def test_an_emoji_that_shows_a_thing_is_read_as_its_word(text: str, said: dict[str, str]) -> None:
    assert Lexicon(vocabulary()).read(text).said == said


@pytest.mark.parametrize("text", ["🙂", "👍🏽", "😍", "lol 😂😂", "🏴‍☠️", "➡️", "no 🎈 please"])
def test_faces_hands_signs_and_denied_things_say_nothing(text: str) -> None:
    assert Lexicon(vocabulary()).read(text).said == {}


def test_every_word_of_an_emoji_is_in_the_vocabulary_of_the_shipped_pack() -> None:
    lexicon = Lexicon(vocabulary())
    assert [word for word in SHOWN if not lexicon.read(word).said] == []


def test_no_emoji_has_two_words() -> None:
    listed = "".join(SHOWN.values())
    assert len(listed) == len(set(listed))


def test_a_text_without_emoji_stays_as_it_is() -> None:
    assert spell_out("a red balloon, 生日快乐 → 100 %!") == "a red balloon, 生日快乐 → 100 %!"
