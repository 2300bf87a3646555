"""The pipeline: one request, its events, its result; the same seed twice; stops in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import Cancelled, ModelError, OutputError, Preempted
from edge.manifest import LlmManifest, VideoManifest, file_sha256
from edge.mode import Mode
from edge.models import Models, choose_mode, has_weights
from edge.packs import Pack, find_llm_pack, shipped_root
from edge.pipeline import Event, Finished, Progress, expand, run, seed_of
from edge.request import Request, make_request
from edge.result import Result
from edge.stop import Stop

PROMPT = "a red balloon rises over snowy mountains"
PHASES = ["expand", "text", "denoise", "decode", "encode"]


@pytest.fixture
def models(tinypack: Pack[VideoManifest], tmp_path: Path) -> Models:
    """The tiny video pack alone."""
    return Models(video=tinypack, llm=None, threads=1, small_board=True, cache=tmp_path / "cache")


def start(
    request: Request, models: Models, out: Path, *, mode: Mode = Mode.LITE, stop: Stop | None = None
) -> Iterator[Event]:
    """The events of one run."""
    return run(request, mode=mode, reason="", models=models, out=out, poster=None, stop=stop or Stop())


def finish(events: Iterator[Event]) -> tuple[list[Progress], Result]:
    """Every progress, and the result."""
    *steps, last = events
    assert isinstance(last, Finished)
    return [step for step in steps if isinstance(step, Progress)], last.result


def test_a_request_becomes_a_clip_that_the_result_describes(models: Models, tmp_path: Path) -> None:
    _, result = finish(start(make_request(PROMPT, seed=7, mode="lite"), models, tmp_path / "clip.mp4"))

    assert result.state == "done"
    assert result.seed == 7
    assert result.plan.shots[0].slots["subject"] == "balloon"
    assert result.clip.sha256 == file_sha256(tmp_path / "clip.mp4")
    assert (result.clip.width, result.clip.height, result.clip.fps, result.clip.frames) == (848, 480, 24, 48)
    assert result.models == {"tinypack": {name: file.sha256 for name, file in models.video.manifest.files.items()}}


def test_the_times_of_the_phases_add_up_to_no_more_than_the_whole(models: Models, tmp_path: Path) -> None:
    _, result = finish(start(make_request(PROMPT), models, tmp_path / "clip.mp4"))

    parts = {name: seconds for name, seconds in result.timings_s.items() if name != "total"}
    assert {"expand", "text", "denoise", "decode", "encode"} <= set(parts)
    assert all(seconds >= 0 for seconds in parts.values())
    assert sum(parts.values()) <= result.timings_s["total"] + 0.05


def test_progress_never_falls_and_passes_every_phase_in_order(models: Models, tmp_path: Path) -> None:
    steps: list[Progress] = []
    request, out = make_request(PROMPT), tmp_path / "clip.mp4"
    events = run(
        request, mode=Mode.LITE, reason="", models=models, out=out, poster=None, stop=Stop(), watch=steps.append
    )
    steps.extend(event for event in events if isinstance(event, Progress))

    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(step.phase for step in steps)) == PHASES


def test_the_same_seed_gives_the_same_file_and_another_seed_another(models: Models, tmp_path: Path) -> None:
    shas = []
    for number, seed in enumerate((7, 7, 8)):
        _, result = finish(start(make_request(PROMPT, seed=seed), models, tmp_path / f"{number}.mp4"))
        shas.append(result.clip.sha256)

    assert shas[0] == shas[1] != shas[2]


def test_a_job_that_names_no_seed_gets_the_same_one_at_every_try() -> None:
    first, second = make_request(PROMPT, id="one"), make_request(PROMPT, id="two")

    assert seed_of(first) == seed_of(make_request(PROMPT, id="one"))
    assert seed_of(first) != seed_of(second)


@pytest.mark.parametrize(("reason", "error"), [("cancel", Cancelled), ("preempt", Preempted)])
def test_a_stop_in_the_middle_ends_the_job_and_leaves_no_file(
    reason: str, error: type[Exception], models: Models, tmp_path: Path
) -> None:
    stop = Stop()
    events = start(make_request(PROMPT), models, tmp_path / "clip.mp4", stop=stop)
    while (event := next(events)) and not (isinstance(event, Progress) and event.phase == "decode"):
        pass
    stop.request("cancel" if reason == "cancel" else "preempt")

    with pytest.raises(error):
        list(events)
    assert list(tmp_path.glob("*.mp4")) + list(tmp_path.glob(".*.part")) == []


def test_a_stop_before_the_start_does_no_work(models: Models, tmp_path: Path) -> None:
    stop = Stop()
    stop.request("cancel")

    with pytest.raises(Cancelled):
        list(start(make_request(PROMPT), models, tmp_path / "clip.mp4", stop=stop))


def test_after_a_stop_the_next_request_is_served(models: Models, tmp_path: Path) -> None:
    events = start(make_request(PROMPT), models, tmp_path / "clip.mp4")
    next(events)
    events.close()  # type: ignore[attr-defined]

    _, result = finish(start(make_request(PROMPT), models, tmp_path / "clip.mp4"))
    assert result.state == "done"


def test_a_place_that_cannot_be_written_is_refused_before_any_model_is_opened(models: Models) -> None:
    events = start(make_request(PROMPT), models, Path("/proc/clip.mp4"))

    with pytest.raises(OutputError):
        next(events)


def test_a_mode_that_needs_a_language_model_says_how_to_get_one(models: Models, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="needs a language model") as caught:
        list(start(make_request(PROMPT), models, tmp_path / "clip.mp4", mode=Mode.THINK))
    assert "models pull" in caught.value.hint


def test_auto_takes_the_best_mode_that_the_models_allow() -> None:
    assert choose_mode("auto", has_llm=True) == (Mode.NO_THINK, "")
    assert choose_mode("auto", has_llm=False) == (Mode.DIRECT, "no language model is here")
    assert choose_mode("think", has_llm=False) == (Mode.THINK, "")


def test_a_shipped_manifest_without_weights_counts_as_not_here() -> None:
    pack = find_llm_pack("qwen3-0.6b", roots=[shipped_root()])

    assert not has_weights(pack)


@pytest.mark.parametrize("prompt", ["红色气球升空", "a red balloon rises"])
def test_with_the_language_model_both_languages_keep_what_was_said(
    prompt: str, models: Models, smollm: Pack[LlmManifest], tmp_path: Path
) -> None:
    with_llm = Models(video=models.video, llm=smollm, threads=1, small_board=True, cache=tmp_path / "cache")
    watched: list[Progress] = []
    watch: Callable[[Progress], None] = watched.append
    plan = expand(make_request(prompt), mode=Mode.NO_THINK, models=with_llm, seed=7, stop=Stop(), watch=watch)

    slots = plan.shots[0].slots
    assert (slots["subject"], slots["colour"], slots["motion"]) == ("balloon", "red", "rise")
    assert all(step.phase == "expand" and 0 <= step.fraction <= 0.3 for step in watched)
