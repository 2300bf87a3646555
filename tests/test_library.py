"""The clip library: a real database and real files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import OutputError
from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.keeper import Keeper
from edge.mode import Mode
from edge.vectors import HEAD_BYTES
from tests.boards import tiny_settings
from tests.libraries import answered, found, keep, open_library
from tests.queues import ask, claim, open_queue, opened, state, told


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        open_library(queue, tmp_path)
        yield queue


def test_a_clip_is_found_by_its_words_and_by_its_plan(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    assert found(queue.library.by_text("words", worst=Mode.PAUSED)) == "a"
    assert found(queue.library.by_plan("plan", worst=Mode.PAUSED)) == "a"
    assert queue.library.by_text("other", worst=Mode.PAUSED) is None
    assert queue.library.by_plan("other", worst=Mode.PAUSED) is None


def test_the_best_is_given_of_those_the_newest_and_none_that_is_cheaper_than_asked(
    queue: JobQueue, tmp_path: Path
) -> None:
    for job_id, mode in (("spare", Mode.SPARE), ("old", Mode.DIRECT), ("new", Mode.DIRECT), ("lite", Mode.LITE)):
        keep(tmp_path, queue.library, job_id, mode=mode)
    assert found(queue.library.by_text("words", worst=Mode.PAUSED)) == "new"
    assert found(queue.library.by_text("words", worst=Mode.DIRECT)) == "new"
    assert queue.library.by_text("words", worst=Mode.NO_THINK) is None


def test_a_clip_whose_file_somebody_removed_is_not_given(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "old")
    keep(tmp_path, queue.library, "new")
    (tmp_path / "clips/new.mp4").unlink()
    assert found(queue.library.by_text("words", worst=Mode.PAUSED)) == "old"


def test_other_words_can_be_remembered_for_a_clip(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    queue.library.also_says("more", "a")
    assert found(queue.library.by_text("more", worst=Mode.PAUSED)) == "a"


def test_an_answer_is_a_job_of_its_own_with_a_file_of_its_own_name(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    assert known
    result = answered(queue, known, "b")
    assert result["reused"] == {"from": "a", "how": "same", "similarity": 1.0}
    assert [Path(result["clip"][name]).name for name in ("path", "poster")] == ["b.mp4", "b.jpg"]
    assert (tmp_path / "clips/b.mp4").samefile(tmp_path / "clips/a.mp4")
    assert [body["state"] for body in told(queue, "b/state")] == ["accepted", "done"]
    assert state(queue, "b") is JobState.DONE
    assert list((tmp_path / "clips").glob(".*")) == []


def test_a_job_that_was_cancelled_meanwhile_stays_so(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    job = queue.put(ask("b"), now=1)
    queue.cancel("b", now=1)
    assert known
    assert not queue.library.answer(job, known, {}, now=2, reason="", inline="")
    assert state(queue, "b") is JobState.CANCELLED


def test_a_running_job_that_shall_be_cancelled_is_not_answered(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    queue.put(ask("b"), now=1)
    job = claim(queue)
    queue.cancel("b", now=1)
    assert known and job
    assert not queue.library.answer(job, known, {}, now=2, reason="", inline="")


def test_on_a_disk_that_cannot_give_two_names_the_clip_is_copied(
    queue: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", cannot)
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    assert known
    answered(queue, known, "b")
    assert (tmp_path / "clips/b.mp4").read_text() == "a"
    assert not (tmp_path / "clips/b.mp4").samefile(tmp_path / "clips/a.mp4")


def test_what_cannot_be_lent_is_an_error_that_changes_nothing(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    (tmp_path / "clips/a.mp4").unlink()
    assert known
    with pytest.raises(OutputError):
        queue.library.lend(known, "b")
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["a.jpg"]


def keeper(folder: Path, queue: JobQueue, *values: str) -> Keeper:
    return Keeper(tiny_settings(folder, *values), queue)


def test_a_clip_that_was_given_again_is_kept_as_long_as_its_repeat(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    old = tmp_path / "clips/a.mp4"
    os.utime(old, (1, 1))
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    assert known
    answered(queue, known, "b")
    keeper(tmp_path, queue).look()
    assert old.exists() and (tmp_path / "clips/b.mp4").exists()


def test_all_names_of_a_clip_go_together_and_nothing_points_at_them_then(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    assert known
    answered(queue, known, "b")
    for name in ("a.mp4", "a.jpg"):
        os.utime(tmp_path / "clips" / name, (1, 1))
    keeper(tmp_path, queue).look()
    assert list((tmp_path / "clips").iterdir()) == []
    assert queue.library.count() == 0
    assert queue.library.by_text("words", worst=Mode.PAUSED) is None
    assert (tmp_path / "v").stat().st_size == HEAD_BYTES


def test_what_somebody_removed_by_hand_is_forgotten(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    keep(tmp_path, queue.library, "b")
    (tmp_path / "clips/a.mp4").unlink()
    (tmp_path / "clips/a.jpg").unlink()
    keeper(tmp_path, queue).look()
    assert queue.library.count() == 1


def test_a_folder_that_shows_nothing_makes_nobody_forget(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    (tmp_path / "clips").rename(tmp_path / "away")
    (tmp_path / "clips").mkdir()
    keeper(tmp_path, queue).look()
    assert queue.library.count() == 1


def test_the_name_of_a_repeat_goes_with_the_memory_of_its_job(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    known = queue.library.by_text("words", worst=Mode.PAUSED)
    assert known
    answered(queue, known, "b")
    queue._table.db.execute("DELETE FROM job WHERE id = 'b'")
    keeper(tmp_path, queue).look()
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["a.jpg", "a.mp4"]


def test_a_queue_without_a_library_still_answers_nothing(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    assert queue.library.by_text("words", worst=Mode.PAUSED) is None
    queue.close()
