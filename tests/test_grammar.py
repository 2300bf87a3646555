"""The answer form: what was said is fixed in it, what is open may be any value of the pack, nothing else passes."""

from __future__ import annotations

import re

import msgspec
import pytest
from expand_fixtures import vocabulary

from edge.expand.grammar import answer_form, read_answer, write_answer
from edge.expand.prompt import SHORT_INTRO, constant_prefix, ideas, request_turn
from edge.expand.storyboard import complete
from edge.manifest import Slot, Value
from edge.packs import find_llm_pack, shipped_root

SAID = {"subject": "balloon", "colour": "red", "motion": "rise"}


def rules_of(gbnf: str) -> dict[str, str]:
    return dict(line.split(" ::= ", 1) for line in gbnf.strip().splitlines())


def test_what_was_said_is_no_choice() -> None:
    form = answer_form(vocabulary(), SAID, most_shots=1)
    rules = rules_of(form.gbnf)
    assert form.head == "scene: subject balloon, colour red,"
    assert '"motion rise, "' in rules["shot"]
    for name in SAID:
        assert f"value-{name}" not in form.gbnf
    for value in (*vocabulary()["subject"].values, *vocabulary()["colour"].values):
        assert f'"{value}"' not in form.gbnf


def test_an_open_slot_may_be_any_value_and_a_slot_of_one_value_costs_nothing() -> None:
    one_style = vocabulary() | {"style": Slot(default="cartoon", values={"cartoon": Value(en=["cartoon"])})}
    rules = rules_of(answer_form(one_style, SAID, most_shots=1).gbnf)
    assert rules["value-camera"] == '"static" | "pan_left" | "pan_right" | "zoom_in" | "zoom_out"'
    assert not any("style" in rule for rule in rules.values())


@pytest.mark.parametrize(
    ("most", "root"), [(1, "scene shot"), (2, "scene shot next?"), (4, "scene shot next? next? next?")]
)
def test_a_storyboard_has_one_to_most_shots(most: int, root: str) -> None:
    assert rules_of(answer_form(vocabulary(), SAID, most_shots=most).gbnf)["root"] == root


def test_when_the_whole_scene_was_said_only_the_shots_are_open() -> None:
    said = complete({"subject": "boat"}, vocabulary())
    form = answer_form(vocabulary(), said, most_shots=2)
    assert rules_of(form.gbnf)["root"] == "shot next?"
    assert rules_of(form.gbnf)["next"] == "shot"
    assert form.head.endswith("\n")
    assert "|" not in form.gbnf


def test_odd_names_and_values_are_escaped() -> None:
    odd = {"subject": Slot(default='a"b', values={'a"b': Value(en=["x"]), "c\\d": Value(en=["y"])})}
    odd["über slot"] = Slot(default="p", values={"p": Value(en=["p"]), "q": Value(en=["q"])})
    form = answer_form(odd, {}, most_shots=1)
    assert r'"a\"b" | "c\\d"' in form.gbnf
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in rules_of(form.gbnf))


def test_a_written_answer_reads_back() -> None:
    first = complete({"subject": "rocket", "colour": "blue"}, vocabulary())
    second = {**first, "camera": "zoom_out", "size": "small"}
    text = write_answer([first, second], vocabulary(), {"subject": "rocket"})
    assert text.startswith("scene: subject rocket, ")
    assert [complete(shot, vocabulary()) for shot in read_answer(text, vocabulary())] == [first, second]


def test_a_story_may_change_the_scene_but_not_what_was_said_and_not_the_style() -> None:
    rules = rules_of(answer_form(vocabulary(), SAID, most_shots=3).gbnf)
    assert rules["next"] == "change? shot"
    assert set(re.findall(r"value-\w+", rules["new"])) == {
        "value-count", "value-background", "value-particles", "value-light",
    }  # fmt: skip
    assert "change" not in rules_of(answer_form(vocabulary(), SAID, most_shots=1).gbnf)


def test_a_changed_scene_reads_back_and_holds_from_there_on() -> None:
    first = complete({"subject": "rocket"}, vocabulary())
    second = {**first, "background": "sky", "camera": "zoom_out"}
    third = {**second, "camera": "static"}
    text = write_answer([first, second, third], vocabulary(), {})
    assert text.splitlines()[2] == "scene: background sky"
    assert text.count("scene: ") == 2
    assert read_answer(text, vocabulary()) == [
        {name: shot[name] for name in vocabulary()} for shot in (first, second, third)
    ]


@pytest.mark.parametrize("text", ["", "scene: subject boat", "nonsense", "shot", "scene subject\nshots: \n\x00"])
def test_an_answer_out_of_form_is_passed_over(text: str) -> None:
    assert read_answer(text, vocabulary()) == []


def test_an_answer_broken_off_keeps_what_is_valid() -> None:
    text = "scene: subject boat, colour plaid, background\nshot: motion sway, size lar"
    assert read_answer(text, vocabulary()) == [{"subject": "boat", "motion": "sway"}]


@pytest.mark.parametrize("name", ["smollm2-135m", "qwen3-0.6b", "hunyuan-0.5b"])
def test_the_constant_prefix_follows_the_template_and_holds_every_word(name: str) -> None:
    manifest = find_llm_pack(name, roots=[shipped_root()]).manifest
    prefix = constant_prefix(manifest, vocabulary())
    assert prefix.startswith(manifest.template.system.split("{text}")[0])
    assert prefix.count(manifest.template.assistant + "scene: ") == 4
    assert "{text}" not in prefix
    for slot in vocabulary().values():
        assert all(value in prefix for value in slot.values if len(slot.values) > 1)


def test_the_request_turn_proposes_what_suits_and_hints_at_thinking_only_when_asked() -> None:
    manifest = find_llm_pack("smollm2-135m", roots=[shipped_root()]).manifest
    said = {"subject": "jellyfish"}
    assert ideas(said, vocabulary())["background"] == "deep_sea"
    assert "background deep_sea" in request_turn(manifest, "x", said, vocabulary()).after
    assert manifest.template.think_hint not in request_turn(manifest, "x", said, vocabulary()).after
    assert manifest.template.think_hint in request_turn(manifest, "x", said, vocabulary(), think=True).after
    assert ideas({}, vocabulary()) == {}


def test_a_short_prompt_is_one_line_and_proposes_only_where_there_is_something_to_propose() -> None:
    full = find_llm_pack("smollm2-135m", roots=[shipped_root()]).manifest
    short = msgspec.structs.replace(full, prompt="short")
    assert constant_prefix(short, vocabulary()) == full.template.system.replace("{text}", SHORT_INTRO)
    assert request_turn(short, "x", SAID, vocabulary()) == request_turn(full, "x", SAID, vocabulary())
    assert request_turn(short, "x", {}, vocabulary()).after == request_turn(full, "x", {}, vocabulary()).after.replace(
        "\nIdeas: ", ""
    )
