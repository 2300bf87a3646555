"""The queue's database: numbered migrations, recorded in the database itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import ResourceError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE job (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            body_hash TEXT NOT NULL,
            request TEXT NOT NULL,
            state TEXT NOT NULL,
            rev INTEGER NOT NULL DEFAULT 1,
            crashes INTEGER NOT NULL DEFAULT 0,
            mode_cap TEXT,
            cancel_asked INTEGER NOT NULL DEFAULT 0,
            mode TEXT,
            reason TEXT NOT NULL DEFAULT '',
            outcome TEXT,
            reply_topic TEXT,
            reply_correlation BLOB,
            lease_until REAL NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX job_by_state ON job (state, seq)",
        """CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            topic TEXT NOT NULL,
            payload BLOB NOT NULL,
            retain INTEGER NOT NULL,
            correlation BLOB,
            expires_at REAL NOT NULL,
            retry_at REAL NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE TABLE tombstone (id TEXT PRIMARY KEY, expires_at REAL NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE job ADD COLUMN mode_path TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE job ADD COLUMN started_at REAL NOT NULL DEFAULT 0",
        """CREATE TABLE run (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL,
            mode TEXT NOT NULL,
            mode_path TEXT NOT NULL,
            ended TEXT NOT NULL,
            at REAL NOT NULL,
            seconds REAL NOT NULL,
            figures TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX run_by_mode ON run (mode, ended, seq)",
        "CREATE TABLE wish (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE job ADD COLUMN pool TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE job ADD COLUMN expires_at REAL",
        "ALTER TABLE job ADD COLUMN restored INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE job ADD COLUMN told INTEGER NOT NULL DEFAULT 1",  # its state is retained at the broker
        "ALTER TABLE outbox ADD COLUMN response_topic TEXT",
        "ALTER TABLE outbox ADD COLUMN handover INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX outbox_by_topic ON outbox (topic)",
    ),
    (
        "ALTER TABLE job RENAME COLUMN restored TO clear",
        "UPDATE job SET clear = 0",  # every start asks anew about all that waits
        """CREATE TABLE clip (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL UNIQUE,
            plan_key TEXT NOT NULL,
            mode TEXT NOT NULL,
            mode_rank INTEGER NOT NULL,
            plain INTEGER NOT NULL,
            recipe TEXT NOT NULL,
            vector BLOB NOT NULL,
            place INTEGER UNIQUE,
            result TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX clip_by_plan ON clip (plan_key)",
        """CREATE TABLE clip_text (
            key TEXT NOT NULL,
            clip TEXT NOT NULL,
            PRIMARY KEY (key, clip)
        ) STRICT""",
        "CREATE INDEX clip_text_by_clip ON clip_text (clip)",
        "CREATE TABLE clip_repeat (job_id TEXT PRIMARY KEY, clip TEXT NOT NULL) STRICT",
        """CREATE TABLE hot_prompt (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            prompt TEXT NOT NULL,
            mode TEXT NOT NULL,
            seconds REAL,
            state TEXT NOT NULL DEFAULT 'waiting',
            key TEXT NOT NULL DEFAULT '',
            clip TEXT NOT NULL DEFAULT '',
            crashes INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE UNIQUE INDEX hot_prompt_once ON hot_prompt (prompt, mode, ifnull(seconds, 0))",
    ),
)

CACHE_KIB = 512  # a quarter of what SQLite takes by itself: the parent of the daemon stays small


def open_database(path: Path) -> sqlite3.Connection:
    """Open (or make) the database, bring it up to date, and set it to survive a power cut at any moment.

    The connection is in autocommit mode and may be handed between threads that share a lock.
    Raises ResourceError when the file cannot be opened, is not a database, or comes from a newer edgereel.
    """
    db = open_file(path)
    try:
        migrate(db, MIGRATIONS)
    except sqlite3.Error as exc:
        raise _unusable(path, exc) from exc
    return db


def open_file(path: Path) -> sqlite3.Connection:
    """As open_database, without any tables. Raises ResourceError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except (OSError, sqlite3.Error) as exc:
        raise _unusable(path, exc) from exc
    return db


def migrate(db: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...]) -> None:
    """Apply the migrations that the database has not seen, each in its own transaction.

    Raises ResourceError when the database has seen more than there are.
    """
    db.execute(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, applied_at TEXT DEFAULT CURRENT_TIMESTAMP)"
    )
    (seen,) = db.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    if seen > len(migrations):
        raise ResourceError(
            f"The queue was written by a newer edgereel (schema {seen}, this one knows {len(migrations)}).",
            hint="Install the newer version again, or point paths.state at another folder.",
        )
    for number in range(seen + 1, len(migrations) + 1):
        with transaction(db):
            for statement in migrations[number - 1]:
                db.execute(statement)
            db.execute("INSERT INTO migration (number) VALUES (?)", (number,))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when anything is raised."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _unusable(path: Path, exc: Exception) -> ResourceError:
    return ResourceError(
        f"The queue {path} cannot be opened: {exc}.",
        hint="Check that paths.state is a writable folder with free space; a damaged file may be moved away.",
    )
