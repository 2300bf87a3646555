"""When Home Assistant is told of a board, and the picture of the last clip: on scripted connections and with real files."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.connection import Connection
from edge.home import READY_S, SPREAD_S, Home
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.picture import MAX_THUMB_BYTES, Picture
from edge.request import make_request
from edge.result import ModeChoice
from edge.thumbnail import thumbnail
from edge.wire import Incoming, Origin, Outgoing
from tests.boards import tiny_settings

TOPIC = "homeassistant/device/n1/config"
BIRTH = Incoming(topic="homeassistant/status", payload=b"online")


@dataclass
class Info:
    """What paho gives for a message that was sent."""

    mid: int
    acked: bool
    rc: int = 0

    def is_published(self) -> bool:
        return self.acked


@dataclass
class Line:
    """A connection as far as it is used here; `acks` says whether the broker answers."""

    resumed: bool = False
    acks: bool = True
    refuses: bool = False
    sent: list[Outgoing] = field(default_factory=list)
    refused: deque[int] = field(default_factory=deque)

    def fits(self, message: Outgoing) -> bool:
        return True

    def publish(self, message: Outgoing) -> Info:
        self.sent.append(message)
        if self.refuses:
            self.refused.append(len(self.sent))
        return Info(mid=len(self.sent), acked=self.acks)

    @property
    def told(self) -> list[str]:
        return [f"{'' if message.payload else '-'}{message.topic}" for message in self.sent]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    queue = JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b"))
    yield queue
    queue.close()


def home(tmp_path: Path, queue: JobQueue, *values: str, clock: Clock | None = None, share: float = 0.5) -> Home:
    handled: list[Incoming] = []
    made = Home(
        tiny_settings(tmp_path, *values), queue, handle=handled.append, poster_url=lambda _: "", root=tmp_path,
        clock=clock or Clock(), share=lambda: share,
    )  # fmt: skip
    made.handled = handled  # type: ignore[attr-defined]
    return made


def look(one: Home, line: Line, *, times: int = 2) -> list[str]:
    """Some ticks on a connection; returns what was told on it."""
    for _ in range(times):
        one.look(line)  # type: ignore[arg-type]
    return line.told


def test_a_board_is_told_of_once_and_again_only_where_the_broker_lost_it_or_it_changed(
    tmp_path: Path, queue: JobQueue
) -> None:
    one = home(tmp_path, queue)
    assert look(one, Line()) == [TOPIC]
    assert look(one, Line(resumed=True)) == []
    assert look(one, Line(resumed=False)) == [TOPIC]

    again = home(tmp_path, JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="c")))
    assert look(again, Line(resumed=True)) == []
    changed = home(tmp_path, queue, "home_assistant.text=true")
    assert look(changed, Line(resumed=True)) == [TOPIC]


def test_what_the_broker_did_not_take_is_told_on_the_next_connection(
    tmp_path: Path, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    one = home(tmp_path, queue)
    assert look(one, Line(acks=False)) == [TOPIC]
    with caplog.at_level(logging.WARNING):
        assert look(one, Line(resumed=True, refuses=True)) == [TOPIC]
    assert "home_assistant.discovery" in caplog.text
    assert look(one, Line(resumed=True)) == [TOPIC]
    assert look(one, Line(resumed=True)) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["home_assistant.discovery=false"], [f"-{TOPIC}"]),
        (["node.id=n2"], [f"-{TOPIC}", "homeassistant/device/n2/config"]),
        (["home_assistant.prefix=ha"], [f"-{TOPIC}", "ha/device/n1/config"]),
    ],
)
@pytest.mark.parametrize("acked", [True, False])
def test_what_was_told_is_taken_back_once_also_when_the_daemon_died_before_it_knew(
    values: list[str], told: list[str], tmp_path: Path, queue: JobQueue, *, acked: bool
) -> None:
    look(home(tmp_path, queue), Line(acks=acked), times=1 + acked)
    after = home(tmp_path, queue, *values)
    assert look(after, Line(resumed=True, acks=False)) == told
    assert look(after, Line(resumed=True)) == told
    assert look(after, Line(resumed=True)) == []
    assert look(home(tmp_path, queue, *values), Line(resumed=True)) == []


def test_fifty_births_are_one_message_after_a_while_and_the_next_birth_is_another(
    tmp_path: Path, queue: JobQueue
) -> None:
    clock, line = Clock(), Line()
    one = home(tmp_path, queue, clock=clock)
    look(one, line)
    for _ in range(2):
        line.sent.clear()
        for _ in range(50):
            one.take(BIRTH)
        clock.now += READY_S + 0.5 * SPREAD_S - 0.01
        assert look(one, line) == []
        clock.now += 0.02
        assert look(one, line) == [TOPIC]
        clock.now += 3600
        assert look(one, line) == [TOPIC]


@pytest.mark.parametrize(("share", "wait_s"), [(0.0, READY_S), (1.0, READY_S + SPREAD_S)])
def test_boards_answer_a_birth_at_different_times(share: float, wait_s: float, tmp_path: Path, queue: JobQueue) -> None:
    clock, line = Clock(), Line(resumed=True)
    one = home(tmp_path, queue, clock=clock, share=share)
    look(one, line)
    one.take(BIRTH)
    clock.now += wait_s
    assert look(one, line) == [TOPIC, TOPIC]


def test_only_a_birth_is_taken_and_all_else_is_handed_on(tmp_path: Path, queue: JobQueue) -> None:
    clock, line = Clock(), Line()
    one = home(tmp_path, queue, clock=clock)
    one.take(Incoming(topic="homeassistant/status", payload=b"offline"))
    request = Incoming(topic="edgereel/v1/node/n1/req", payload=b"a fish")
    one.take(request)
    clock.now += 3600
    assert look(one, line) == [TOPIC]
    assert one.handled == [request]  # type: ignore[attr-defined]


def test_without_a_connection_nothing_is_done(tmp_path: Path, queue: JobQueue) -> None:
    clock, line = Clock(), Line()
    one = home(tmp_path, queue, clock=clock)
    one.take(BIRTH)
    clock.now += 3600
    one.look(None)
    assert look(one, line, times=1) == [TOPIC, TOPIC]


def done(queue: JobQueue, job_id: str) -> None:
    queue.put(make_request("a fish", id=job_id), now=queue.now())
    queue.claim(lease_s=60, now=queue.now(), choose=lambda _: ModeChoice(requested="auto", effective=Mode.LITE))
    queue.finish(job_id, {}, now=queue.now())


def noise(width: int = 848, height: int = 480) -> bytes:
    """A JPEG that nobody can make small by looking away."""
    pixels = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def test_a_small_poster_is_sent_as_it_is_once_and_again_to_who_comes_later(tmp_path: Path, queue: JobQueue) -> None:
    picture = Picture(queue, node="n1", clips=tmp_path, poster_url=lambda _: "")
    assert picture.look() is None
    (tmp_path / "a.jpg").write_bytes(b"jpeg")
    done(queue, "a")
    sent = picture.look()
    assert sent == Outgoing(topic="edgereel/v1/node/n1/thumb", payload=b"jpeg", qos=0)
    assert picture.look() is None
    picture.again()
    assert picture.look() == sent


def test_a_large_poster_is_made_small_in_another_process(tmp_path: Path, queue: JobQueue) -> None:
    picture = Picture(queue, node="n1", clips=tmp_path, poster_url=lambda _: "")
    (tmp_path / "a.jpg").write_bytes(noise())
    done(queue, "a")
    until = time.monotonic() + 30
    while (sent := picture.look()) is None and time.monotonic() < until:
        time.sleep(0.05)
    assert sent and 1000 < len(sent.payload) <= MAX_THUMB_BYTES
    assert cv2.imdecode(np.frombuffer(sent.payload, np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_poster_that_is_gone_or_no_picture_is_passed_over(tmp_path: Path, queue: JobQueue) -> None:
    picture = Picture(queue, node="n1", clips=tmp_path, poster_url=lambda _: "")
    done(queue, "a")
    assert picture.look() is None
    (tmp_path / "b.jpg").write_bytes(b"x" * 100_000)
    done(queue, "b")
    for _ in range(60):
        assert picture.look() is None
        time.sleep(0.05)
    picture.close()


def test_where_it_can_be_fetched_its_address_is_enough(tmp_path: Path, queue: JobQueue) -> None:
    picture = Picture(queue, node="n1", clips=tmp_path, poster_url=lambda job_id: f"http://b/{job_id}.jpg")
    done(queue, "a")
    assert picture.look() == Outgoing(topic="edgereel/v1/node/n1/poster", payload=b"http://b/a.jpg", qos=0)


@pytest.mark.parametrize("bound", [48 * 1024, 8000])
def test_a_thumbnail_keeps_to_its_bound_and_its_shape(bound: int) -> None:
    small = thumbnail(noise(), max_bytes=bound)
    height, width, _ = cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR).shape
    assert len(small) <= bound and width / height == pytest.approx(848 / 480, rel=0.02)


def test_nothing_small_enough_is_nothing() -> None:
    assert thumbnail(noise(), max_bytes=100) == thumbnail(b"", max_bytes=100) == thumbnail(b"no", max_bytes=9) == b""


def test_a_real_connection_has_what_these_lines_have() -> None:
    assert {"resumed", "refused"} <= set(Connection.__dataclass_fields__) and hasattr(Connection, "fits")
