"""A mode that does not fit is not entered; what a board has seen counts more than what a manifest says."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.manifest import LlmManifest, VideoManifest
from edge.memory_plan import Needs, best_that_fits, estimate_mib
from edge.mode import Mode
from edge.models import free_mib
from edge.packs import find_llm_pack, find_video_pack, shipped_root
from tests.boards import DATA, tiny_settings
from tests.test_pressure import write


@pytest.fixture(scope="module")
def video() -> VideoManifest:
    return find_video_pack("tinypack", roots=[DATA]).manifest


@pytest.fixture(scope="module")
def llm() -> LlmManifest:
    return find_llm_pack("qwen3-0.6b", roots=[shipped_root()]).manifest


@pytest.fixture
def needs(tmp_path: Path, video: VideoManifest, llm: LlmManifest) -> Needs:
    return Needs(tmp_path, video=video, llm=llm, small_board=True)


def test_a_language_model_needs_at_least_its_file(video: VideoManifest, llm: LlmManifest) -> None:
    thinking = estimate_mib(Mode.THINK.row, video=video, llm=llm)
    assert thinking > llm.files[llm.file].bytes / 2**20
    assert thinking > estimate_mib(Mode.DIRECT.row, video=video, llm=llm) > video.anonymous_mib


def test_the_best_mode_that_fits_is_taken_and_the_reason_has_the_figures(needs: Needs) -> None:
    free = needs.mib(Mode.DIRECT) + 1

    mode, reason = best_that_fits(Mode.THINK, needs, free_mib=free)

    assert mode is Mode.DIRECT
    assert reason == f"memory: think needs {needs.mib(Mode.THINK):.0f} MiB, {free:.0f} are free"


def test_where_all_fits_nothing_changes(needs: Needs) -> None:
    assert best_that_fits(Mode.THINK, needs, free_mib=4000) == (Mode.THINK, "")
    assert best_that_fits(Mode.LITE, needs, free_mib=4000) == (Mode.LITE, "")


def test_where_nothing_fits_the_board_pauses(needs: Needs) -> None:
    mode, reason = best_that_fits(Mode.LITE, needs, free_mib=5)
    assert mode is Mode.PAUSED
    assert "lite needs" in reason and "5 are free" in reason


def test_what_a_job_really_held_is_what_the_next_one_is_expected_to(needs: Needs) -> None:
    before = needs.mib(Mode.DIRECT)
    needs.learn(Mode.NO_THINK, 321.0)

    assert needs.mib(Mode.THINK) == needs.mib(Mode.NO_THINK) == 321.0
    assert needs.mib(Mode.DIRECT) == before


def test_one_small_job_does_not_make_the_board_careless(needs: Needs) -> None:
    needs.learn(Mode.DIRECT, 200.0)
    needs.learn(Mode.DIRECT, 50.0)
    assert 190 < needs.mib(Mode.DIRECT) <= 200

    needs.learn(Mode.DIRECT, 250.0)
    assert needs.mib(Mode.DIRECT) == 250.0


def test_other_models_start_from_their_own_estimate(tmp_path: Path, needs: Needs, video: VideoManifest) -> None:
    needs.learn(Mode.DIRECT, 999.0)
    assert Needs(tmp_path, video=video, llm=None, small_board=True).mib(Mode.DIRECT) < 999


def test_a_damaged_note_counts_as_none(tmp_path: Path, needs: Needs) -> None:
    before = needs.mib(Mode.DIRECT)
    needs.learn(Mode.DIRECT, 500.0)
    next(tmp_path.rglob("*.json")).write_text("[rubbish")

    assert needs.mib(Mode.DIRECT) == before


def test_a_folder_that_cannot_be_written_stops_nothing(video: VideoManifest) -> None:
    Needs(Path("/proc/nowhere"), video=video, llm=None, small_board=True).learn(Mode.DIRECT, 100.0)


def test_what_a_process_holds_already_counts_as_free_for_its_next_job_and_nothing_else_does(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 1024000 kB\nMemAvailable: 204800 kB\n")
    settings = tiny_settings(tmp_path, "engine.reserve_mib=50")

    assert free_mib(settings, root=tmp_path) == 150
    assert free_mib(settings, root=tmp_path, held_mib=80) == 230
