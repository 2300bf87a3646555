"""The automations of docs/home-assistant.md, as they stand there: Home Assistant takes them, and the board does them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_mock_service

from tests.boards import Board
from tests.ha.conftest import NODE, Wait, make_board
from tests.mosquitto import Listener, Mosquitto, free_port

DOCS = Path(__file__).resolve().parents[2] / "docs/home-assistant.md"
REQ = f"edgereel/v1/node/{NODE}/req"


def written() -> dict[str, dict[str, Any]]:
    """Every automation of the page, by its alias."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return {block["alias"]: block for block in map(yaml.safe_load, blocks)}


async def automate(home: HomeAssistant, *, entities: int) -> None:
    """Set up all automations of the page; `entities` is how many there are."""
    assert await async_setup_component(home, "automation", {"automation": list(written().values())})
    await home.async_block_till_done()
    states = [state.state for state in home.states.async_all("automation")]
    assert states == ["on"] * entities


def prompts(seen: Listener) -> list[dict[str, Any]]:
    return [json.loads(one["payload"]) for one in seen.messages() if one["topic"] == REQ]


async def test_a_doorbell_rain_and_a_birthday_each_become_a_clip(
    home: HomeAssistant, board: Board, seen: Listener, until: Wait
) -> None:
    await automate(home, entities=4)
    await until(lambda: getattr(home.states.get(f"binary_sensor.edgereel_{NODE}_problem"), "state", "") == "off")

    home.states.async_set("binary_sensor.front_door_bell", "off")
    home.states.async_set("binary_sensor.front_door_bell", "on")
    await until(lambda: len(prompts(seen)) == 1)
    bell = prompts(seen)[0]
    assert (bell["mode"], bell["id"][:5], "star" in bell["prompt"]) == ("direct", "bell-", True)

    home.states.async_set("weather.home", "sunny")
    home.states.async_set("weather.home", "rainy")
    await until(lambda: len(prompts(seen)) == 2)
    assert prompts(seen)[1]["prompt"].startswith("rain falls")

    home.states.async_set("calendar.birthdays", "off")
    birthday = {"entity_id": "automation.a_clip_for_a_birthday", "skip_condition": False}
    await home.services.async_call("automation", "trigger", birthday, blocking=True)
    home.states.async_set("calendar.birthdays", "on", {"message": "Ada's birthday"})
    await home.services.async_call("automation", "trigger", birthday, blocking=True)
    await until(lambda: len(prompts(seen)) == 3)
    assert prompts(seen)[2]["prompt"].endswith("confetti, for Ada's birthday")

    ids = [one["id"] for one in prompts(seen)]
    await until(lambda: all("done" in [state["state"] for state in seen.states(one)] for one in ids), timeout_s=180)


async def test_a_finished_clip_is_played_and_its_picture_fetched_from_the_board(
    home: HomeAssistant, server: Mosquitto, tmp_path: Path, until: Wait
) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    port = free_port()
    values = (f"http.port={port}", f"http.url=http://127.0.0.1:{port}", f"http.token_file={token}")
    board = make_board(tmp_path, server, *values)
    board.start()
    try:
        await automate(home, entities=4)
        calls = async_mock_service(home, "media_player", "play_media")
        picture = f"image.edgereel_{NODE}_last_clip"
        await until(lambda: getattr(home.states.get(picture), "state", "unavailable") != "unavailable")
        server.publish(REQ, json.dumps({"id": "p", "prompt": "two blue fish", "mode": "lite", "seconds": 0.5}))
        await until(lambda: calls, timeout_s=60)
        assert calls[0].data["media_content_id"] == f"http://127.0.0.1:{port}/c/p.mp4"
        await until(lambda: home.states.get(picture).state != "unknown")
        found = await home.data["image"].get_entity(picture).async_image()
        assert found == (board.folder / "clips/p.jpg").read_bytes()
    finally:
        board.end()
        print(board.log.read_text())
