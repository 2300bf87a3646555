"""English glosses of Chinese requests, with the table that is shipped."""

from __future__ import annotations

import msgspec
import pytest
from expand_fixtures import vocabulary

from edge.expand.gloss import MOST, SEPARATOR, gloss
from edge.expand.prompt import request_turn
from edge.manifest import LlmManifest
from edge.packs import Pack


@pytest.mark.parametrize("text", ["", "a red balloon", "?!", "こ", "한국"])
def test_what_holds_neither_chinese_nor_emoji_has_no_gloss(text: str) -> None:
    assert gloss(text) == ""


def test_the_words_are_glossed_in_their_order_the_longest_first() -> None:
    assert gloss("生日快乐") == "happy birthday"
    assert gloss("下雪了，孩子很快乐").startswith("snow")
    assert "child" in gloss("下雪了，孩子很快乐")


def test_a_word_is_not_glossed_twice() -> None:
    assert gloss("海，海，海") == gloss("海")


def test_a_long_request_has_no_endless_gloss() -> None:
    table = "山水火鸟鱼花树月星云雨雪风电船车猫狗马牛羊门家人手心春夏秋冬红白黑"
    assert len(gloss(table * 50).split(SEPARATOR)) <= MOST


def test_a_gloss_stands_in_the_turn_where_the_model_wants_one(smollm: Pack[LlmManifest]) -> None:
    plain = smollm.manifest
    wants = msgspec.structs.replace(plain, glosses=True)
    assert "\nEnglish: happy birthday" in request_turn(wants, "生日快乐", {}, vocabulary()).after
    assert request_turn(plain, "生日快乐", {}, vocabulary()) == request_turn(plain, "x", {}, vocabulary())
    assert request_turn(wants, "happy birthday", {}, vocabulary()) == request_turn(plain, "x", {}, vocabulary())


def test_emoji_are_glossed_by_what_they_show_after_the_words() -> None:
    assert gloss("don't touch 🌵") == "cactus"
    assert gloss("生日快乐🎂🎂🎂") == "happy birthday, birthday cake"
    assert gloss("☀️") == "sun with rays"
    assert len(gloss("".join(map(chr, range(0x1F400, 0x1F440)))).split(SEPARATOR)) == 8
