"""Near clips, and the index that they are found in: real files, really scanned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.jobqueue import JobQueue
from edge.library import Known, Library
from edge.mode import Mode
from edge.vectors import HEAD_BYTES
from edge.video.nearest import nearest
from tests.libraries import DIMS, direction, found, keep, open_library, places
from tests.queues import opened


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with opened(tmp_path) as queue:
        open_library(queue, tmp_path)
        yield queue


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
