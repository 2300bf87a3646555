"""What Home Assistant is told of a board, and what a moment in a job's life becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.discovery import BIRTH_TOPIC, Published, birth_topics, board_name, discovery_message, moved, published
from edge.errors import EdgereelError, RequestError, SettingsError
from edge.jobqueue import JobQueue
from edge.mode import Mode
from edge.request import make_request
from edge.result import ModeChoice
from edge.settings import Settings
from edge.wire import Origin, Outgoing
from tests.boards import tiny_settings

TOPIC = "homeassistant/device/n1/config"


def message(settings: Settings, *, before: Published = Published(), by_url: bool = False) -> Outgoing:  # noqa: B008 - frozen
    found = discovery_message(settings, version="1.2", board="Pi 5", image_by_url=by_url, before=before)
    assert found
    return found


def components(settings: Settings, **options: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(message(settings, **options).payload)["components"]
    return found


def test_a_device_is_told_of_once_retained_and_small_enough_for_any_broker(tmp_path: Path) -> None:
    told = message(tiny_settings(tmp_path))
    body = json.loads(told.payload)

    assert (told.topic, told.retain, told.qos, told.expiry_s) == (TOPIC, True, 1, 0)
    assert set(body) == {"device", "origin", "availability_topic", "components"}  # an unknown key would refuse it all
    assert body["device"]["identifiers"] == ["edgereel_n1"] and body["device"]["name"] == "edgereel n1"
    assert body["availability_topic"] == "edgereel/v1/node/n1/status"
    assert len(told.payload) < 8192


def test_every_component_has_what_home_assistant_wants_and_its_own_qos(tmp_path: Path) -> None:
    found = components(tiny_settings(tmp_path, "home_assistant.text=true"))

    assert {one["qos"] for one in found.values()} == {1}
    assert {one["unique_id"] for one in found.values()} == {f"edgereel_n1_{key}" for key in found}
    assert len({one["name"] for one in found.values()}) == len(found)
    topics = {one[key] for one in found.values() for key in one if key.endswith("_topic")}
    assert {topic for topic in topics if not topic.startswith("edgereel/v1/node/n1/")} == set()
    assert found["mode"]["options"] == ["auto", *Mode]


def test_a_board_that_is_called_edgereel_is_not_called_so_twice(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path, "node.id=edgereel-1a2b3c4d")

    assert json.loads(message(settings).payload)["device"]["name"] == "edgereel-1a2b3c4d"


def test_a_component_that_is_gone_is_taken_back_and_never_left_out(tmp_path: Path) -> None:
    with_text = message(tiny_settings(tmp_path, "home_assistant.text=true"))
    before = published(with_text, gone=(), taken=True)
    after = components(tiny_settings(tmp_path), before=before)

    assert after["prompt_text"] == {"platform": "text"}
    assert "prompt_text" not in components(tiny_settings(tmp_path))
    other = components(tiny_settings(tmp_path, "node.id=n2"), before=before)
    assert "prompt_text" not in other  # that device never had it


def test_the_picture_comes_by_its_address_or_by_itself_and_never_both(tmp_path: Path) -> None:
    by_url = components(tiny_settings(tmp_path), by_url=True)["picture"]
    by_mqtt = components(tiny_settings(tmp_path))["picture"]

    assert by_url["url_topic"].endswith("/poster") and "content_type" not in by_url
    assert by_mqtt["image_topic"].endswith("/thumb") and "url_topic" not in by_mqtt


def test_a_board_that_is_not_to_be_seen_tells_and_hears_nothing(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path, "home_assistant.discovery=false")

    assert discovery_message(settings, version="1", board="", image_by_url=False, before=Published()) is None
    assert birth_topics(settings.home_assistant) == ()


def test_another_prefix_is_used_and_both_births_are_heard(tmp_path: Path) -> None:
    settings = tiny_settings(tmp_path, "home_assistant.prefix=ha/here")

    assert message(settings).topic == "ha/here/device/n1/config"
    assert birth_topics(settings.home_assistant) == (BIRTH_TOPIC, "ha/here/status")


@pytest.mark.parametrize("prefix", ["a/#", "+", "/a", "a/", "$SYS", '""'])
def test_a_prefix_that_is_no_plain_topic_is_refused(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        tiny_settings(tmp_path, f"home_assistant.prefix={prefix!r}")


def test_what_was_told_elsewhere_has_to_go_and_what_comes_back_need_not() -> None:
    before = Published(topic="old", digest="x", components={"a": "text"}, gone=("older",))

    assert moved(before, topic="new") == Published(gone=("older", "old"))
    assert moved(before, topic="") == Published(gone=("older", "old"))
    assert moved(before, topic="old") == before
    assert moved(Published(gone=("old", "older")), topic="old") == Published(gone=("older",))


def test_the_boards_maker_is_asked_for_its_name(tmp_path: Path) -> None:
    assert board_name(tmp_path) == "clip board"
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    assert board_name(tmp_path) == "Raspberry Pi 4 Model B Rev 1.4"


def events(queue: JobQueue) -> list[tuple[str, str]]:
    """What is told as a moment, oldest first."""
    waiting = [pending.message for pending in queue.outbox.due(now=queue.now(), limit=100)]
    told = [one for one in waiting if one.topic == "edgereel/v1/node/n1/event"]
    assert {(one.qos, one.retain, 50 < one.expiry_s <= 60) for one in told} <= {(1, False, True)}
    return [(body["event_type"], body["id"]) for body in (json.loads(one.payload) for one in told)]


def test_a_job_is_told_of_when_it_is_accepted_and_when_it_ends_and_never_between(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b", events=True))
    now = queue.now()

    def run(job_id: str) -> None:
        queue.put(make_request("a fish", id=job_id), now=now)
        queue.claim(lease_s=60, now=now, choose=lambda _: ModeChoice(requested="auto", effective=Mode.LITE))

    run("a")
    queue.put(make_request("a fish", id="a"), now=now)  # a repeat
    queue.release("a", now=now)  # it gave way
    run("a")
    queue.finish("a", {"url": "u", "seconds": 2.0, "sha256": "s"}, now=now)
    run("b")
    queue.fail("b", EdgereelError("no"), now=now)
    queue.put(make_request("a fish", id="c"), now=now)
    queue.cancel("c", now=now)
    queue.refuse("d", RequestError("no"), now=now)
    queue.put(make_request("a fish", id="e"), now=now, expires_at=now - 1)
    queue.claim(lease_s=60, now=now, choose=lambda _: None)
    queue.sharing.tell_again(now=now, since=0.0)

    assert events(queue) == [
        ("accepted", "a"), ("done", "a"), ("accepted", "b"), ("failed", "b"), ("accepted", "c"), ("cancelled", "c"),
        ("rejected", "d"), ("accepted", "e"), ("failed", "e"),
    ]  # fmt: skip
    queue.close()


def test_without_home_assistant_no_moment_is_written(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "q.sqlite", origin=Origin(node="n1", boot="b"))
    queue.put(make_request("a fish", id="a"), now=queue.now())
    queue.refuse("d", RequestError("no"), now=queue.now())

    assert events(queue) == []
    queue.close()
