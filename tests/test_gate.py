"""Whether a board takes work from its pools: pure steps, no clock but the one that is given."""

from __future__ import annotations

import pytest

from edge.gate import Gate, step
from edge.sections import Fleet

FLEET = Fleet(pools=("p",), high=4, low=1, calm_s=30)
OPEN = Gate(is_open=True, reason="")


def look(gate: Gate, *, depth: int = 0, closed_by: str = "", now: float = 0.0, spread: float = 0.0) -> Gate:
    return step(gate, depth=depth, closed_by=closed_by, now=now, fleet=FLEET, spread=spread)


def closed(*, now: float = 0.0) -> Gate:
    """A gate that four jobs have shut."""
    return look(OPEN, depth=4, now=now)


@pytest.mark.parametrize(("depth", "is_open"), [(0, True), (1, True), (3, True), (4, False), (9, False)])
def test_at_the_start_nothing_is_waited_for_unless_there_is_enough_to_do(depth: int, *, is_open: bool) -> None:
    assert look(Gate(), depth=depth).is_open is is_open


@pytest.mark.parametrize(("depth", "is_open"), [(0, True), (2, True), (3, True), (4, False), (5, False)])
def test_an_open_gate_shuts_at_once_at_the_high_mark_and_not_below(depth: int, *, is_open: bool) -> None:
    assert look(OPEN, depth=depth).is_open is is_open


def test_it_says_why_it_is_shut_and_nothing_when_it_is_open() -> None:
    assert closed().reason == "4 jobs wait or run here"
    assert look(OPEN, closed_by="the disk is full", depth=9).reason == "the disk is full"
    assert look(Gate(), depth=0).reason == ""


def test_any_other_reason_shuts_an_empty_board_too() -> None:
    assert not look(OPEN, closed_by="drained").is_open
    assert not look(Gate(), closed_by="drained").is_open


def test_it_opens_after_a_calm_time_and_not_before() -> None:
    gate = look(closed(), depth=1, now=100)
    assert not gate.is_open
    gate = look(gate, depth=0, now=129.9)
    assert not gate.is_open
    assert look(gate, depth=1, now=130).is_open


def test_between_the_marks_it_neither_opens_nor_counts_as_calm() -> None:
    gate = look(closed(), depth=2, now=0)
    assert not look(gate, depth=2, now=1000).is_open
    gate = look(look(gate, depth=1, now=1000), depth=2, now=1020)
    gate = look(gate, depth=1, now=1025)  # what was calm before does not count
    assert not look(gate, depth=1, now=1040).is_open
    assert look(gate, depth=1, now=1055).is_open


def test_a_new_reason_begins_the_calm_time_anew() -> None:
    gate = look(closed(), depth=0, now=0)
    gate = look(gate, closed_by="heat", now=29)
    gate = look(gate, depth=0, now=30)
    assert not look(gate, depth=0, now=59).is_open
    assert look(gate, depth=0, now=60).is_open


def test_a_board_that_was_unfit_at_its_start_waits_for_calm_too() -> None:
    gate = look(Gate(), closed_by="paused", now=0)
    gate = look(gate, depth=0, now=1)
    assert not gate.is_open
    assert look(gate, depth=0, now=31).is_open


@pytest.mark.parametrize(("spread", "wait_s"), [(-1.0, 22.5), (0.0, 30.0), (1.0, 37.5)])
def test_boards_come_back_one_after_the_other(spread: float, wait_s: float) -> None:
    gate = look(closed(), depth=0, now=0, spread=spread)
    assert not look(gate, depth=0, now=wait_s - 0.1, spread=spread).is_open
    assert look(gate, depth=0, now=wait_s, spread=spread).is_open


def test_it_does_not_flap_around_one_mark() -> None:
    gate, changes = OPEN, 0
    for second in range(200):
        after = look(gate, depth=4 if second % 2 else 3, now=float(second))
        changes += after.is_open is not gate.is_open
        gate = after
    assert (gate.is_open, changes) == (False, 1)
