"""Cancels that came before their request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.schema import open_database, transaction
from edge.tombstones import MAX_TOMBSTONES, TOMBSTONE_S, Tombstones


@pytest.fixture
def tombstones(tmp_path: Path) -> Iterator[Tombstones]:
    with closing(open_database(tmp_path / "q.sqlite")) as db, transaction(db):
        yield Tombstones(db)


def test_a_cancel_is_remembered_for_an_hour_and_no_longer(tombstones: Tombstones) -> None:
    tombstones.bury("a", now=0)
    tombstones.bury("b", now=0)
    assert tombstones.take("a", now=TOMBSTONE_S - 1)
    assert not tombstones.take("b", now=TOMBSTONE_S)
    assert not tombstones.take("never", now=0)


def test_it_is_asked_once(tombstones: Tombstones) -> None:
    tombstones.bury("a", now=0)
    assert [tombstones.take("a", now=1), tombstones.take("a", now=1)] == [True, False]


def test_a_second_cancel_begins_the_hour_anew(tombstones: Tombstones) -> None:
    tombstones.bury("a", now=0)
    tombstones.bury("a", now=TOMBSTONE_S / 2)
    assert tombstones.take("a", now=TOMBSTONE_S + 1)


def test_when_there_are_too_many_the_oldest_are_forgotten(tombstones: Tombstones) -> None:
    for number in range(MAX_TOMBSTONES + 2):
        tombstones.bury(f"x{number}", now=number / 1000)
    assert not tombstones.take("x0", now=10)
    assert not tombstones.take("x1", now=10)
    assert tombstones.take("x2", now=10)
    assert tombstones.take(f"x{MAX_TOMBSTONES + 1}", now=10)
