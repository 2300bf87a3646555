"""Topics and payloads."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from edge.errors import RequestError
from edge.job import Job, JobState, Reply
from edge.mode import Mode
from edge.request import make_request
from edge.wire import (
    Incoming,
    Origin,
    cancelled_id,
    decode,
    node_message,
    progress_message,
    rejected_messages,
    reply_of,
    shorten,
    state_messages,
)

ORIGIN = Origin(node="n1", boot="b1")
JOB = Job(
    id="a", request=make_request("a fish", id="a"), state=JobState.QUEUED, rev=1, crashes=0, mode_cap=None,
    cancel_asked=False, mode=None, reason="", outcome=None, reply=Reply(topic="r/x", correlation=b"k"),
    created_at=0.0, updated_at=1.5,
)  # fmt: skip


def body(job: Job) -> dict[str, object]:
    return decode(state_messages(job, origin=ORIGIN, queue_pos=2)[0].payload)


def test_a_queued_job_is_told_as_accepted_with_its_place() -> None:
    assert body(JOB) == {
        "v": 1, "id": "a", "state": "accepted", "node": "n1", "boot": "b1", "rev": 1, "attempt": 1, "runs": 1, "queue_pos": 2,
        "requested_mode": "auto", "ts": "1970-01-01T00:00:01.500Z",
    }  # fmt: skip


def test_a_running_job_tells_its_mode_and_why_it_is_lower() -> None:
    told = body(replace(JOB, state=JobState.RUNNING, mode=Mode.LITE, reason="heat: 81 °C", crashes=1))
    assert told["effective_mode"] == "lite"
    assert told["degraded_because"] == "heat: 81 °C"
    assert told["runs"] == 2
    assert "queue_pos" not in told


def test_only_the_end_carries_a_result_or_an_error() -> None:
    done = body(replace(JOB, state=JobState.DONE, outcome={"seed": 7}))
    failed = body(replace(JOB, state=JobState.FAILED, outcome={"code": "engine"}))
    assert done["result"] == {"seed": 7} and "error" not in done
    assert failed["error"] == {"code": "engine"} and "result" not in failed


def test_the_state_topic_is_retained_and_the_reply_is_not() -> None:
    state, reply = state_messages(replace(JOB, state=JobState.DONE, outcome={}), origin=ORIGIN, queue_pos=1)
    assert (state.topic, state.retain, state.qos) == ("edgereel/v1/job/a/state", True, 1)
    assert (reply.topic, reply.retain, reply.correlation) == ("r/x", False, b"k")
    assert reply.payload == state.payload


def test_a_refusal_has_rev_0_and_its_reason() -> None:
    messages = rejected_messages("a", RequestError("No.", hint="Do."), reply=None, origin=ORIGIN, now=0)
    told = decode(messages[0].payload)
    assert (told["state"], told["rev"], told["error"]["hint"]) == ("rejected", 0, "Do.")


def test_progress_is_disposable() -> None:
    message = progress_message("a", origin=ORIGIN, phase="denoise", fraction=0.456)
    assert (message.qos, message.retain, message.expiry_s) == (0, False, 30)
    assert decode(message.payload) == {"v": 1, "id": "a", "node": "n1", "phase": "denoise", "pct": 46}


def test_what_expires_about_a_board_is_never_retained() -> None:
    load = node_message("load", {"x": 1}, origin=ORIGIN, now=0, expiry_s=6)
    birth = node_message("birth", {"x": 1}, origin=ORIGIN, now=0)
    assert (load.qos, load.retain) == (0, False)
    assert (birth.qos, birth.retain) == (1, True)


@pytest.mark.parametrize(
    ("topic", "job_id"),
    [
        ("edgereel/v1/job/a-B_1/cancel", "a-B_1"),
        ("edgereel/v1/job//cancel", None),
        ("edgereel/v1/job/a b/cancel", None),
        ("edgereel/v1/job/" + "x" * 65 + "/cancel", None),
        ("edgereel/v1/job/a/state", None),
        ("edgereel/v1/node/n1/req", None),
    ],
)
def test_only_a_cancel_topic_with_an_allowed_id_names_a_job(topic: str, job_id: str | None) -> None:
    assert cancelled_id(topic) == job_id


@pytest.mark.parametrize("topic", ["r/+", "r/#", "$SYS/x", "x" * 257, "/" * 100, "", "a\x00b", "a\x07b", None])
def test_a_response_topic_that_cannot_be_published_to_is_passed_over(topic: str | None) -> None:
    assert reply_of(Incoming(topic="t", payload=b"", response_topic=topic, correlation=b"k")) is None


def test_a_response_topic_is_taken_with_its_correlation() -> None:
    message = Incoming(topic="t", payload=b"", response_topic="r/x", correlation=b"\x00\xff")
    assert reply_of(message) == Reply(topic="r/x", correlation=b"\x00\xff")


def test_a_shortened_state_keeps_the_clip_and_loses_the_rest() -> None:
    full = {"id": "a", "state": "done", "result": {"clip": {"sha256": "f"}, "plan": {"caption": "x" * 1000}}}
    assert decode(shorten(msgspec.json.encode(full))) == full | {"result": {"clip": {"sha256": "f"}}}


@pytest.mark.parametrize("payload", [b"", b"[]", b"online", b"\xff", b'{"a": "\xff"}', b"[" * 5000])
def test_what_is_no_json_object_decodes_to_nothing(payload: bytes) -> None:
    assert decode(payload) == {}
