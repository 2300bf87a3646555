"""Topics and payloads of a fleet: pools, requests on their way, what is told of a job that another board may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.errors import RequestError
from edge.job import JobState, Reply
from edge.request import from_json
from edge.wire import (
    MAX_TOPIC_CHARS,
    Incoming,
    cleared,
    decode,
    error_body,
    handover_message,
    node_of_status,
    pool_of,
    pool_topic,
    reply_of,
    share_filter,
    state_messages,
)
from tests.queues import ask
from tests.test_wire import JOB, ORIGIN

HERS = replace(JOB, request=ask(attempt=2))  # another board may have it


def told(job: object, *, inline: str = "") -> list[str]:
    assert isinstance(job, type(JOB))
    return [message.topic for message in state_messages(job, origin=ORIGIN, queue_pos=1, inline=inline)]


def test_a_pool_has_a_topic_and_a_share_of_it() -> None:
    assert pool_topic("kitchen") == "edgereel/v1/pool/kitchen/req"
    assert share_filter("kitchen") == "$share/kitchen/edgereel/v1/pool/kitchen/req"


@pytest.mark.parametrize(
    ("topic", "pool"),
    [
        ("edgereel/v1/pool/kitchen/req", "kitchen"),
        ("edgereel/v1/node/n1/req", ""),
        ("edgereel/v1/pool/kitchen/cmd", ""),
        ("edgereel/v1/pool/req", ""),
        ("edgereel/v1/pool/a/b/req", ""),
        ("", ""),
    ],
)
def test_only_a_request_of_a_pool_has_a_pool(topic: str, pool: str) -> None:
    assert pool_of(topic) == pool


def test_the_node_of_a_status_is_found() -> None:
    assert node_of_status("edgereel/v1/node/n1/status") == "n1"


@pytest.mark.parametrize("reply", [None, Reply(topic="r/x", correlation=b"\x00k"), Reply(topic="r/x")])
def test_a_request_that_is_handed_on_is_the_same_with_one_hop_more(reply: Reply | None) -> None:
    request = ask(seed=7, path=[[0.1, 0.8], [0.9, 0.2, 0.3]], deliver="inline", attempt=3, hops=1, ttl=60, reuse="near")
    message = handover_message(request, pool="kitchen", reply=reply)
    assert from_json(decode(message.payload)) == replace(request, hops=2)
    assert (message.topic, message.qos, message.retain) == ("edgereel/v1/pool/kitchen/req", 1, False)
    assert message.response_topic == (reply.topic if reply else None)
    assert message.correlation == (reply.correlation if reply else None)


@pytest.mark.parametrize(
    "topic",
    [
        "edgereel/v1/job/a/state", "edgereel/v1/node/n2/status", "edgereel/v1/node/n2/cmd", "edgereel/v1/pool/p/req",
        "edgereel/v1/replies/x", "edgereel/v1/reply", "$share/p/x", "$SYS/x", "edgereel/v1/reply/+", "r/\u2028x",
        "x" * (MAX_TOPIC_CHARS + 1),
    ],
)  # fmt: skip
def test_nobody_has_a_board_speak_in_anothers_name(topic: str) -> None:
    assert reply_of(Incoming(topic="t", payload=b"", response_topic=topic)) is None


@pytest.mark.parametrize(
    "topic", ["edgereel/v1/reply/kiosk/1f", "r/x", "home/clips", "edgereel/v2/x", "x" * MAX_TOPIC_CHARS]
)
def test_a_topic_for_replies_or_of_somebody_else_is_answered_to(topic: str) -> None:
    assert reply_of(Incoming(topic="t", payload=b"", response_topic=topic)) == Reply(topic=topic)


def test_a_job_that_another_board_may_have_is_told_of_only_once_it_begins_here() -> None:
    everything = replace(HERS, request=ask(attempt=2, reply="all"))
    assert told(everything) == told(replace(everything, state=JobState.HANDED_BACK)) == []
    assert told(replace(everything, clear=True)) == ["edgereel/v1/job/a/state", "r/x"]
    assert told(replace(everything, state=JobState.RUNNING)) == ["edgereel/v1/job/a/state", "r/x"]


@pytest.mark.parametrize(
    "state",
    [JobState.RUNNING, JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED],
)
def test_every_other_state_of_it_is_told(state: JobState) -> None:
    assert told(replace(HERS, state=state))[0] == "edgereel/v1/job/a/state"


@pytest.mark.parametrize("state", list(JobState))
def test_an_answer_is_sent_at_the_end_and_at_no_other_time(state: JobState) -> None:
    ends = (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)
    assert ("r/x" in told(replace(JOB, state=state))) is (state in ends)


def test_who_asks_for_all_states_hears_that_a_job_went_but_never_that_it_was_superseded() -> None:
    everything = replace(JOB, request=ask(reply="all"))
    assert "r/x" in told(replace(everything, state=JobState.HANDED_BACK))
    assert told(replace(everything, state=JobState.SUPERSEDED)) == []


def test_the_clip_goes_into_the_answer_and_never_into_what_is_retained() -> None:
    job = replace(JOB, state=JobState.DONE, outcome={"sha256": "f00"})
    state, answer = state_messages(job, origin=ORIGIN, queue_pos=1, inline="QUJD")
    assert decode(state.payload)["result"] == {"sha256": "f00"}
    assert decode(answer.payload)["result"] == {"sha256": "f00", "inline": "QUJD"}
    assert (state.retain, answer.retain) == (True, False)


def test_a_clip_for_nobody_is_sent_to_nobody() -> None:
    job = replace(JOB, state=JobState.DONE, outcome={"sha256": "f00"}, reply=None)
    (state,) = state_messages(job, origin=ORIGIN, queue_pos=1, inline="QUJD")
    assert "inline" not in decode(state.payload)["result"]


def test_an_end_carries_its_reason_and_a_hand_back_none() -> None:
    error = {"code": "expired", "message": "Too late."}
    late, away = (replace(JOB, state=state, outcome=error) for state in (JobState.EXPIRED, JobState.HANDED_BACK))
    assert decode(state_messages(late, origin=ORIGIN, queue_pos=1)[0].payload)["error"] == error
    assert "error" not in decode(state_messages(away, origin=ORIGIN, queue_pos=1)[0].payload)


def test_a_state_is_cleared_by_an_empty_retained_message() -> None:
    message = cleared("edgereel/v1/job/a/state")
    assert (message.topic, message.payload, message.retain, message.qos) == ("edgereel/v1/job/a/state", b"", True, 1)


@pytest.mark.parametrize(("after_s", "told_s"), [(7.5, 7.5), (0.0, None)])
def test_an_error_says_when_to_try_again_if_that_helps(after_s: float, told_s: float | None) -> None:
    error = RequestError("Full.", hint="Wait.", code="overloaded", retry_after_s=after_s)
    assert error_body(error).get("retry_after_s") == told_s
