"""What `edgereel serve` says of itself, and the mode that somebody sets: over a real broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.boards import Board
from tests.mosquitto import Listener, Mosquitto
from tests.test_daemon import REQ, ended, online, request


def test_a_mode_set_over_mqtt_holds_until_it_is_set_free(fake_board: Board, server: Mosquitto, seen: Listener) -> None:
    def modes() -> list[tuple[str, str]]:
        told = [json.loads(m["payload"]) for m in seen.messages() if m["topic"].endswith("/n1/mode")]
        return [(body["requested"], body["effective"]) for body in told]

    online(seen)
    server.publish("edgereel/v1/node/n1/mode/set", "lite")
    seen.wait(lambda _: modes()[-1:] == [("lite", "lite")])
    server.publish(REQ, request("a", mode="direct"))
    seen.wait(lambda _: ended(seen, "a") == ["done"])
    done = seen.states("a")[-1]
    assert (done["effective_mode"], done["degraded_because"], done["mode_path"]) == ("lite", "set over MQTT", "lite")

    fake_board.terminate()
    fake_board.start()
    online(seen, 2)
    assert modes()[-1] == ("lite", "lite")
    server.publish("edgereel/v1/node/n1/mode/set", "auto")
    seen.wait(lambda _: modes()[-1] == ("auto", "think"))


def test_the_load_message_says_what_the_board_has_and_what_the_last_job_took(
    real_board: Board, server: Mosquitto, seen: Listener
) -> None:
    def loads() -> list[dict[str, Any]]:
        return [json.loads(m["payload"]) for m in seen.messages() if m["topic"].endswith("/n1/load")]

    online(seen)
    server.publish(REQ, request("a"))
    seen.wait(lambda _: any(load.get("last") for load in loads()), timeout_s=60)
    load = loads()[-1]
    assert load["last"]["id"] == "a" and load["last"]["ms_per_step"] > 0 and load["last"]["mode_path"] == "lite"
    assert load["last"]["weights_locked_mib"] == load["last"]["weights_wanted_mib"] > 0
    assert load["engine"]["held_mib"] > load["engine"]["locked_mib"] >= 0
    assert set(load["psi"]) == {"memory", "cpu", "io"}
    assert load["mode"] == "think" and load["accepting"]


def test_a_job_that_fits_in_no_mode_waits_and_the_board_says_why(
    tmp_path: Path, server: Mosquitto, seen: Listener
) -> None:
    board = Board(tmp_path, server, fake=True)
    board.command += ["engine.reserve_mib=100000000"]
    board.start()
    try:
        online(seen)
        server.publish(REQ, request("a"))
        seen.wait(lambda m: m["topic"].endswith("/n1/load") and "lite needs" in str(m["body"].get("waiting")))
        assert [state["state"] for state in seen.states("a")] == ["accepted"]
    finally:
        board.end()
