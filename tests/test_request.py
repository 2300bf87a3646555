"""Requests: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import pytest

from edge.errors import RequestError
from edge.mode import Mode
from edge.request import MAX_PROMPT_CHARS, MAX_SEED, from_json, make_request, new_id, path_from_text


def test_a_prompt_alone_is_enough() -> None:
    request = from_json({"prompt": "a red balloon"})

    assert (request.prompt, request.mode, request.min_mode, request.reply) == (
        "a red balloon", "auto", Mode.SPARE, "final",
    )  # fmt: skip
    assert request.seconds is None
    assert request.seed is None


def test_every_field_survives_a_round_trip() -> None:
    body = {"v": 1, "id": "a-1", "prompt": "a fish", "mode": "lite", "min_mode": "lite", "seconds": 3.5, "seed": 7,
            "reply": "all", "ttl": 60.0, "deadline": 1e9, "deliver": "inline", "attempt": 2, "hops": 1, "reuse": "near", "path": [[0.1, 0.8], [0.9, 0.2, 0.3]]}  # fmt: skip

    assert from_json(body).to_json() == body


@pytest.mark.parametrize(
    ("deadline", "seconds"),
    [("1970-01-01T00:01:00Z", 60.0), ("1970-01-01T01:01:00+01:00", 60.0), (60, 60.0), (60.5, 60.5)],
)
def test_a_deadline_is_a_moment_with_its_zone_or_seconds(deadline: object, seconds: float) -> None:
    assert make_request("a fish", deadline=deadline).deadline == seconds


def test_what_is_not_given_about_the_way_has_its_first_value_and_is_not_sent() -> None:
    request = from_json({"prompt": "a fish", "ttl": None, "attempt": None, "hops": None, "deliver": None})

    assert (request.ttl, request.deadline, request.attempt, request.hops, request.deliver) == (None, None, 1, 0, "url")
    assert not {"ttl", "deadline", "reuse"} & request.to_json().keys()


def test_unknown_keys_are_for_later_versions_and_are_ignored() -> None:
    assert from_json({"prompt": "a fish", "colour_space": "p3"}).prompt == "a fish"


@pytest.mark.parametrize(
    ("prompt", "text", "mode"),
    [
        ("/think a fish", "a fish", "think"),
        ("/no_think: a fish", "a fish", "no_think"),
        ("  /THINK  a fish", "a fish", "think"),
        ("/thinking a fish", "/thinking a fish", "auto"),
        ("a fish /think", "a fish /think", "auto"),
        ("/no_think 红色气球", "红色气球", "no_think"),
        ("/think /no_think /think a fish", "a fish", "think"),
        ("\x00 /no_think, a fish", "a fish", "no_think"),
    ],
)
def test_a_prefix_switches_thinking_and_is_no_part_of_the_prompt(prompt: str, text: str, mode: str) -> None:
    request = make_request(prompt)

    assert (request.prompt, request.mode) == (text, mode)


def test_a_mode_that_is_asked_for_beats_the_prefix() -> None:
    assert make_request("/think a fish", mode="lite").mode == "lite"


def test_white_space_and_nul_are_one_space() -> None:
    assert make_request(" a\n\n red\x00\tfish ").prompt == "a red fish"


def test_the_longest_prompt_is_accepted_and_one_more_is_not() -> None:
    assert len(make_request("x" * MAX_PROMPT_CHARS).prompt) == MAX_PROMPT_CHARS
    with pytest.raises(RequestError, match=f"{MAX_PROMPT_CHARS} is the most"):
        make_request("x" * (MAX_PROMPT_CHARS + 1))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no prompt"),
        ({"prompt": None}, "no prompt"),
        ({"prompt": 3}, "no prompt"),
        ({"prompt": ""}, "empty"),
        ({"prompt": " \x00 "}, "empty"),
        ({"prompt": "/think"}, "empty"),
        ({"prompt": "/think /think"}, "empty"),
        ({"prompt": "a", "ttl": -1}, "ttl '-1' is out of bounds"),
        ({"prompt": "a", "ttl": 30 * 24 * 3600 + 1}, "ttl"),
        ({"prompt": "a", "ttl": "60"}, "ttl '60'"),
        ({"prompt": "a", "deadline": "tomorrow"}, "deadline 'tomorrow' is no time"),
        ({"prompt": "a", "deadline": "2026-11-21T10:00:00"}, "is no time"),  # of which zone?
        ({"prompt": "a", "deadline": True}, "deadline"),
        ({"prompt": "a", "deadline": -1}, "deadline"),
        ({"prompt": "a", "deadline": float("inf")}, "deadline"),
        ({"prompt": "a", "deadline": ["x" * 500]}, "deadline"),
        ({"prompt": "a", "deliver": "by post"}, "deliver 'by post' is not known"),
        ({"prompt": "a", "reuse": True}, "reuse 'True' is not known"),
        ({"prompt": "a", "attempt": 0}, "attempt '0' is out of bounds"),
        ({"prompt": "a", "attempt": 1.5}, "attempt"),
        ({"prompt": "a", "hops": -1}, "hops '-1'"),
        ({"prompt": "a", "hops": 1_000_001}, "hops"),
        ({"prompt": "a", "hops": True}, "hops"),
        ([], "not an object"),
        ("a fish", "not an object"),
        ({"prompt": "a", "v": 2}, "version 2"),
        ({"prompt": "a", "mode": "fast"}, "mode 'fast' is not known"),
        ({"prompt": "a", "mode": "paused"}, "mode 'paused' is not known"),
        ({"prompt": "a", "mode": ["think"]}, "mode"),
        ({"prompt": "a", "min_mode": "auto"}, "min_mode 'auto'"),
        ({"prompt": "a", "seconds": 0}, "seconds '0' is out of bounds"),
        ({"prompt": "a", "seconds": 61}, "seconds '61'"),
        ({"prompt": "a", "seconds": True}, "seconds"),
        ({"prompt": "a", "seconds": float("nan")}, "seconds 'nan'"),
        ({"prompt": "a", "seconds": "2"}, "seconds"),
        ({"prompt": "a", "seed": -1}, "seed '-1'"),
        ({"prompt": "a", "seed": MAX_SEED + 1}, "seed"),
        ({"prompt": "a", "seed": 1.5}, "seed '1.5'"),
        ({"prompt": "a", "id": "a/b"}, "id 'a/b'"),
        ({"prompt": "a", "id": "x" * 65}, "id"),
        ({"prompt": "a", "id": "a\n"}, "id"),
        ({"prompt": "a", "reply": "some"}, "reply 'some'"),
        ({"prompt": "a", "path": "0.1,0.8 0.9,0.2"}, "path '0.1,0.8 0.9,0.2' is not a list"),
        ({"prompt": "a", "path": {"x": 1}}, "not a list of points"),
        ({"prompt": "a", "path": []}, "has 0 points"),
        ({"prompt": "a", "path": [[0.1, 0.8]]}, "has 1 points"),
        ({"prompt": "a", "path": [[0.1, 0.8]] * 17}, "has 17 points"),
        ({"prompt": "a", "path": [[0.1, 0.8], 0.5]}, "Point 2 of the path, '0.5', is no"),
        ({"prompt": "a", "path": [[0.1, 0.8], [0.5]]}, "Point 2"),
        ({"prompt": "a", "path": [[0.1, 0.8], [0.5, 0.5, 0.2, 1]]}, "Point 2"),
        ({"prompt": "a", "path": [[0.1, 0.8], [1.2, 0.5]]}, "path point 2: x '1.2' is out of bounds"),
        ({"prompt": "a", "path": [[0.1, -0.1], [1, 0.5]]}, "path point 1: y '-0.1'"),
        ({"prompt": "a", "path": [[0, 1], [1, 0, 0.7]]}, "path point 2: size '0.7'"),
        ({"prompt": "a", "path": [[0, 1], [1, 0, 0.04]]}, "size '0.04'"),
        ({"prompt": "a", "path": [[0, 1], [float("nan"), 0]]}, "x 'nan'"),
        ({"prompt": "a", "path": [[0, 1], [True, 0]]}, "x 'True'"),
        ({"prompt": "a", "path": [[0, 1], [None, 0]]}, "x is missing"),
    ],
)
def test_what_is_wrong_is_refused_with_a_reason_and_what_to_send(body: object, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        from_json(body)

    assert caught.value.hint
    assert len(str(caught.value)) < 400


def test_a_request_without_an_id_gets_the_default_or_a_fresh_one() -> None:
    assert from_json({"prompt": "a"}, default_id="given").id == "given"
    assert from_json({"prompt": "a"}).id != from_json({"prompt": "a"}).id
    assert len(new_id()) == 16


def test_a_path_is_typed_as_points_with_spaces_between() -> None:
    request = make_request("a", path=path_from_text(" 0.1,0.8  0.9,.2,0.3 "))

    assert request.path == ((0.1, 0.8), (0.9, 0.2, 0.3))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "has 0 points"), ("0.1,0.8", "has 1 points"), ("0.1;0.8 0.2,0.3", "Point 1"), ("0.1,a 1,1", "y 'a' is out"),
     ("0.1, 0.8 0.9, 0.2", "y '' is out")],
)  # fmt: skip
def test_a_path_with_a_slip_of_the_hand_is_refused_by_its_point(text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        make_request("a", path=path_from_text(text))
