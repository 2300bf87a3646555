"""Migrations of the queue's database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.errors import ResourceError
from edge.schema import MIGRATIONS, migrate, open_database, transaction


def test_a_new_database_is_brought_to_the_newest_schema_once(tmp_path: Path) -> None:
    open_database(tmp_path / "q.sqlite").close()
    db = open_database(tmp_path / "q.sqlite")
    numbers = [row["number"] for row in db.execute("SELECT number FROM migration ORDER BY number")]
    assert numbers == list(range(1, len(MIGRATIONS) + 1))


def test_a_later_migration_is_added_to_an_old_database(tmp_path: Path) -> None:
    db = open_database(tmp_path / "q.sqlite")
    migrate(db, (*MIGRATIONS, ("ALTER TABLE job ADD COLUMN extra TEXT",)))
    assert "extra" in {row["name"] for row in db.execute("PRAGMA table_info(job)")}


def test_a_migration_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    db = open_database(tmp_path / "q.sqlite")
    with pytest.raises(sqlite3.Error):
        migrate(db, (*MIGRATIONS, ("CREATE TABLE half (x)", "this is not SQL")))
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone()[0] == 0
    assert db.execute("SELECT max(number) FROM migration").fetchone()[0] == len(MIGRATIONS)


def test_a_database_of_a_newer_edgereel_is_refused(tmp_path: Path) -> None:
    db = open_database(tmp_path / "q.sqlite")
    db.execute("INSERT INTO migration (number) VALUES (99)")
    db.close()
    with pytest.raises(ResourceError, match="newer edgereel"):
        open_database(tmp_path / "q.sqlite")


def test_a_file_that_is_no_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "q.sqlite").write_text("not a database" * 100)
    with pytest.raises(ResourceError, match="paths.state"):
        open_database(tmp_path / "q.sqlite")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot be opened"):
        open_database(tmp_path / "file" / "q.sqlite")


def test_the_database_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    db = open_database(tmp_path / "q.sqlite")
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_transaction_is_undone_by_an_exception(tmp_path: Path) -> None:
    db = open_database(tmp_path / "q.sqlite")
    with pytest.raises(RuntimeError), transaction(db):
        db.execute("INSERT INTO tombstone VALUES ('x', 1)")
        raise RuntimeError
    assert db.execute("SELECT count(*) FROM tombstone").fetchone()[0] == 0
