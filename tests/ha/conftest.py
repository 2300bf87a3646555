"""Home Assistant itself, in this process, and beside it a real broker and a real board in an environment of its own.

Home Assistant reaches the broker over its own MQTT client and a socket, as in a house. EDGEREEL_PYTHON is the Python
that the board runs with.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.mqtt.const import DOMAIN
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.boards import Board
from tests.mosquitto import Listener, Mosquitto

NODE = "kitchen"
Wait = Callable[..., Awaitable[None]]


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Home Assistant's MQTT client and `expire_after` leave timers, which this plugin would call a fault."""
    return True


@pytest.fixture
def server(socket_enabled: None, tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "mosquitto")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def seen(server: Mosquitto) -> Iterator[Listener]:
    with server.listen("edgereel/v1/#", "homeassistant/#") as listener:
        yield listener


@pytest.fixture
def board(tmp_path: Path, server: Mosquitto) -> Iterator[Board]:
    """The real daemon with the real engine and the tiny pack."""
    board = make_board(tmp_path, server)
    board.start()
    yield board
    board.end()
    print(board.log.read_text())


def make_board(tmp_path: Path, server: Mosquitto, *values: str, node: str = NODE) -> Board:
    """The same, not started, with further settings."""
    board = Board(tmp_path / "board", server, *values, node=node)
    board.command[0] = os.environ["EDGEREEL_PYTHON"]
    return board


@pytest.fixture
async def home(hass: HomeAssistant, server: Mosquitto, tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """Home Assistant with its MQTT integration at the broker, as it is set up by default, with MQTT 5."""
    (tmp_path / "configuration.yaml").touch()
    hass.config.config_dir = str(tmp_path)
    entry = MockConfigEntry(domain=DOMAIN, data={"broker": "127.0.0.1", "port": server.port, "protocol": "5"})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield hass
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.fixture
def until(hass: HomeAssistant) -> Wait:
    """`await until(lambda: ...)`: let Home Assistant work until it is true."""

    async def wait(is_true: Callable[[], Any], *, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_true():
            known = {state.entity_id: state.state for state in hass.states.async_all()}
            assert time.monotonic() < deadline, f"not true in {timeout_s:g} s; {known}"
            await asyncio.sleep(0.05)
        await hass.async_block_till_done()

    return wait
