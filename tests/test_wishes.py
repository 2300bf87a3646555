"""What somebody set for a board over MQTT."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.queues import opened, rows


def test_nobody_has_wished_anything_at_first(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        assert (queue.wishes.mode, queue.wishes.drained) == ("auto", False)


def test_wishes_are_kept_over_a_restart_until_they_are_taken_back(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        queue.wishes.set_mode("lite")
        queue.wishes.drain(drained=True)
        assert (queue.wishes.mode, queue.wishes.drained) == ("lite", True)
    with opened(tmp_path) as queue:
        assert (queue.wishes.mode, queue.wishes.drained) == ("lite", True)
        queue.wishes.set_mode("auto")
        queue.wishes.drain(drained=False)
    with opened(tmp_path) as queue:
        assert (queue.wishes.mode, queue.wishes.drained) == ("auto", False)


def test_a_wish_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        for mode in ("lite", "spare", "direct") * 5:
            queue.wishes.set_mode(mode)
    assert rows(tmp_path, "SELECT name, value FROM wish") == [("mode", "direct")]


def test_a_wish_wakes_who_waits_for_a_change(tmp_path: Path) -> None:
    woken = threading.Event()
    with opened(tmp_path) as queue:
        queue.watch(woken)
        queue.wishes.drain(drained=True)
    assert woken.is_set()
