"""The Chinese-English gloss table: every line is well formed, and everyday words mean what they should."""

from __future__ import annotations

import re

import pytest

from tests.conftest import CHECKOUT

TABLE = CHECKOUT / "edge/expand/glosses/chinese.tsv"
HAN = re.compile(r"[\u4e00-\u9fff]+")
HAN_WITH_LATIN = re.compile(r"(?=.*[\u4e00-\u9fff])[\u4e00-\u9fffA-Z0-9]+")  # 卡拉OK
NUMBER_SLANG = re.compile(r"[0-9]{3}")  # 520
GLOSS = re.compile(r"[a-z]+(?:[ '-]+[a-z]+)*'?")
LONGEST_GLOSS = 40
FEWEST_ENTRIES = 7_000
# They shape a sentence and picture nothing: a gloss of theirs would only stand in the way of the words that do.
FUNCTION_WORDS = "的了着吗呢吧把被在地得和与或都也很又而但从向对给让到过"

MEANINGS = {
    "雪": "snow",
    "海": "sea",
    "飞": "fly",
    "鸟": "bird",
    "火": "fire",
    "月": "moon",
    "龙": "dragon",
    "不": "not",
    "下雪天": "snow day",
    "雷雨": "thunderstorm",
    "彩虹": "rainbow",
    "日落": "sunset",
    "清晨": "early morning",
    "秋天": "autumn",
    "极光": "aurora",
    "流星": "shooting star",
    "瀑布": "waterfall",
    "森林": "forest",
    "向日葵": "sunflower",
    "蒲公英": "dandelion",
    "小狗": "puppy",
    "大熊猫": "giant panda",
    "萤火虫": "firefly",
    "水母": "jellyfish",
    "西瓜": "watermelon",
    "冰淇淋": "ice cream",
    "饺子": "dumplings",
    "奶奶": "grandma",
    "女儿": "daughter",
    "消防员": "firefighter",
    "宇航员": "astronaut",
    "难过": "sad",
    "孤独": "lonely",
    "求婚": "marriage proposal",
    "毕业": "graduation",
    "下班": "off work",
    "自行车": "bicycle",
    "热气球": "hot air balloon",
    "长城": "great wall",
    "埃菲尔铁塔": "eiffel tower",
    "中秋节": "mid-autumn festival",
    "圣诞老人": "santa claus",
    "除夕": "new year's eve",
    "生日快乐": "happy birthday",
    "加油": "go for it",
    "晚安": "good night",
    "孙悟空": "monkey king",
    "灰姑娘": "cinderella",
    "破茧而出": "break out of cocoon",
    "520": "i love you",
}


def read_lines() -> list[str]:
    """The table as its file has it, without the line ends."""
    return TABLE.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str]]:
    """Each word with its gloss."""
    parts = [line.split("\t") for line in read_lines()]
    return [(word, gloss) for word, gloss in parts]


def is_word(text: str) -> bool:
    """Whether this may stand on the left."""
    return any(form.fullmatch(text) for form in (HAN, HAN_WITH_LATIN, NUMBER_SLANG))


def test_every_line_is_a_word_a_tab_and_a_gloss() -> None:
    text = TABLE.read_text(encoding="utf-8")

    assert text.endswith("\n")
    assert [line for line in read_lines() if line.count("\t") != 1] == []


def test_the_words_are_chinese(rows: list[tuple[str, str]]) -> None:
    assert [word for word, _ in rows if not is_word(word)] == []


def test_the_glosses_are_short_plain_english(rows: list[tuple[str, str]]) -> None:
    assert [gloss for _, gloss in rows if not GLOSS.fullmatch(gloss) or len(gloss) > LONGEST_GLOSS] == []


def test_the_words_are_sorted_and_each_is_there_once(rows: list[tuple[str, str]]) -> None:
    words = [word for word, _ in rows]

    assert words == sorted(set(words))


def test_the_table_covers_everyday_vocabulary(rows: list[tuple[str, str]]) -> None:
    assert len(rows) >= FEWEST_ENTRIES


def test_words_that_only_shape_a_sentence_have_no_gloss(rows: list[tuple[str, str]]) -> None:
    assert sorted(set(FUNCTION_WORDS) & {word for word, _ in rows}) == []


@pytest.mark.parametrize("word", MEANINGS)
def test_an_everyday_word_has_its_usual_meaning(rows: list[tuple[str, str]], word: str) -> None:
    assert dict(rows).get(word) == MEANINGS[word]
