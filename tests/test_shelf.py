"""What is kept on the disk, and what goes first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.sections import Clips
from edge.shelf import DAY_S, MIB, KeptClip, free_mib, kept_clips, remove_clips, remove_strays, to_remove

NOW = 1_800_000_000.0
ROOMY = 10_000.0
LIMITS = Clips(max_mib=10, max_days=90, reserve_mib=64)


def clip(job_id: str, *, mib: float = 1, days: float = 1, delivered: bool = True) -> KeptClip:
    return KeptClip(job_id=job_id, bytes=int(mib * MIB), age_s=days * DAY_S, delivered=delivered)


def gone(*kept: KeptClip, free_mib: float | None = ROOMY) -> list[str]:
    return to_remove(kept, limits=LIMITS, free_mib=free_mib)


def lay(folder: Path, name: str, *, size: int = 10, age_s: float = 0) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


def test_nothing_goes_while_there_is_room() -> None:
    assert gone(clip("a", days=89), clip("b", mib=9, delivered=False)) == []
    assert gone() == []


def test_past_the_size_the_oldest_delivered_goes_first() -> None:
    kept = [clip("new", mib=4), clip("old", mib=4, days=3), clip("older", mib=4, days=9, delivered=False)]

    assert gone(*kept) == ["old"]


def test_undelivered_clips_go_when_the_delivered_were_not_enough() -> None:
    kept = [clip("d", mib=1), clip("u1", mib=6, days=2, delivered=False), clip("u2", mib=6, days=1, delivered=False)]

    assert gone(*kept) == ["d", "u1"]


def test_exactly_at_the_limit_nothing_goes() -> None:
    assert gone(clip("a", mib=5), clip("b", mib=5)) == []
    assert gone(clip("a", mib=5, days=2), clip("b", mib=5.1)) == ["a"]


def test_what_is_too_old_goes_delivered_or_not() -> None:
    kept = [clip("u", days=91, delivered=False), clip("d", days=90.1), clip("kept", days=90, delivered=False)]

    assert gone(*kept) == ["d", "u"]


def test_what_went_for_its_age_makes_room_for_the_others() -> None:
    assert gone(clip("ancient", mib=9, days=100), clip("a", mib=9)) == ["ancient"]


def test_a_full_disk_takes_delivered_clips_down_to_the_reserve_and_no_further() -> None:
    kept = [clip("a", mib=3, days=3), clip("b", mib=3, days=2), clip("c", mib=3, days=1)]

    assert gone(*kept, free_mib=60) == ["a", "b"]
    assert gone(*kept, free_mib=64) == []


def test_a_full_disk_never_takes_what_was_not_delivered() -> None:
    kept = [clip("u", mib=3, days=9, delivered=False), clip("d", mib=3)]

    assert gone(*kept, free_mib=0) == ["d"]


def test_a_disk_that_cannot_be_asked_takes_nothing() -> None:
    assert gone(clip("a"), free_mib=None) == []


def test_what_lies_in_the_folder_is_told_with_its_size_and_age(tmp_path: Path) -> None:
    lay(tmp_path, "a.mp4", size=100, age_s=50)
    lay(tmp_path, "a.jpg", size=7, age_s=40)
    lay(tmp_path, "b.mp4", age_s=-1000)
    for other in ("notes.txt", ".a.mp4.part", "bad name.mp4", "x.y.mp4"):
        lay(tmp_path, other)
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()

    kept = kept_clips(tmp_path, now=NOW, delivered=lambda job_id: job_id == "a")

    assert sorted(kept, key=lambda clip: clip.job_id) == [
        KeptClip(job_id="a", bytes=107, age_s=40, delivered=True),
        KeptClip(job_id="b", bytes=10, age_s=0, delivered=False),
    ]


def test_names_of_one_file_are_one_clip_that_counts_once_and_is_delivered_when_all_are(tmp_path: Path) -> None:
    for ending in (".mp4", ".jpg"):
        first = lay(tmp_path, f"b{ending}", size=50, age_s=30)
        for other in ("a", "c"):
            (tmp_path / f"{other}{ending}").hardlink_to(first)
    kept = kept_clips(tmp_path, now=NOW, delivered=lambda job_id: job_id != "c")
    assert kept == [KeptClip(job_id="a", bytes=100, age_s=30, delivered=False, repeats=("b", "c"))]


def test_all_names_of_a_clip_go_at_once() -> None:
    twice = KeptClip(job_id="a", bytes=6 * MIB, age_s=2 * DAY_S, delivered=True, repeats=("b",))
    assert gone(twice, clip("new", mib=6)) == ["a", "b"]
    old = KeptClip(job_id="a", bytes=6 * MIB, age_s=91 * DAY_S, delivered=True, repeats=("b",))
    assert gone(old) == ["a", "b"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert kept_clips(tmp_path / "none", now=NOW, delivered=lambda _: True) == []
    assert remove_strays(tmp_path / "none", now=NOW) == 0


def test_a_clip_goes_with_its_poster_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.jpg", "ab.mp4", "b.mp4", ".a.mp4.part"):
        lay(tmp_path, name)

    assert remove_clips(tmp_path, job_ids=["a", "b", "never-there"]) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.mp4.part", "ab.mp4"]


@pytest.mark.parametrize("job_id", ["../a", "", ".", "a/../../a", "*", "a\n"])
def test_an_id_that_is_none_removes_nothing(tmp_path: Path, job_id: str) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    kept = {lay(tmp_path, "a.mp4"), lay(folder, "a.mp4")}

    assert remove_clips(folder, job_ids=[job_id]) == 0
    assert all(path.exists() for path in kept)


def test_what_cannot_be_removed_is_said_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.mp4").mkdir()
    lay(tmp_path, "a.jpg")

    assert remove_clips(tmp_path, job_ids=["a"]) == 1
    assert "a.mp4 cannot be removed" in caplog.text


def test_strays_go_after_an_hour_and_growing_files_stay(tmp_path: Path) -> None:
    lay(tmp_path, ".a.mp4.part", age_s=3601)
    lay(tmp_path, ".a.jpg.part", age_s=3601)
    for name, age_s in ((".b.mp4.part", 3599), ("c.mp4", 9999), (".hidden", 9999), ("d.part", 9999)):
        lay(tmp_path, name, age_s=age_s)

    assert remove_strays(tmp_path, now=NOW) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.mp4.part", ".hidden", "c.mp4", "d.part"]


def test_free_room_is_a_number_or_unknown(tmp_path: Path) -> None:
    room = free_mib(tmp_path)

    assert room is not None and room > 0
    assert free_mib(tmp_path / "none") is None
