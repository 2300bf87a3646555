"""What Home Assistant makes of a real board: every entity appears, follows its state, commands, and goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from homeassistant.components.image.const import DATA_COMPONENT
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry, entity_registry

from tests.boards import Board
from tests.ha.conftest import NODE, Wait, make_board
from tests.mosquitto import Listener, Mosquitto

NAMES = {
    "notify": ["make_a_clip"],
    "event": ["clip"],
    "image": ["last_clip"],
    "select": ["best_mode_allowed"],
    "sensor": [
        "mode_in_force", "clips_waiting", "last_clip_took", "memory_available", "temperature", "memory_pressure",
        "last_error",
    ],
    "binary_sensor": ["problem"],
    "button": ["cancel_all_clips", "drain", "resume"],
    "update": ["version"],
}  # fmt: skip
ENTITIES = sorted(f"{platform}.edgereel_{NODE}_{name}" for platform, names in NAMES.items() for name in names)
LONG = 'a "red" balloon rises\nover mountains ' + "and over the sea " * 40


def entity(name: str) -> str:
    """The one entity that ends with this name."""
    (found,) = [one for one in ENTITIES if one.endswith(f"_{NODE}_{name}")]
    return found


def present(home: HomeAssistant) -> list[str]:
    """Every entity of the board that Home Assistant has now."""
    return sorted(one for one in home.states.async_entity_ids() if f"edgereel_{NODE}" in one)


def state(home: HomeAssistant, name: str) -> str:
    found = home.states.get(entity(name))
    return found.state if found else "absent"


def sent(seen: Listener, leaf: str) -> list[dict[str, Any]]:
    """What was sent to a topic of the board, with its QoS."""
    return [message for message in seen.messages() if message["topic"] == f"edgereel/v1/node/{NODE}/{leaf}"]


def happened(home: HomeAssistant) -> list[str]:
    """What the event entity tells from now on: the list grows. Two may come so close that its state shows the last."""
    kinds: list[str] = []

    @callback
    def hear(event: Event[EventStateChangedData]) -> None:
        after = event.data["new_state"]
        kind = after.attributes.get("event_type") if after and event.data["entity_id"] == entity("clip") else None
        if kind:
            kinds.append(kind)

    home.bus.async_listen("state_changed", hear)
    return kinds


async def press(home: HomeAssistant, name: str) -> None:
    await home.services.async_call("button", "press", {"entity_id": entity(name)}, blocking=True)


async def say(home: HomeAssistant, message: str) -> None:
    target = {"entity_id": entity("make_a_clip"), "message": message}
    await home.services.async_call("notify", "send_message", target, blocking=True)


async def test_every_entity_appears_is_available_and_is_not_when_the_board_dies(
    home: HomeAssistant, board: Board, until: Wait
) -> None:
    await until(lambda: present(home) == ENTITIES)
    await until(lambda: state(home, "memory_available").isdigit() and state(home, "mode_in_force") == "think")
    assert [one for one in ENTITIES if home.states.get(one).state == "unavailable"] == []
    (device,) = device_registry.async_get(home).devices.values()
    assert (device.name, device.manufacturer, device.identifiers) == (
        f"edgereel {NODE}", "edgereel", {("mqtt", f"edgereel_{NODE}")},
    )  # fmt: skip
    assert device.sw_version == home.states.get(entity("version")).attributes["installed_version"]
    assert state(home, "version") == state(home, "problem") == "off"
    assert "restart the service" in home.states.get(entity("version")).attributes["release_summary"]
    board.kill()
    await until(lambda: {home.states.get(one).state for one in ENTITIES} == {"unavailable"})
    board.start()
    await until(lambda: [one for one in ENTITIES if home.states.get(one).state == "unavailable"] == [])


async def test_a_prompt_by_notify_becomes_a_clip_and_every_state_follows(
    home: HomeAssistant, board: Board, seen: Listener, until: Wait
) -> None:
    kinds = happened(home)
    await until(lambda: state(home, "clips_waiting") == "0")
    await say(home, LONG)
    await until(lambda: "done" in kinds, timeout_s=120)
    (request,) = sent(seen, "req")
    assert (request["qos"], request["retain"]) == (1, 0)
    body = json.loads(request["payload"])
    assert (body["prompt"], body["v"]) == (LONG, 1)
    assert kinds == ["accepted", "done"]
    event = home.states.get(entity("clip")).attributes
    assert (event["id"], event["seconds"] > 0) == (body["id"], True)
    await until(lambda: state(home, "last_clip_took") not in ("unknown", "unavailable"))
    assert 0 < float(state(home, "last_clip_took")) < 120
    await until(lambda: state(home, "last_clip") not in ("unknown", "unavailable"))
    picture = home.data[DATA_COMPONENT].get_entity(entity("last_clip"))
    assert picture.content_type == "image/jpeg"
    assert await picture.async_image() == (board.folder / f"clips/{body['id']}.jpg").read_bytes()
    await say(home, "two blue fish")
    await until(lambda: kinds.count("done") == 2, timeout_s=120)
    assert len({json.loads(one["payload"])["id"] for one in sent(seen, "req")}) == 2


async def test_a_clip_that_fails_is_told_and_why(
    home: HomeAssistant, board: Board, server: Mosquitto, until: Wait
) -> None:
    kinds = happened(home)
    await until(lambda: state(home, "last_error") == "none")
    server.publish(f"edgereel/v1/node/{NODE}/req", json.dumps({"id": "x", "prompt": "a fish", "image": "job:none"}))
    await until(lambda: "failed" in kinds, timeout_s=60)
    await until(lambda: "none" in state(home, "last_error") and state(home, "last_error") != "none")
    assert home.states.get(entity("last_error")).attributes["id"] == "x"
    server.publish(f"edgereel/v1/node/{NODE}/req", '{"prompt":""}')
    await until(lambda: "rejected" in kinds)


async def test_the_mode_is_set_and_followed(home: HomeAssistant, board: Board, seen: Listener, until: Wait) -> None:
    await until(lambda: state(home, "best_mode_allowed") == "auto")
    for wish in ("lite", "paused", "auto"):
        choice = {"entity_id": entity("best_mode_allowed"), "option": wish}
        await home.services.async_call("select", "select_option", choice, blocking=True)
        await until(lambda wish=wish: state(home, "best_mode_allowed") == wish)
        effective = "think" if wish == "auto" else wish
        await until(lambda effective=effective: state(home, "mode_in_force") == effective)
        assert home.states.get(entity("best_mode_allowed")).attributes["effective"] == effective
        await until(lambda wish=wish: state(home, "problem") == ("on" if wish == "paused" else "off"))
    assert [(one["payload"], one["qos"]) for one in sent(seen, "mode/set")] == [("lite", 1), ("paused", 1), ("auto", 1)]


async def test_every_button_sends_its_word_and_cancel_cancels(
    home: HomeAssistant, board: Board, seen: Listener, until: Wait
) -> None:
    kinds = happened(home)
    await until(lambda: state(home, "clips_waiting") == "0")
    await say(home, "two blue fish")
    for _ in range(3):
        await say(home, "a red balloon")
    await until(lambda: int(state(home, "clips_waiting")) > 1)
    await press(home, "cancel_all_clips")
    await until(lambda: "cancelled" in kinds)
    await until(lambda: state(home, "clips_waiting") == "0")
    await press(home, "drain")
    await until(lambda: "Told to drain" in board.log.read_text())
    await press(home, "resume")
    await until(lambda: "Told to resume" in board.log.read_text())
    words = [(one["payload"], one["qos"]) for one in sent(seen, "cmd") if one["payload"] != "probe"]
    assert words == [("cancel_all", 1), ("drain", 1), ("resume", 1)]


async def test_the_field_of_text_comes_when_it_is_wanted_sends_and_goes(
    home: HomeAssistant, server: Mosquitto, seen: Listener, tmp_path: Path, until: Wait
) -> None:
    text = f"text.edgereel_{NODE}_prompt"
    board = make_board(tmp_path, server, "home_assistant.text=true")
    board.start()
    try:
        await until(lambda: present(home) == sorted([*ENTITIES, text]))
        await until(lambda: home.states.get(text).state != "unavailable")
        await home.services.async_call("text", "set_value", {"entity_id": text, "value": "a fish"}, blocking=True)
        await until(lambda: sent(seen, "req"))
        assert json.loads(sent(seen, "req")[0]["payload"])["prompt"] == "a fish"
        board.terminate()
        board = make_board(tmp_path, server)
        board.start()
        await until(lambda: present(home) == ENTITIES)
        assert entity_registry.async_get(home).async_get(text) is None
        await until(lambda: state(home, "clips_waiting").isdigit())
    finally:
        board.end()


async def test_a_board_that_is_not_to_be_seen_any_more_is_gone_with_nothing_left(
    home: HomeAssistant, board: Board, server: Mosquitto, tmp_path: Path, until: Wait
) -> None:
    await until(lambda: present(home) == ENTITIES)
    board.terminate()
    other = make_board(tmp_path, server, "home_assistant.discovery=false")
    other.start()
    try:
        await until(lambda: present(home) == [])
        assert len(device_registry.async_get(home).devices) == 0
        with server.listen("homeassistant/#") as late:
            assert [one for one in late.messages() if one["topic"].endswith("config")] == []
    finally:
        other.end()


async def test_a_board_with_another_id_takes_the_place_of_the_old_one(
    home: HomeAssistant, board: Board, server: Mosquitto, tmp_path: Path, until: Wait
) -> None:
    await until(lambda: present(home) == ENTITIES)
    board.terminate()
    other = make_board(tmp_path, server, node="hall")
    other.start()
    try:
        await until(lambda: present(home) == [] and home.states.get("notify.edgereel_hall_make_a_clip"))
        assert [one.name for one in device_registry.async_get(home).devices.values()] == ["edgereel hall"]
    finally:
        other.end()


async def test_home_assistant_that_starts_later_or_again_has_the_board(
    board: Board, seen: Listener, home: HomeAssistant, until: Wait
) -> None:
    def told() -> int:
        return sum(one["topic"] == f"homeassistant/device/{NODE}/config" for one in seen.messages())

    await until(lambda: present(home) == ENTITIES and told() >= 1)
    before = told()
    (entry,) = home.config_entries.async_entries("mqtt")
    assert await home.config_entries.async_reload(entry.entry_id)
    await until(lambda: present(home) == ENTITIES)
    await until(lambda: told() > before, timeout_s=20)
