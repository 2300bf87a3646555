"""The expander's stories and their judge: what may follow what, and what good plans are told from bad ones by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import pytest
from expand_fixtures import CHECKOUT, vocabulary

from edge.expand import LexiconExpander
from edge.expand.lexicon import Lexicon
from edge.expand.storyboard import complete
from edge.manifest import VideoManifest, load_manifest
from edge.plan import Plan, Shot
from tools.convert.expander.book import seeds
from tools.convert.expander.cases import Case, cases
from tools.convert.expander.coherence import breaches, coherent, table
from tools.convert.expander.hostile import hostile
from tools.convert.expander.judge import judge, summary
from tools.convert.expander.resolve import change, resolve
from tools.convert.expander.storyboard import told
from tools.convert.expander.tasks import seed_task

WORLD = vocabulary()
LEXICON = Lexicon(WORLD)
BOAT = complete({"subject": "boat", "background": "beach"}, WORLD)


# Scenes and stories ---------------------------------------------------------------------------------------------------


def test_the_best_scene_takes_the_first_values_and_what_was_said() -> None:
    implied = {"subject": ["cake", "balloon"], "background": ["room", "sky"]}
    best = resolve({}, implied, WORLD)
    assert (best["subject"], best["background"], set(best)) == ("cake", "room", set(WORLD))
    outright = resolve({"subject": "balloon", "colour": "green"}, implied, WORLD)
    assert (outright["subject"], outright["colour"], outright["background"]) == ("balloon", "green", "sky")


def test_another_subject_brings_its_own_colour_unless_that_was_said() -> None:
    assert change(BOAT, {"subject": "moon"}, WORLD, fixed={})["colour"] == "yellow"
    assert change(BOAT, {"subject": "moon"}, WORLD, fixed={"colour": "white"})["colour"] == "white"
    assert change(BOAT, {"subject": "moon"}, WORLD, fixed={"subject": "boat"}) == BOAT


GOOD: list[dict[str, str]] = [
    {"camera": "zoom_in"}, {"background": "sunset"}, {"subject": "moon", "colour": "yellow"}, {"count": "two"},
    {"particles": "rain", "light": "dim"}, {"size": "medium"}, {"motion": "sway"},
]  # fmt: skip
BAD: list[tuple[dict[str, str], str]] = [
    ({}, "nothing changes"), ({"style": "neon"}, "the style"), ({"colour": "pink"}, "colour"),
    ({"subject": "atom"}, "nothing to do"), ({"background": "space"}, "far"), ({"size": "small"}, "jumps"),
    ({"motion": "move_left"}, "turns round"), ({"subject": "bird", "background": "sky"}, "together"),
]  # fmt: skip


@pytest.mark.parametrize("step", GOOD)
def test_a_shot_may_follow_that_goes_on(step: dict[str, str]) -> None:
    assert breaches(BOAT, {**BOAT, **step}) == []


@pytest.mark.parametrize(("step", "why"), BAD)
def test_a_shot_may_not_follow_that_jumps(step: dict[str, str], why: str) -> None:
    assert any(why in found for found in breaches(BOAT, {**BOAT, **step}))


def test_a_story_may_break_the_rule_where_it_says_so_and_nowhere_else() -> None:
    autumn = {**BOAT, "colour": "brown"}
    assert coherent(BOAT, autumn, story={"colour"})
    assert not coherent(BOAT, autumn, story={"size"})


def test_a_camera_may_not_turn_round_in_the_same_place_but_after_a_cut() -> None:
    near, far = {**BOAT, "camera": "zoom_in"}, {**BOAT, "camera": "zoom_out"}
    assert not coherent(near, far)
    assert coherent(near, {**far, "background": "sunset"})


def test_the_table_of_coherence_names_things_of_the_vocabulary() -> None:
    for slot, pairs in (("background", table().neighbours), ("subject", table().follows)):
        assert {*pairs, *(name for names in pairs.values() for name in names)} == set(WORLD[slot].values)
    assert all({*pair} <= set(WORLD[slot].values) for slot, pairs in table().opposite.items() for pair in pairs)


def test_every_story_of_a_seed_has_all_its_shots_and_they_follow_each_other() -> None:
    for seed in seeds():
        task = seed_task(seed, LEXICON)
        board = told(resolve(task.fixed, task.implied, WORLD), task.then, WORLD, fixed=task.fixed)
        assert len(board.shots) == len(seed.then) + 1 <= 4, seed.text
        for before, after in pairwise(board.shots):
            assert breaches(before, after) == [], (seed.text, before, after)


# The judge ------------------------------------------------------------------------------------------------------------


def plan(*shots: Mapping[str, str], reasoning: str = "") -> Plan:
    return Plan(
        shots=tuple(Shot(slots=dict(shot), seconds=4.0) for shot in shots),
        caption="",
        coverage=1.0,
        reasoning=reasoning,
    )


def test_the_judge_counts_what_is_kept_what_is_meant_and_what_follows() -> None:
    case = Case(
        request="", language="en", name="", held_out=True, said={"colour": "white"},
        implied={"subject": ["boat"], "background": ["beach", "sunset"], "colour": ["red"]},
    )  # fmt: skip
    good = judge(case, plan(BOAT, {**BOAT, "camera": "zoom_in"}), vocabulary=WORLD, thinks=False, tokens=40)
    assert (good.kept, good.subject, good.others, good.whole, good.pairs) == ((1, 1), (1, 1), (1, 1), True, (1, 1))
    red = {**BOAT, "colour": "red", "subject": "car", "background": "room"}
    bad = judge(case, plan(BOAT, red), vocabulary=WORLD, thinks=True)
    assert (bad.kept, bad.whole, bad.pairs) == ((0, 1), False, (0, 1))
    assert judge(case, plan(red), vocabulary=WORLD, thinks=False).subject == (0, 1)
    figures = summary([good, bad])
    assert (figures["said kept"], figures["pairs coherent"], figures["whole"], figures["tokens"]) == (0.5, 0.5, 0.5, 20)
    assert summary([judge(case, plan(BOAT), vocabulary=WORLD, thinks=False)])["pairs coherent"] is None


def test_a_plan_with_an_unknown_value_or_without_shots_is_not_whole() -> None:
    case = Case(request="", language="en", name="", held_out=True)
    assert not judge(case, plan(), vocabulary=WORLD, thinks=False).whole
    assert not judge(case, plan({**BOAT, "subject": "dragon"}), vocabulary=WORLD, thinks=False).whole
    assert judge(case, plan(BOAT, reasoning="a boat at sea"), vocabulary=WORLD, thinks=True).whole


def test_the_best_answers_would_please_the_judge() -> None:
    for case in cases(held_out=None):
        read = {slot: value for slot, value in LEXICON.read(case.request).said.items() if slot not in case.implied}
        best = resolve({**read, **case.said}, case.implied, WORLD)
        verdict = judge(case, plan(best), vocabulary=WORLD, thinks=False)
        assert verdict.kept[0] == verdict.kept[1]
        assert (verdict.subject[0], verdict.others[0]) == (verdict.subject[1], verdict.others[1])


def test_the_first_cases_are_a_mixed_sample_and_always_the_same() -> None:
    first = cases(limit=20)
    assert first == cases(limit=20)
    assert Counter(case.language for case in first) == {"en": 20, "zh": 20}
    assert len({case.name for case in first}) > 25
    assert any(case.said for case in first)


# What nobody hopes for ------------------------------------------------------------------------------------------------


def test_there_are_a_thousand_hostile_requests_all_different_and_always_the_same() -> None:
    listed = [case.request for case in hostile()]
    assert len(listed) == len(set(listed)) == 1000
    assert listed == [case.request for case in hostile()]
    assert min(map(len, listed)) == 1
    assert max(map(len, listed)) > 1500


def test_the_lexicon_alone_answers_every_hostile_request_with_a_whole_plan() -> None:
    manifest = load_manifest(CHECKOUT / "models/tinyreel")
    assert isinstance(manifest, VideoManifest)
    expander = LexiconExpander(manifest, seconds=4.0)
    for case in hostile():
        plan = expander.expand(case.request, seconds=None, seed=1)
        assert judge(case, plan, vocabulary=WORLD, thinks=False).whole, case.request
