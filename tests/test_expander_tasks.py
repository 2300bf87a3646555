"""The expander's task set: true to the vocabulary, true to the board, in two parts that share no meaning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from expand_fixtures import vocabulary

from edge.expand.director import THOUGHT_TOKENS, Director
from edge.expand.grammar import SHOT_SLOTS, answer_form, read_answer
from edge.expand.lexicon import Lexicon
from edge.expand.storyboard import complete
from edge.manifest import LlmManifest, Thinking
from edge.mode import Mode
from edge.packs import find_llm_pack, find_video_pack, shipped_root
from tools.convert.expander import Example, examples
from tools.convert.expander.book import Seed, Situation, is_held_out, seeds, situations, unknown_values
from tools.convert.expander.cases import cases
from tools.convert.expander.coherence import breaches
from tools.convert.expander.reason import trace
from tools.convert.expander.storyboard import moves
from tools.convert.expander.tasks import seed_task
from tools.convert.expander.words import Group, groups

WORLD = vocabulary()
LEXICON = Lexicon(WORLD)
LLM: LlmManifest = find_llm_pack("smollm2-135m", roots=[shipped_root()]).manifest
SHORT = msgspec.structs.replace(
    LLM, prompt="short", thinking=Thinking(kind="scratchpad", open="Notes:", close="\n"),
    template=msgspec.structs.replace(LLM.template, think_hint=""),
)  # fmt: skip
BOAT = complete({"subject": "boat", "background": "beach"}, WORLD)


def some(
    count: int, *, seed: int = 5, held_out: bool = False, mode: Mode | None = None, llm: LlmManifest = LLM
) -> list[Example]:
    return list(examples(seed=seed, count=count, llm=llm, vocabulary=WORLD, held_out=held_out, mode=mode))


def plain(text: str) -> str:
    """A text as it is compared: letters, digits and signs that are no blanks or marks, in lower case."""
    return "".join(char for char in text.lower() if char.isalnum()) or text


# The tables -----------------------------------------------------------------------------------------------------------


def test_every_value_of_the_tables_is_in_the_vocabulary() -> None:
    unknown = [(one.name, unknown_values(one.implied, WORLD)) for one in situations()]
    unknown += [
        (seed.text, unknown_values(values, WORLD))
        for seed in seeds()
        for values in (seed.implied, seed.said, *seed.then)
    ]
    unknown += [(group.name, unknown_values(group.implied, WORLD)) for group in all_groups()]
    unknown += [(move.note, unknown_values(values, WORLD)) for move in moves() for values in (move.when, *move.then)]

    assert [found for found in unknown if found[1]] == []
    assert unknown_values({"subject": ["dragon", "cat"]}, WORLD) == ["subject=dragon"]


def all_groups() -> list[Group]:
    return [*groups(held_out=True), *groups(held_out=False)]


def test_there_are_situations_and_seeds_enough_in_both_languages() -> None:
    assert len(situations()) >= 600
    assert len({one.name for one in situations()}) == len(situations())
    assert [one.name for one in situations() if len(one.en) < 4 or len(one.zh) < 3 or not one.implied] == []
    languages = Counter(seed.language for seed in seeds())
    assert languages["en"] >= 180 and languages["zh"] >= 120
    assert sum(bool(seed.then) for seed in seeds()) >= 75


def test_nothing_is_said_twice() -> None:
    texts = [text for one in situations() for text in (*one.en, *one.zh)] + [seed.text for seed in seeds()]
    counts = Counter(plain(text) for text in texts)

    assert [text for text in texts if counts[plain(text)] > 1] == []
    words = Counter(word for group in all_groups() for word in (*group.en, *group.zh))
    assert [word for word, count in words.items() if count > 1] == []
    assert plain("Happy  Birthday!") == plain("happy birthday")


def test_every_subject_is_the_best_one_for_something() -> None:
    best = Counter(one.implied["subject"][0] for one in (*situations(), *seeds()) if "subject" in one.implied)

    assert set(best) == set(WORLD["subject"].values)
    assert min(best.values()) >= 5


def test_the_lexicon_hardly_ever_reads_what_was_not_meant() -> None:
    wordings: list[tuple[Situation | Group, str]] = [(one, text) for one in situations() for text in (*one.en, *one.zh)]
    wordings += [(one, text) for one in all_groups() for text in (*one.en, *one.zh)]
    misread = [
        (text, slot)
        for one, text in wordings
        for slot, value in LEXICON.read(text).said.items()
        if value not in one.implied.get(slot, [value])
    ]
    assert len(misread) <= len(wordings) // 200, misread


def test_the_lexicon_reads_what_a_seed_says_outright() -> None:
    missed = [
        seed.text for seed in seeds() if not seed_task(seed, LEXICON).sound or not seed.said.items() <= read(seed)
    ]
    assert missed == []


def read(seed: Seed) -> set[tuple[str, str]]:
    return set(LEXICON.read(seed.text).said.items())


# What is held out -----------------------------------------------------------------------------------------------------


def test_a_fifth_is_held_out_and_always_the_same() -> None:
    named = ([one.name for one in situations()], [seed.about for seed in seeds()], [one.name for one in all_groups()])
    for names in named:
        assert 0.17 <= sum(map(is_held_out, names)) / len(names) <= 0.23
    assert [is_held_out(name) for name in ("a day in the snow", "a birthday for grandma", "first snow", "christmas")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_every_kind_and_both_languages_are_in_both_parts() -> None:
    for part in (True, False):
        assert {one.kind for one in situations() if one.held_out == part} == {one.kind for one in situations()}
        assert {seed.language for seed in seeds() if seed.held_out == part} == {"en", "zh"}


def test_no_meaning_is_in_both_parts() -> None:
    trained = {example.task.about for example in some(600)}
    judged = {example.task.about for example in some(300, held_out=True)}

    assert trained & judged == set()
    assert not any(example.held_out for example in some(100))
    assert all(example.held_out for example in some(100, held_out=True))
    assert {case.held_out for case in cases()} == {True}


# The examples ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_examples() -> None:
    assert some(60) == some(60)
    assert some(60) != some(60, seed=6)


def test_examples_are_in_both_languages_and_both_modes() -> None:
    made = some(300)

    assert {(example.language, example.mode) for example in made} == {
        (language, mode) for language in ("en", "zh") for mode in (Mode.NO_THINK, Mode.THINK)
    }
    assert {example.task.source for example in made} == {"situation", "word", "seed", "caption"}
    assert {len(example.shots) for example in made if example.mode is Mode.THINK} == {1, 2, 3, 4}


def test_an_answer_reads_back_and_keeps_what_was_said() -> None:
    for example in some(500):
        text = example.answer_text.removesuffix(LLM.template.stop[0])
        scene = text[text.index("scene: ") :]
        assert read_answer(scene, WORLD) == [{name: shot[name] for name in WORLD} for shot in ordered(example)]
        for shot in example.shots:
            assert example.task.fixed.items() <= shot.items()


def ordered(example: Example) -> list[dict[str, str]]:
    return [{name: shot[name] for name in WORLD} for shot in example.shots]


@pytest.mark.parametrize("mode", [Mode.NO_THINK, Mode.THINK])
def test_the_grammar_of_the_board_admits_every_answer(mode: Mode) -> None:
    for example in some(150, mode=mode) + some(50, mode=mode, held_out=True):
        form = answer_form(WORLD, example.task.read, most_shots=mode.row.max_shots)
        answer = example.pieces[-2].text
        assert example.pieces[-3].text == form.head
        assert admits(form.gbnf, answer), answer
        assert not admits(form.gbnf, answer.replace("camera", "lens"))


def admits(gbnf: str, text: str) -> bool:
    """Whether a grammar without recursion admits a text: its rules put into each other make a regular expression."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.strip().splitlines())

    def pattern(rule: str) -> str:
        parts = re.findall(r'"(?:[^"\\]|\\.)*"|[()|?*+]|[a-z][a-z0-9-]*', rules[rule])
        return "".join(
            re.escape(part[1:-1].replace("\\n", "\n")) if part[0] == '"' else part if part in "()|?*+"
            else f"(?:{pattern(part)})" for part in parts
        )  # fmt: skip

    return re.fullmatch(pattern("root"), text) is not None


class Recorder:
    """A model that writes what it is told to, and remembers what it read."""

    def __init__(self, writes: Sequence[str]) -> None:
        self.writes, self.read, self.usage = list(writes), list[list[int]](), dict[str, float]()

    def tokens(self, text: str, *, control: bool) -> list[int]:
        return [ord(char) for char in text]

    def text(self, tokens: Sequence[int]) -> str:
        return "".join(map(chr, tokens))

    def start(self, prefix: list[int]) -> bool:
        return True

    def write(self, context: Sequence[int], **options: object) -> list[int]:
        self.read.append(list(context))
        return self.tokens(self.writes.pop(0), control=False)

    def choose(self, context: Sequence[int], gbnf: str, **options: object) -> list[int]:
        return self.write(context)


@pytest.mark.parametrize("llm", [LLM, SHORT], ids=["full", "short"])
@pytest.mark.parametrize("mode", [Mode.NO_THINK, Mode.THINK])
def test_an_example_is_what_the_board_reads_letter_by_letter(mode: Mode, llm: LlmManifest) -> None:
    video = find_video_pack("tinyreel", roots=[shipped_root()]).manifest
    for example in some(40, mode=mode, llm=llm):
        learned = [piece.text for piece in example.pieces if piece.learned]
        model = Recorder([learned[0], learned[-2]] if mode is Mode.THINK else [learned[0]])
        director = Director(model, llm=llm, video=video, mode=mode)  # type: ignore[arg-type]
        if len(example.task.request) > 160:  # the board cuts requests: here a letter is a token
            continue
        plan = director.expand(example.task.request, seconds=None, seed=1)

        assert model.text(model.read[0]) == example.prompt_text + (
            "" if mode is Mode.THINK else example.pieces[-3].text
        )
        assert model.text(model.read[-1]) == "".join(piece.text for piece in example.pieces[:-2])
        assert [shot.slots for shot in plan.shots] == ordered(example)


def test_a_thought_is_one_short_line_that_names_the_scene() -> None:
    for example in some(300, mode=Mode.THINK):
        assert example.thought.startswith(" ") and "\n" not in example.thought
        assert example.shots[0]["colour"] in example.thought
        # Four letters make a token at most often; a thought must end before the board breaks it off.
        assert len(example.thought) <= THOUGHT_TOKENS * 3.6, example.thought
    assert "Asked: nothing" in trace("home", {}, [BOAT], [])


def test_every_pair_of_shots_that_is_taught_is_coherent() -> None:
    for example in some(400, mode=Mode.THINK):
        story = {name for step in example.task.then for name in step}
        for before, after in pairwise(example.shots):
            assert breaches(before, after, story=story | {"colour", "motion", "count"} if story else story) == []


def test_no_shot_leaves_what_was_meant_unless_the_story_does() -> None:
    for example in some(300, mode=Mode.THINK):
        task = example.task
        meant = {name: values for name, values in task.implied.items() if name not in {*task.fixed, "camera", "size"}}
        for shot in example.shots if not task.then else example.shots[:1]:
            assert {name: shot[name] for name, values in meant.items() if shot[name] not in values} == {}


def test_storyboards_change_the_scene_as_well_as_the_camera() -> None:
    changed = Counter(
        name for example in some(600, mode=Mode.THINK) for before, after in pairwise(example.shots)
        for name in WORLD if before[name] != after[name]
    )  # fmt: skip
    assert {"camera", "motion", "background", "light", "particles", "count", "subject"} <= set(changed)
    assert sum(changed[name] for name in set(changed) - SHOT_SLOTS) > 100
