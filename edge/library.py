"""The clips that can answer another request: kept in the queue's database with their plans, found by words, plan or likeness.

A clip is here as long as its file is. An answer that was given again is a file of its own name, which the file system
keeps as one with the first; both go together.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from edge.hot import HotPrompts
from edge.job import Job, JobState
from edge.jobtable import JobTable, json_text
from edge.mode import Mode
from edge.vectors import VectorFile, similarity
from edge.whole_file import output_error, sync_folder, whole_file

ENDINGS = (".mp4", ".jpg")
MAX_TEXTS = 20_000
ENOUGH = 8  # candidates of which the files are looked for

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A clip that is there: the job it was made for, its result, and how it answers another request."""

    job_id: str
    mode: Mode
    result: dict[str, Any]
    how: Literal["same", "near"] = "same"
    similarity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A new clip, as it is kept: `plain` says that it may stand in for another plan, `vector` may be empty."""

    job_id: str
    text_key: str
    plan_key: str
    mode: Mode
    plain: bool
    vector: bytes
    result: dict[str, Any]


class Library:
    """All verbs may be called from any thread. Until `open` it only reads and keeps lists."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._clips = Path()
        self._vectors: VectorFile | None = None
        self.hot = HotPrompts(table)

    def open(self, *, clips: Path, vectors: VectorFile) -> None:
        """Use this folder and this file; the file is written anew where it does not match the database."""
        self._clips, self._vectors = clips, vectors
        with self._table.commit():
            db = self._table.db
            db.execute("UPDATE clip SET place = NULL WHERE recipe != ?", (vectors.recipe,))
            rows = db.execute(
                "SELECT seq FROM clip WHERE recipe = ? AND plain AND length(vector) = ? ORDER BY place IS NULL, place, seq",
                (vectors.recipe, vectors.dims),
            ).fetchall()
            placed = db.execute("SELECT count(place), ifnull(max(place) + 1, 0) FROM clip").fetchone()
            if tuple(placed) != (len(rows), len(rows)):  # dense again, the pack may be another one
                db.execute("UPDATE clip SET place = NULL")
                db.executemany(
                    "UPDATE clip SET place = ? WHERE seq = ?", [(place, row["seq"]) for place, row in enumerate(rows)]
                )
        self.check()

    def check(self) -> None:
        """Compare the file of vectors with the database, and write it anew where they differ."""
        if self._vectors is None:
            return
        with self._table.lock:
            try:
                if not self._vectors.holds(self._stored()):
                    (count,) = self._table.db.execute("SELECT count(place) FROM clip").fetchone()
                    self._vectors.write(self._stored())
                    if count:
                        log.warning("The library's index was not whole and is written anew: %d clips.", count)
            except OSError as exc:
                log.warning("The library's index cannot be written: %s. Near clips are not found.", exc.strerror)

    def add(self, entry: Entry) -> None:
        """Keep a clip; its file is there under its job's name."""
        with self._table.commit():
            self._drop([entry.job_id])
            db = self._table.db
            recipe = self._vectors.recipe if self._vectors else ""
            place = None
            if self._vectors and entry.plain and len(entry.vector) == self._vectors.dims:
                (place,) = db.execute("SELECT count(place) FROM clip").fetchone()
            db.execute(
                "INSERT INTO clip (job_id, plan_key, mode, mode_rank, plain, recipe, vector, place, result)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (entry.job_id, entry.plan_key, entry.mode, entry.mode.rank, entry.plain, recipe, entry.vector, place,
                 json_text(entry.result)),
            )  # fmt: skip
            self._say(entry.text_key, entry.job_id)
            self._put(place, entry.vector)

    def also_says(self, text_key: str, job_id: str) -> None:
        """Remember that these words mean a clip that is there."""
        with self._table.commit():
            self._say(text_key, job_id)

    def by_text(self, key: str, *, worst: Mode) -> Known | None:
        """A clip of these words, made in a mode no cheaper than `worst`; the best one, of those the newest."""
        return self._first("JOIN clip_text ON clip_text.clip = clip.job_id WHERE clip_text.key = ?", (key,), worst)

    def by_plan(self, key: str, *, worst: Mode) -> Known | None:
        """The same for clips of this plan."""
        return self._first("WHERE plan_key = ?", (key,), worst)

    def near(
        self, found: Iterable[tuple[int, float]], vector: bytes, *, least: float, worst: Mode, seconds: float | None
    ) -> Known | None:
        """Of the places that were `found` in the file, the nearest clip to `vector` that is at least so near.

        How near it is, is told by the database: a damaged file can hide a clip, but not bring a wrong one. With
        `seconds` only a clip of this length will do.
        """
        best: Known | None = None
        found, believed = list(found), True
        for place, told in found:
            with self._table.lock:
                row = self._table.db.execute("SELECT * FROM clip WHERE place = ?", (place,)).fetchone()
            alike = similarity(vector, row["vector"]) if row and len(row["vector"]) == len(vector) else -1.0
            believed &= abs(alike - told) < 1e-3
            if row is None or alike < max(least, best.similarity if best else 0.0) or row["mode_rank"] > worst.rank:
                continue
            known = _known(row)
            right = seconds is None or abs(known.result["clip"]["seconds"] - seconds) < 0.05
            if right and self._is_here(known.job_id):
                best = Known(job_id=known.job_id, mode=known.mode, result=known.result, how="near", similarity=alike)
        if not believed or not found:
            self.check()
        return best

    def lend(self, known: Known, job_id: str) -> dict[str, Any]:
        """Give the clip a second name, that of another job; returns its result as that job's.

        Raises OutputError when that cannot be done; then nothing has changed.
        """
        clip = dict(known.result["clip"])
        try:
            for ending, name in zip(ENDINGS, ("path", "poster"), strict=True):
                source, target = (self._clips / f"{one}{ending}" for one in (known.job_id, job_id))
                if ending == ".mp4" or source.is_file():
                    _lend(source, target)
                if clip.get(name):
                    clip[name] = str(target)
            sync_folder(self._clips)
        except OSError as exc:
            raise output_error(self._clips / f"{job_id}.mp4", exc) from exc
        reused = {"from": known.job_id, "how": known.how, "similarity": round(known.similarity, 4)}
        return known.result | {"clip": clip, "reused": reused}

    def answer(self, job: Job, known: Known, result: dict[str, Any], *, now: float, reason: str, inline: str) -> bool:
        """End a job that waits or runs with a clip that is there; False when it has ended meanwhile, or shall end."""
        with self._table.commit():
            row = self._table.row(job.id)
            if row is None or row["state"] != job.state or row["cancel_asked"]:
                return False
            self._table.db.execute("INSERT OR REPLACE INTO clip_repeat VALUES (?, ?)", (job.id, known.job_id))
            self._table.change(
                job.id, now=now, inline=inline, state=JobState.DONE, mode=known.mode, reason=reason,
                outcome=json_text(result),
            )  # fmt: skip
        return True

    def forget(self, job_ids: Iterable[str]) -> None:
        """These clips are gone."""
        with self._table.commit():
            self._drop(job_ids)

    def tidy(self, here: Iterable[str]) -> list[str]:
        """Forget clips whose file is gone, given the jobs whose clips are `here`; returns names that need not be kept.

        Those are the names of repeats whose job nobody remembers: their clip has its first name too.
        """
        there = set(here)
        with self._table.lock:
            rows = self._table.db.execute("SELECT job_id FROM clip").fetchall()
            forgotten = self._table.db.execute(
                "SELECT job_id FROM clip_repeat WHERE job_id NOT IN (SELECT id FROM job)"
            ).fetchall()
        known = [row["job_id"] for row in rows]
        if lost := [job_id for job_id in known if job_id not in there and not self._is_here(job_id)]:
            self.forget(lost)
        return [row["job_id"] for row in forgotten]

    def count(self) -> int:
        """How many clips are known."""
        with self._table.lock:
            (count,) = self._table.db.execute("SELECT count(*) FROM clip").fetchone()
        return int(count)

    def _first(self, where: str, parameters: Sequence[str], worst: Mode) -> Known | None:
        with self._table.lock:
            rows = self._table.db.execute(
                f"SELECT clip.* FROM clip {where} AND mode_rank <= ? ORDER BY mode_rank, seq DESC LIMIT ?",  # noqa: S608 - ours
                (*parameters, worst.rank, ENOUGH),
            ).fetchall()
        return next((known for known in map(_known, rows) if self._is_here(known.job_id)), None)

    def _say(self, key: str, job_id: str) -> None:
        self._table.db.execute("INSERT OR REPLACE INTO clip_text VALUES (?, ?)", (key, job_id))
        self._table.db.execute(
            "DELETE FROM clip_text WHERE rowid <= (SELECT max(rowid) FROM clip_text) - ?", (MAX_TEXTS,)
        )

    def _drop(self, job_ids: Iterable[str]) -> None:
        db, gone = self._table.db, [(job_id,) for job_id in job_ids]
        places = [row["place"] for one in gone for row in db.execute("SELECT place FROM clip WHERE job_id = ?", one)]
        for statement in ("FROM clip WHERE job_id", "FROM clip_text WHERE clip", "FROM clip_repeat WHERE job_id"):
            db.executemany(f"DELETE {statement} = ?", gone)
        for place in sorted((place for place in places if place is not None), reverse=True):
            self._close_gap(place)

    def _close_gap(self, place: int) -> None:
        """Move the last vector to a place that became free, so that the file has no holes."""
        row = self._table.db.execute(
            "SELECT * FROM clip WHERE place IS NOT NULL ORDER BY place DESC LIMIT 1"
        ).fetchone()
        count = max(row["place"] + 1 if row else 0, place + 1) - 1
        if row and row["place"] > place:
            self._table.db.execute("UPDATE clip SET place = ? WHERE seq = ?", (place, row["seq"]))
            self._put(place, row["vector"])
        try:
            if self._vectors:
                self._vectors.cut(count)
        except OSError as exc:
            log.info("The library's index is cut later: %s.", exc.strerror)

    def _put(self, place: int | None, vector: bytes) -> None:
        try:
            if self._vectors and place is not None:
                self._vectors.put(place, vector)
        except OSError as exc:
            log.info("A clip is put into the library's index later: %s.", exc.strerror)

    def _stored(self) -> Iterator[bytes]:
        rows = self._table.db.execute("SELECT vector FROM clip WHERE place IS NOT NULL ORDER BY place")
        return (row["vector"] for row in rows)

    def _is_here(self, job_id: str) -> bool:
        return (self._clips / f"{job_id}.mp4").is_file()


def _known(row: sqlite3.Row) -> Known:
    return Known(job_id=row["job_id"], mode=Mode(row["mode"]), result=msgspec.json.decode(row["result"]))


def _lend(source: Path, target: Path) -> None:
    """One file under two names where the file system can do that, else a copy."""
    own = target.with_name(f".lent-{secrets.token_hex(8)}{target.suffix}.part")  # the engine may be writing this clip
    try:
        own.hardlink_to(source)
    except OSError:
        with whole_file(target, part=own) as part:
            shutil.copyfile(source, part)
    else:
        own.replace(target)
        own.unlink(missing_ok=True)  # where it was a name of this file already
    source.touch()  # it was asked for: it is as young as its repeat, and is kept as long
