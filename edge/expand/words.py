"""Words: cutting English and Chinese text into tokens, and bringing inflected or mistyped words back to known ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

# A Chinese character is a token of its own, so that phrases are matched the same way in both languages.
TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+(?:['’][^\W_\u3400-\u9fff]+)?|[,.;:!?、。]")
PUNCTUATION = re.compile(r"[,.;:!?、。]")
HAN = re.compile(r"[\u3400-\u9fff]")
VOWELS = "aeiou"
TYPO_LENGTH = 5
# Traditional characters of the vocabulary's words, so that both scripts are understood.
SIMPLIFIED = str.maketrans(
    "紅氣魚鳥車藍黃綠雲飛風銀鯨鯊鷹鴿鸚鵡錦鯉輪漁轎賽機愛臟圓彎鬱貓蓮鮮兩隻個條輛顆對雙幾許遠處號潔發墜飄騰沒擺搖動轉環繞圍盤懸靜緩輕閑勻穩陽爾馬叢園間場樓頭灘閃爍煙塵螢陰朧霧熒畫鏡縮滿邊裡從過駛遊進馳彈躍"
    "獨單時無這們來視頻製別後點請給讓張鄉氫",
    "红气鱼鸟车蓝黄绿云飞风银鲸鲨鹰鸽鹦鹉锦鲤轮渔轿赛机爱脏圆弯郁猫莲鲜两只个条辆颗对双几许远处号洁发坠飘腾没摆摇动转环绕围盘悬静缓轻闲匀稳阳尔马丛园间场楼头滩闪烁烟尘萤阴胧雾荧画镜缩满边里从过驶游进驰弹跃"
    "独单时无这们来视频制别后点请给让张乡氢",
)
# Real English words one letter away from a vocabulary word: they are not typing errors of it.
REAL_WORDS = """
horse house mouse glass class track trick heard beard hears bears spare stare staring starve while write whole
flight light sight bread beach bench teach peach reach plane plant planet place plate steam scream shelf shell
smell spell could would should cloth close clown crown brown frown grown drown brick break brake flour floor flood
blood block clock black slack stack crank drank drink think thing bring string sting swing wing river liver hover
cover lover power tower towel shower flower fever never lever boots books boost roast coast toast ghost shirt short
sport spot spin skin shine spine spade shape grape gripe prize price pride bride bribe dance dense tense sense
party parts paste waste taste water later wafer hotter matter letter better butter batter battle bottle cattle
castle candle handle saddle paddle middle riddle fiddle single simple sample temple table cable fable sable stable
horn heart earth hearth heath heats health wealth whale shake snake stake stage space spice slice slide glide guide
field yield wield build guild child chill skill spill still steel steal sweet sheet sheep sleep steep creep
board broad abroad ships shops shoes shoot shout short snort sworn swarm storm stork stock store shore score snore
start smart chart charm chair stair stars drops crops props group grope globe glove clove drove grove prove
trail train brain drain grain strain strand stand brand grand bland gland slant blank plank flank thank
right night fight might eight weight height sunny funny bunny honey money monkey donkey turkey jockey hockey
rockets rocker locket pocket socket market basket casket gasket ticket cricket wicket racket jacket packet
small stall shall smile while mobile missile
leave heave coat coats closet loser jingle mitten match scroll birth could clout cheery beech forget
wearing waving leaving heaving
alone bean beast bling blow blown brunch chop chopper clean clover code college comet dancer doll draft drawn drip
driver election flag flint fluff forty fourth frost furry glider gloom gram growl hope lane lay lining locker mind pager
palace patch peace point print product quack quiet rail railing rally ranger ride rider rover salon saloon scent
share snowball spit sprint story tale theme tinkling truce trunk udder wake weaver winner witch word words world
dessert belt shift stir sing sting sweat hand puppy sharp lunch wonder throw threw lovely shrine swiss
"""


def tokenise(text: str) -> list[str]:
    """Lower-case tokens of a text: words, single Chinese characters (simplified), and `,` for any punctuation."""
    plain = unicodedata.normalize("NFKC", text).lower().translate(SIMPLIFIED).replace("’", "'")
    tokens = TOKEN.findall(plain)
    return ["," if PUNCTUATION.match(token) else token.removesuffix("'s") for token in tokens]


def is_han(token: str) -> bool:
    """True for a Chinese character."""
    return bool(HAN.match(token))


class Words:
    """The known words; `root` brings a word of the text to one of them."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._real = frozenset(REAL_WORDS.split())
        self._long = tuple(sorted(word for word in self._known if len(word) >= TYPO_LENGTH))

    def root(self, word: str) -> str:
        """The simplest known form of a word: singular, infinitive, or one typing error away; else the word itself."""
        if is_han(word):
            return word
        for form in (*_simpler(word), word):
            if form in self._known:
                return form
        return self._typo(word) or word

    def _typo(self, word: str) -> str | None:
        if len(word) < TYPO_LENGTH or not word.isalpha() or not self._real.isdisjoint((*_simpler(word), word)):
            return None
        near = next((known for known in self._long if known[0] == word[0] and one_edit(word, known)), None)
        return self.root(near) if near else None


def one_edit(word: str, other: str) -> bool:
    """True when one letter inserted, left out, replaced, or two neighbours swapped make `word` into `other`."""
    if abs(len(word) - len(other)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    rest, goal = word[same:], other[same:]
    swapped = rest[:2] == goal[1::-1] and len(goal) > 1 and rest[2:] == goal[2:]
    return swapped or rest[1:] == goal[1:] or rest[1:] == goal or rest == goal[1:]


def _simpler(word: str) -> Iterator[str]:
    """Forms that `word` may be an inflection of, simplest first."""
    if word.endswith("ies") and len(word) > 4:
        yield word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            yield word[:-2]
        yield word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            yield from _verbs(word[: -len(ending)])


def _verbs(stem: str) -> Iterator[str]:
    if len(stem) > 3 and stem[-1] == stem[-2]:
        yield stem[:-1]  # hopping: hop
    # A short verb that ends consonant, vowel, consonant doubles its last letter: "staring" is of stare, not of star.
    doubles = stem[-1] not in VOWELS + "wxy" and stem[-2:-1] in VOWELS and sum(c in VOWELS for c in stem) == 1
    if not doubles:
        yield stem
    yield stem + "e"
