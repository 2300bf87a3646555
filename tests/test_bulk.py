"""Many prompts from a file: what counts as one, what the folder remembers, and that a killed run makes none twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest

from edge.bulk import MANIFEST, Manifest, planned, read_manifest, read_prompts
from edge.cli import main
from edge.errors import OutputError, RequestError
from tests.conftest import Cli

PROMPTS = ["a red balloon rises", "two blue fish", "红色气球升空"]
QUICK = ("--mode", "lite", "--seconds", "0.5")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "prompts.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def clips(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.mp4"))


def entries(folder: Path) -> list[dict[str, object]]:
    body: list[dict[str, object]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["clips"]
    return body


def test_every_line_is_a_prompt_but_blank_ones_and_notes(tmp_path: Path) -> None:
    path = written(tmp_path, "# my prompts", "", f"  {PROMPTS[0]}  ", "   # more", PROMPTS[2], "a fish # not a note")

    assert read_prompts(path) == [PROMPTS[0], PROMPTS[2], "a fish # not a note"]


def test_a_file_without_prompts_or_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    for path, reason in (
        (written(tmp_path, "# nothing", ""), "no prompt"),
        (tmp_path / "none.txt", "cannot be read"),
        (tmp_path / "latin.txt", "not UTF-8"),
    ):
        with pytest.raises(RequestError, match=reason):
            read_prompts(path)


def test_a_prompt_keeps_its_file_when_it_is_asked_for_again(tmp_path: Path) -> None:
    keys, manifest = planned(PROMPTS, Manifest(folder=tmp_path), asked={})
    manifest.save()
    again, same = planned(["a new one", *PROMPTS], read_manifest(tmp_path), asked={})

    assert again[1:] == keys
    assert [same.entries[key].file for key in keys] == [manifest.entries[key].file for key in keys]
    assert manifest.entries[keys[2]].file == "03-红色气球升空.mp4"
    assert len(same.entries) == 4


def test_what_is_asked_for_otherwise_or_twice_is_another_clip(tmp_path: Path) -> None:
    keys, manifest = planned(["a fish", "a fish"], Manifest(folder=tmp_path), asked={"fps": 24})
    others, more = planned(["a fish"], manifest, asked={"fps": 12})

    assert len({*keys, *others}) == 3
    assert len({entry.file for entry in more.entries.values()}) == 3


def test_a_file_of_somebody_else_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "01-a-fish.mp4").write_text("mine", encoding="utf-8")
    (key,), manifest = planned(["a fish"], Manifest(folder=tmp_path), asked={})

    assert manifest.entries[key].file == "01-a-fish-2.mp4"


def test_a_clip_is_there_only_when_it_is_done_and_as_large_as_it_was(tmp_path: Path) -> None:
    (key,), manifest = planned(["a fish"], Manifest(folder=tmp_path), asked={})
    entry = replace(manifest.entries[key], state="done", bytes=4)
    (tmp_path / entry.file).write_bytes(b"1234")

    assert entry.is_here(tmp_path)
    assert not replace(entry, state="waiting").is_here(tmp_path)
    assert not replace(entry, bytes=5).is_here(tmp_path)
    assert not replace(entry, file="gone.mp4").is_here(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"v": 2, "clips": []}', '{"v": 1, "clips": [{"key": "x"}]}', "not json",
             '{"v": 1, "clips": [{"key": "x", "prompt": "y", "file": "../../up.mp4"}]}']
)  # fmt: skip
def test_a_list_that_is_none_of_ours_is_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")

    with pytest.raises(OutputError, match="no list of clips"):
        read_manifest(tmp_path)
    assert (tmp_path / MANIFEST).read_text(encoding="utf-8") == text


def test_a_run_leaves_a_clip_for_every_prompt_and_one_table(cli: Cli, board: list[str], tmp_path: Path) -> None:
    written(tmp_path, "# three", *PROMPTS)
    outcome = cli("generate", "-f", "prompts.txt", "--out", "clips", *QUICK, *board)

    assert outcome.code == 0, outcome.err
    assert len(clips(tmp_path / "clips")) == 3
    head, *rows, end = outcome.out.splitlines()
    assert head.split() == ["prompt", "mode", "seconds", "kB", "took", "s", "file"]
    assert [row.startswith(prompt) for row, prompt in zip(rows, PROMPTS, strict=True)] == [True] * 3
    assert end == "3 of 3 clips are in clips"
    assert [entry["state"] for entry in entries(tmp_path / "clips")] == ["done"] * 3


def test_an_error_of_one_prompt_does_not_end_the_run_and_the_exit_code_tells(
    cli: Cli, board: list[str], tmp_path: Path
) -> None:
    written(tmp_path, PROMPTS[0], "x " * 1500, "/think a fish", PROMPTS[1])
    asked = ("generate", "-f", "prompts.txt", "--out", "clips", "--seconds", "0.5", *board)
    outcome = cli(*asked, "--json")

    body = json.loads(outcome.out.splitlines()[-1])
    assert outcome.code == 1
    assert [clip["state"] for clip in body["clips"]] == ["done", "failed", "failed", "done"]
    assert "2000 is the most" in body["clips"][1]["error"] and "language model" in body["clips"][2]["error"]
    assert "2000 is the most" in outcome.err
    assert len(clips(tmp_path / "clips")) == 2
    assert "2 of 4 clips" in cli(*asked).out


def test_the_options_of_one_clip_hold_for_all(cli: Cli, board: list[str], tmp_path: Path) -> None:
    written(tmp_path, *PROMPTS[:2])
    outcome = cli("generate", "-f", "prompts.txt", "--out", "clips", *QUICK, *board, "--crop", "1:1", "--fps", "12",
                  "--preview", "gif", "--poster", "jpg", "--watermark", "edgereel", "--max-bytes", "40kB")  # fmt: skip

    assert outcome.code == 0, outcome.err
    names = {path.suffix for path in (tmp_path / "clips").iterdir() if not path.name.startswith(".")}
    assert names == {".mp4", ".gif", ".jpg", ".json"}
    for path in (tmp_path / "clips").glob("*.mp4"):
        with av.open(path) as file:
            stream = file.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate, stream.frames) == (480, 480, 12, 6)
        assert path.stat().st_size <= 40_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [((), "which folder"), (("--out", "x", "--preview", "a.gif"), "--preview gif"), (("--out", "x", "--poster", "a.jpg"), "--poster jpg"),
     (("--out", "x", "--crop", "wide"), "--crop"), (("--out", "x", "--mode", "good"), "mode"), (("--out", "x", "a fish"), "one of the two")],
)  # fmt: skip
def test_what_is_wrong_with_all_clips_is_said_before_the_first(
    options: tuple[str, ...],
    reason: str,
    board: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(tmp_path, *PROMPTS)
    monkeypatch.chdir(tmp_path)

    assert main(["generate", "-f", "prompts.txt", *options, *board]) == 3
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def start(board: list[str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge", "generate", "-f", "prompts.txt", "--out", "clips", *QUICK, *board]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_for(folder: Path, count: int, process: subprocess.Popen[str], *, within_s: float = 90.0) -> None:
    """Until so many clips lie there, and a moment more, so that the next one is under way."""
    until = time.monotonic() + within_s
    while len(clips(folder)) < count and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.15)


def test_twenty_prompts_killed_again_and_again_make_exactly_twenty_clips(board: list[str], tmp_path: Path) -> None:
    written(tmp_path, *(f"a {colour} fish number {number}" for number in range(10) for colour in ("red", "blue")))
    folder = tmp_path / "clips"
    for count in (2, 7, 13):
        with start(board, tmp_path) as process:
            wait_for(folder, count, process)
            process.kill()
    seen = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    done = {str(entry["file"]) for entry in entries(folder) if entry["state"] == "done"}
    assert 13 <= len(seen) < 20 and len(done) >= len(seen) - 1

    with start(board, tmp_path) as process:
        out, _ = process.communicate(timeout=200)
    assert process.returncode == 0
    assert out.endswith("20 of 20 clips are in clips\n")
    assert len(clips(folder)) == 20 and [entry["state"] for entry in entries(folder)] == ["done"] * 20
    assert all((folder / name).stat().st_mtime_ns == seen[name] for name in done), "none was made twice"
    for path in folder.glob("*.mp4"):
        with av.open(path) as file:
            assert sum(1 for _ in file.decode(video=0)) == 12
    assert [path.name for path in folder.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_the_run_with_its_table_and_leaves_no_half_clip(
    number: signal.Signals, code: int, board: list[str], tmp_path: Path
) -> None:
    written(tmp_path, *(f"a red fish number {number}" for number in range(6)))
    folder = tmp_path / "clips"
    with start(board, tmp_path) as process:
        wait_for(folder, 2, process)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)

    assert process.returncode == code
    made = len(clips(folder))
    assert 2 <= made < 6 and f"{made} of 6 clips are in clips" in out
    assert [entry["state"] for entry in entries(folder)].count("done") == made
    assert list(folder.glob(".*.part*")) == []


def test_a_second_run_into_the_same_folder_is_told_so(cli: Cli, board: list[str], tmp_path: Path) -> None:
    written(tmp_path, *PROMPTS)
    with start(board, tmp_path) as process:
        wait_for(tmp_path / "clips", 1, process)
        process.send_signal(signal.SIGSTOP)  # on a busy machine it would be done before the second one looks
        outcome = cli("generate", "-f", "prompts.txt", "--out", "clips", *QUICK, *board)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)

    assert outcome.code == 6 and "Another run fills" in outcome.err
    assert process.returncode == 0 and len(clips(tmp_path / "clips")) == 3
