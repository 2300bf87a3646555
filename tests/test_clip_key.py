"""When two requests are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge.clip_key import normal, plain, plan_key, text_key
from edge.mode import Mode
from edge.plan import Plan, Shot
from edge.request import make_request

PHOTO = "/9j/" + "A" * 16
PLAN = Plan(
    shots=(Shot(slots={"subject": "fish", "colour": "blue"}, seconds=2.0),), caption="A blue fish.", coverage=1.0
)


def key(
    prompt: str = "two blue fish", *, asked: Mode = Mode.DIRECT, packs: tuple[str, ...] = ("p",), **fields: Any
) -> str:
    return text_key(make_request(prompt, **fields), asked=asked, packs=packs)


@pytest.mark.parametrize("prompt", ["Two  Blue\nFISH", "two blue fish.", " two blue fish! ", "two blue ｆｉｓｈ"])
def test_the_same_words_are_the_same_request(prompt: str) -> None:
    assert key(prompt) == key()


@pytest.mark.parametrize(
    "fields",
    [{"id": "other"}, {"seed": 7}, {"reply": "all"}, {"deliver": "inline"}, {"ttl": 5}, {"min_mode": "direct"},
     {"attempt": 3}, {"reuse": "near"}, {"mode": "direct"}],
    ids=str,
)  # fmt: skip
def test_what_does_not_show_in_the_clip_does_not_count(fields: dict[str, Any]) -> None:
    assert key(**fields) == key()


@pytest.mark.parametrize("fields", [{"seconds": 3}, {"path": [[0, 0], [1, 1]]}, {"image": PHOTO}], ids=str)
def test_what_shows_in_the_clip_counts(fields: dict[str, Any]) -> None:
    assert key(**fields) != key()


def test_another_mode_pack_or_wording_is_another_request() -> None:
    assert len({key(), key(asked=Mode.LITE), key(packs=("q",)), key(packs=("p", "llm")), key("two red fish")}) == 5


def test_a_question_is_not_an_answer() -> None:
    assert normal("A fish?") != normal("a fish")


def test_the_same_plan_is_the_same_whoever_made_it() -> None:
    one, other = make_request("two blue fish", mode="lite"), make_request("blue fish, two of them", mode="think")
    same = replace(PLAN, caption="else", coverage=0.5, said=("subject",), expander="llm", reasoning="hm")
    turned = replace(PLAN, shots=(replace(PLAN.shots[0], slots={"colour": "blue", "subject": "fish"}),))
    keys = {plan_key(plan.to_json(), request=ask, pack="p") for plan in (PLAN, same, turned) for ask in (one, other)}
    assert len(keys) == 1


def test_another_slot_length_path_picture_or_pack_is_another_plan() -> None:
    ask = make_request("a fish")
    shot = PLAN.shots[0]
    plans = [
        PLAN, replace(PLAN, shots=(replace(shot, seconds=4.0),)), replace(PLAN, shots=(shot, shot)),
        replace(PLAN, shots=(replace(shot, slots={"subject": "fish", "colour": "red"}),)), PLAN.along([(0, 0), (1, 1)]),
    ]  # fmt: skip
    keys = {plan_key(plan.to_json(), request=ask, pack="p") for plan in plans}
    keys |= {plan_key(PLAN.to_json(), request=make_request("a fish", image=PHOTO), pack="p")}
    keys |= {plan_key(PLAN.to_json(), request=ask, pack="q")}
    assert len(keys) == len(plans) + 2


def test_only_a_request_of_words_and_a_length_takes_another_plan() -> None:
    assert plain(make_request("a fish", seconds=3, seed=1, deliver="inline"))
    assert not plain(make_request("a fish", path=[[0, 0], [1, 1]]))
    assert not plain(make_request("a fish", image=PHOTO))
