"""Queues that earlier versions wrote, opened by this one. tests/data/queues holds what each schema's last version left:
a finished, a broken, a running, a waiting and a cancelled job, with all that was still to be sent."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.schema import MIGRATIONS, migrate, open_database
from edge.wire import Origin
from tests.conftest import DATA
from tests.queues import ask, claim, state, waiting

WRITTEN = {int(path.stem.removeprefix("schema-")): path for path in sorted((DATA / "queues").glob("schema-*.sql"))}
NUMBERS = sorted(WRITTEN)


@pytest.fixture(params=NUMBERS, ids=[f"schema-{number}" for number in NUMBERS])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database file as the last version with that schema left it."""
    path = tmp_path / "n1.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(WRITTEN[request.param].read_text(encoding="utf-8"))
        assert db.execute("SELECT max(number) FROM migration").fetchone() == (request.param,)
    return path


def tables(db: sqlite3.Connection) -> dict[str, str]:
    """Every table and index, by name, with its columns."""
    rows = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {name: re.sub(r"\s+|\"", "", sql) for name, sql in rows}


def test_there_is_a_queue_of_every_earlier_schema() -> None:
    assert set(range(1, len(MIGRATIONS))) <= set(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_migration_that_boards_have_run_is_never_changed(number: int, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "then")) as then, closing(sqlite3.connect(tmp_path / "now")) as now:
        then.executescript(WRITTEN[number].read_text(encoding="utf-8"))
        now.isolation_level = None
        migrate(now, MIGRATIONS[:number])
        assert tables(then) == tables(now)


def test_an_old_queue_becomes_what_a_new_one_is(old: Path, tmp_path: Path) -> None:
    with closing(open_database(old)) as grown, closing(open_database(tmp_path / "new.sqlite")) as new:
        assert tables(grown) == tables(new)


def test_every_job_and_every_message_of_an_old_queue_is_kept(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db:
        sent = db.execute("SELECT topic, payload, retain, correlation FROM outbox ORDER BY seq").fetchall()
    with closing(JobQueue(old, origin=Origin(node="n1", boot="b2"))) as queue:
        states = {job.id: job.state for job in queue.jobs()}
        kept = [(p.message.topic, p.message.payload, p.message.retain, p.message.correlation) for p in waiting(queue)]

    assert states == {
        "finished": JobState.DONE, "broken": JobState.FAILED, "running": JobState.RUNNING,
        "waiting": JobState.QUEUED, "cancelled": JobState.CANCELLED,
    }  # fmt: skip
    assert len(sent) > 10
    assert kept == [(topic, payload, bool(retain), correlation) for topic, payload, retain, correlation in sent]


def test_an_old_queue_goes_on(old: Path) -> None:
    with closing(JobQueue(old, origin=Origin(node="n1", boot="b2"))) as queue:
        assert [job.id for job in queue.recover(now=10.0)] == ["running"]
        ran = []
        while job := claim(queue, now=11.0):
            ran.append((job.id, job.reply.correlation if job.reply else None))
            queue.finish(job.id, {"clip": {"sha256": "f00"}}, now=12.0)
        assert ran == [("running", None), ("waiting", b"\x00\xff42")]
        queue.put(ask("waiting"), now=13.0)  # a repeat, of a request that an old version wrote down
        assert (state(queue, "waiting"), len(queue.jobs())) == (JobState.DONE, 5)
