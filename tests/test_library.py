"""The clip library: a real database, real files, a real index that is scanned."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.errors import OutputError
from edge.job import JobState
from edge.jobqueue import JobQueue
from edge.keeper import Keeper
from edge.library import Entry, Known, Library
from edge.mode import Mode
from edge.vectors import HEAD_BYTES, LENGTH, MIDDLE, VectorFile
from edge.video.nearest import nearest
from tests.boards import tiny_settings
from tests.queues import ask, claim, open_queue, opened, state, told

DIMS = 16
RECIPE = "1-16-pack"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        open_library(queue, tmp_path)
        yield queue


def open_library(queue: JobQueue, folder: Path, recipe: str = RECIPE) -> Library:
    (folder / "clips").mkdir(exist_ok=True)
    queue.library.open(clips=folder / "clips", vectors=VectorFile(folder / "v", recipe=recipe, dims=DIMS))
    return queue.library


def direction(*parts: float) -> bytes:
    """A unit vector as it is kept."""
    whole = [*parts, *([0.0] * (DIMS - len(parts)))]
    length = sum(part**2 for part in whole) ** 0.5
    return bytes(round(part / length * 0.6 * LENGTH) + MIDDLE for part in whole)


def keep(folder: Path, library: Library, job_id: str, **fields: Any) -> Entry:
    """A clip with its files."""
    clip = {"path": str(folder / "clips" / f"{job_id}.mp4"), "poster": str(folder / "clips" / f"{job_id}.jpg"),
            "seconds": 2.0, "bytes": 4}  # fmt: skip
    for path in (clip["path"], clip["poster"]):
        Path(str(path)).write_text(job_id)
    entry = Entry(**{
        "job_id": job_id, "text_key": "words", "plan_key": "plan", "mode": Mode.DIRECT, "plain": True,
        "vector": direction(1), "result": {"clip": clip, "sha256": "f00", "plan": {"caption": "A fish."}}, **fields,
    })  # fmt: skip
    library.add(entry)
    return entry


def places(folder: Path, vector: bytes) -> list[tuple[int, float]]:
    return nearest(vector, file=folder / "v", recipe=RECIPE)


def found(known: Known | None) -> str | None:
    return known.job_id if known else None


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


def answered(queue: JobQueue, known: Known, job_id: str) -> dict[str, Any]:
    job = queue.put(ask(job_id), now=1)
    result = queue.library.lend(known, job_id)
    assert queue.library.answer(job, known, result, now=2, reason="", inline="")
    return result


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


def near(library: Library, folder: Path, vector: bytes, **limits: Any) -> Known | None:
    wanted = {"least": 0.9, "worst": Mode.DIRECT, "seconds": None, **limits}
    return library.near(places(folder, vector), vector, **wanted)


def test_the_nearest_clip_is_found_when_it_is_near_enough(queue: JobQueue, tmp_path: Path) -> None:
    for job_id, vector in {"x": direction(1), "y": direction(0, 1), "xy": direction(1, 0.2)}.items():
        keep(tmp_path, queue.library, job_id, vector=vector)
    known = near(queue.library, tmp_path, direction(1, 0.25))
    assert known and (known.job_id, known.how) == ("xy", "near")
    assert near(queue.library, tmp_path, direction(0, 0, 1)) is None


def test_a_clip_that_is_worse_of_another_length_or_gone_is_not_near(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "a")
    assert found(near(queue.library, tmp_path, direction(1), seconds=2.0)) == "a"
    assert near(queue.library, tmp_path, direction(1), seconds=3.0) is None
    assert near(queue.library, tmp_path, direction(1), worst=Mode.THINK) is None
    (tmp_path / "clips/a.mp4").unlink()
    assert near(queue.library, tmp_path, direction(1)) is None


def test_one_with_a_picture_or_path_is_never_near_to_anything(queue: JobQueue, tmp_path: Path) -> None:
    keep(tmp_path, queue.library, "photo", plain=False)
    assert places(tmp_path, direction(1)) == []


def test_the_index_has_no_holes_whatever_goes(queue: JobQueue, tmp_path: Path) -> None:
    vectors = {f"j{number}": direction(1, number / 10) for number in range(7)}
    for job_id, vector in vectors.items():
        keep(tmp_path, queue.library, job_id, vector=vector)
    queue.library.forget(["j6", "j0", "j3", "never"])
    assert (tmp_path / "v").stat().st_size == HEAD_BYTES + 4 * DIMS
    for job_id in ("j1", "j2", "j4", "j5"):
        assert found(near(queue.library, tmp_path, vectors[job_id], least=0.999)) == job_id
    queue.library.forget(["j1", "j2", "j4", "j5"])
    assert (queue.library.count(), places(tmp_path, direction(1))) == (0, [])


@pytest.mark.parametrize("damage", ["gone", "short", "longer", "wrong", "empty", "alien"])
def test_a_damaged_index_is_written_anew_from_the_database(
    queue: JobQueue, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        keep(tmp_path, queue.library, f"j{number}", vector=direction(1, number))
    file = tmp_path / "v"
    whole = file.read_bytes()
    broken = {"short": whole[:-5], "longer": whole + b"x", "wrong": whole[:-9] + b"wrong" + whole[-4:], "empty": b"",
              "alien": b"\x00" * len(whole)}  # fmt: skip
    file.unlink() if damage == "gone" else file.write_bytes(broken[damage])
    open_library(queue, tmp_path)
    assert file.read_bytes() == whole
    assert "written anew: 3 clips" in caplog.text


def test_an_index_that_is_damaged_while_in_use_brings_no_wrong_clip_and_is_mended(
    queue: JobQueue, tmp_path: Path
) -> None:
    keep(tmp_path, queue.library, "x")
    keep(tmp_path, queue.library, "y", vector=direction(0, 1))
    file = tmp_path / "v"
    whole = file.read_bytes()
    file.write_bytes(whole[:HEAD_BYTES] + whole[HEAD_BYTES + DIMS :] + whole[HEAD_BYTES : HEAD_BYTES + DIMS])
    assert places(tmp_path, direction(1))[0][0] == 1  # the vectors have changed places
    assert found(near(queue.library, tmp_path, direction(1))) == "x"
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_near_clips_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "v").mkdir()
    with opened(tmp_path) as queue, caplog.at_level(logging.INFO):
        library = open_library(queue, tmp_path)
        keep(tmp_path, library, "a")
        library.forget(["none"])
        assert found(library.by_text("words", worst=Mode.PAUSED)) == "a"
        assert "cannot be" in caplog.text


def test_with_another_pack_the_old_vectors_are_not_compared_and_with_the_old_one_they_are_again(
    queue: JobQueue, tmp_path: Path
) -> None:
    keep(tmp_path, queue.library, "old")
    open_library(queue, tmp_path, recipe="1-16-other")
    keep(tmp_path, queue.library, "new")
    assert places(tmp_path, direction(1)) == []
    assert len(nearest(direction(1), file=tmp_path / "v", recipe="1-16-other")) == 1
    open_library(queue, tmp_path)
    assert found(near(queue.library, tmp_path, direction(1))) == "old"


def test_the_library_is_there_after_a_start(tmp_path: Path) -> None:
    with opened(tmp_path) as queue:
        keep(tmp_path, open_library(queue, tmp_path), "a")
    with opened(tmp_path) as queue:
        assert found(near(open_library(queue, tmp_path), tmp_path, direction(1))) == "a"


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
