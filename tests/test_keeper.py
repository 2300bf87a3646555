"""The finished clips of a daemon: real files, a real queue, a real port."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from edge.errors import SettingsError
from edge.job import Job, Reply
from edge.jobqueue import JobQueue
from edge.keeper import MAX_INLINE_BYTES, PERIOD_S, Keeper
from tests.boards import tiny_settings
from tests.queues import ask, claim, done, empty_outbox, opened

REPLY = Reply(topic="r/x")
CLIP = b"a clip"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        yield queue


def make(folder: Path, queue: JobQueue, *values: str) -> Keeper:
    (folder / "clips").mkdir(exist_ok=True)
    return Keeper(tiny_settings(folder, *values), queue)


def clip(folder: Path, job_id: str, *, days: float = 0.0, content: bytes = CLIP) -> Path:
    path = folder / "clips" / f"{job_id}.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    at = time.time() - days * 86400
    os.utime(path, (at, at))
    return path


def job(queue: JobQueue, **fields: Any) -> Job:
    reply = fields.pop("answer_to", REPLY)
    return queue.put(ask("a", **fields), now=1, reply=reply)


def test_a_page_without_a_port_is_a_mistake_that_is_named(tmp_path: Path, queue: JobQueue) -> None:
    with pytest.raises(SettingsError, match="http.port is 0"):
        make(tmp_path, queue, "http.page=true")


def test_there_is_room_until_the_reserve_is_touched(tmp_path: Path, queue: JobQueue) -> None:
    assert make(tmp_path, queue, "clips.reserve_mib=0").has_room()
    assert not make(tmp_path, queue, "clips.reserve_mib=1000000000").has_room()


def test_where_the_room_cannot_be_told_work_goes_on(tmp_path: Path, queue: JobQueue) -> None:
    keeper = make(tmp_path, queue)
    (tmp_path / "clips").rmdir()
    assert keeper.has_room()
    keeper.look()


def test_an_old_clip_goes_and_a_new_one_stays(tmp_path: Path, queue: JobQueue) -> None:
    old, new = clip(tmp_path, "old", days=91), clip(tmp_path, "new")
    make(tmp_path, queue).look()
    assert (old.exists(), new.exists()) == (False, True)


def test_of_too_much_those_that_were_delivered_go_first(tmp_path: Path, queue: JobQueue) -> None:
    done(queue, "told", now=queue.now())
    empty_outbox(queue)
    done(queue, "untold", now=queue.now())
    told, untold = clip(tmp_path, "told"), clip(tmp_path, "untold", days=1)
    make(tmp_path, queue, "clips.max_mib=0.00001").look()
    assert (told.exists(), untold.exists()) == (False, True)


def test_what_was_begun_and_never_ended_goes_after_an_hour(tmp_path: Path, queue: JobQueue) -> None:
    clip(tmp_path, "a")
    stray, growing = (tmp_path / "clips" / f".{name}.mp4.part" for name in ("stray", "growing"))
    for path in (stray, growing):
        path.touch()
    os.utime(stray, (time.time() - 7200, time.time() - 7200))
    make(tmp_path, queue).look()
    assert (stray.exists(), growing.exists()) == (False, True)


def test_it_looks_once_a_minute(tmp_path: Path, queue: JobQueue) -> None:
    keeper = make(tmp_path, queue)
    keeper.look()
    old = clip(tmp_path, "old", days=91)
    keeper.look()
    assert old.exists()
    keeper._next -= PERIOD_S
    keeper.look()
    assert not old.exists()


def test_the_broker_is_made_to_forget_along_the_way(tmp_path: Path, queue: JobQueue) -> None:
    done(queue, "old", now=queue.now() - 2 * 86400)
    empty_outbox(queue)
    make(tmp_path, queue).look()
    (message,) = queue.outbox.due(now=queue.now(), limit=10)
    assert (message.message.topic, message.message.payload) == ("edgereel/v1/job/old/state", b"")


def test_without_a_port_nothing_is_served_and_no_address_is_told(tmp_path: Path, queue: JobQueue) -> None:
    keeper = make(tmp_path, queue)
    keeper.start()
    assert keeper.alive
    assert keeper.told(job(queue), {"bytes": 6}) == ({"bytes": 6}, "")
    keeper.close()


def test_with_one_the_address_of_a_done_clip_is_told_and_holds(tmp_path: Path, queue: JobQueue) -> None:
    from tests.mosquitto import free_port

    keeper = make(tmp_path, queue, f"http.port={free_port()}")
    keeper.start()
    try:
        told, inline = keeper.told(job(queue), {"bytes": 6})
        clip(tmp_path, "a")
        claim(queue)
        queue.finish("a", told, now=1)
        assert (told["bytes"], inline) == (6, "")
        assert urlopen(told["url"], timeout=10).read() == CLIP
    finally:
        keeper.close()


def test_the_clip_goes_along_with_the_answer_when_that_was_asked_for(tmp_path: Path, queue: JobQueue) -> None:
    clip(tmp_path, "a")
    _, inline = make(tmp_path, queue).told(job(queue, deliver="inline"), {"bytes": len(CLIP)})
    assert base64.b64decode(inline) == CLIP


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"deliver": "url"}, 6),
        ({"deliver": "inline", "answer_to": None}, 6),
        ({"deliver": "inline"}, MAX_INLINE_BYTES + 1),
    ],
)
def test_it_does_not_when_it_was_not_or_nobody_waits_or_it_is_too_large(
    tmp_path: Path, queue: JobQueue, fields: dict[str, Any], size: int
) -> None:
    clip(tmp_path, "a")
    assert make(tmp_path, queue).told(job(queue, **fields), {"bytes": size})[1] == ""


def test_a_clip_that_somebody_removed_meanwhile_is_no_reason_to_die(tmp_path: Path, queue: JobQueue) -> None:
    assert make(tmp_path, queue).told(job(queue, deliver="inline"), {"bytes": 6}) == ({"bytes": 6}, "")
