"""The command line: what it says, what it leaves, and how quickly it says how to be used."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge import __version__, errors
from edge.cli_generate import free_name
from edge.cli_options import build_parser
from edge.cli_settings import request_of
from edge.manifest import file_sha256
from edge.request import MODES
from tests.conftest import DATA, Cli

HEAVY = ("numpy", "onnxruntime", "llama_cpp", "cv2", "av")
UNNEEDED_FOR_HELP = (*HEAVY, "msgspec", "yaml", "rich", "paho", "sqlite3")
PROMPT = "a red balloon rises over snowy mountains"


def imported_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running this."""
    probe = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(word: str) -> None:
    assert imported_by(f"from edge.cli import main; main([{word!r}])") & set(UNNEEDED_FOR_HELP) == set()


def test_the_parent_of_the_daemon_imports_no_model_library() -> None:
    assert imported_by("import edge.daemon, edge.cli_board") & set(HEAVY) == set()


def test_what_these_import_tests_look_for_would_be_seen() -> None:
    assert "numpy" in imported_by("import edge.encode")


def test_version_is_that_of_the_package(cli: Cli) -> None:
    assert cli("--version").out == f"edgereel {__version__}\n"


def test_help_names_every_exit_code_of_the_error_tree(cli: Cli) -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    listed = set(map(int, re.findall(r"^  (\d+) ", cli("--help").out, re.MULTILINE)))

    assert listed == {kind.exit_code for kind in kinds} | {0, 2, 130}


@pytest.mark.parametrize("verb", ["generate", "plan", "serve", "submit", "jobs", "models", "doctor"])
def test_every_verb_explains_itself(verb: str, cli: Cli) -> None:
    outcome = cli(verb, "--help")

    assert outcome.code == 0
    assert f"usage: edgereel {verb}" in outcome.out
    assert f"\n  {verb} " in cli("--help").out


def test_the_help_of_generate_names_every_mode(cli: Cli) -> None:
    text = cli("generate", "--help").out

    assert [mode for mode in MODES if mode not in text] == []


def test_a_wrong_command_line_exits_with_2_and_says_how_it_should_be(cli: Cli) -> None:
    outcome = cli("generat", PROMPT)

    assert outcome.code == 2
    assert "generate" in outcome.err


def test_generate_leaves_a_clip_and_says_in_json_what_it_is(cli: Cli, board: list[str], tmp_path: Path) -> None:
    outcome = cli("generate", PROMPT, *board, "--mode", "lite", "--seed", "7", "--out", "a/b/clip.mp4",
                  "--poster", "a/poster.jpg", "--json")  # fmt: skip

    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out.splitlines()[-1])
    clip = tmp_path / "a/b/clip.mp4"
    assert (result["state"], result["seed"]) == ("done", 7)
    assert result["mode"] == {"requested": "lite", "effective": "lite", "reason": ""}
    assert {"shots", "caption", "coverage"} <= set(result["plan"])
    assert result["clip"]["sha256"] == file_sha256(clip)
    assert (result["clip"]["width"], result["clip"]["height"], result["clip"]["fps"]) == (848, 480, 24)
    assert {"expand", "text", "denoise", "decode", "encode", "total"} <= set(result["timings_s"])
    assert result["memory"]["peak_pss_mib"] > 0
    assert set(result["models"]) == {"tinypack"}
    assert (tmp_path / "a/poster.jpg").read_bytes().startswith(b"\xff\xd8")


def levels(clip: Path) -> list[float]:
    """The mean brightness of each frame."""
    with av.open(clip) as file:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in file.decode(video=0)]


def test_generate_begins_with_a_picture_and_goes_on_from_an_earlier_clip(
    cli: Cli, board: list[str], tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((90, 160, 3), 200, np.uint8))
    asked = ("generate", PROMPT, *board, "--mode", "lite", "--seconds", "0.6")

    first = cli(*asked, "--image", "grey.png", "--out", "first.mp4")
    second = cli(*asked, "--image", "job:first", "--out", "second.mp4")
    gone = cli(*asked, "--image", "job:nothing", "--out", "third.mp4")

    assert (first.code, second.code, gone.code) == (0, 0, 3), first.err + second.err
    assert levels(tmp_path / "first.mp4")[0] == pytest.approx(200, abs=3)
    assert levels(tmp_path / "second.mp4")[0] == pytest.approx(levels(tmp_path / "first.mp4")[-1], abs=2)
    assert "job:nothing" in gone.err


def test_without_json_a_person_can_read_what_was_made(cli: Cli, board: list[str]) -> None:
    outcome = cli("generate", PROMPT, *board, "--mode", "lite", "--seed", "7")

    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("a-red-balloon-rises-over-snowy-mountains.mp4\n")
    assert re.search(r"848x480, 24 fps, \d+ frames", outcome.out)
    assert re.search(r"total \d", outcome.out)
    assert re.search(r"peak pss \d", outcome.out)


def test_progress_is_plain_lines_where_there_is_no_terminal(cli: Cli, board: list[str]) -> None:
    lines = cli("generate", PROMPT, *board, "--mode", "lite").err.splitlines()

    shares = [int(match[1]) for line in lines if (match := re.fullmatch(r"edgereel: \w+ (\d+)%", line))]
    assert len(shares) == len(lines) > 5
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 100)


def test_progress_is_a_bar_on_a_terminal(board: list[str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edge", "generate", PROMPT, *board, "--mode", "lite"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL, env=env) as process:
        os.close(theirs)
        seen = b""
        until = time.monotonic() + 60
        while time.monotonic() < until and select.select([ours], [], [], 60)[0]:
            try:
                seen += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
        os.close(ours)

    assert process.returncode == 0
    assert "━".encode() in seen
    assert b"100%" in seen


def test_a_prompt_in_the_way_of_a_file_gets_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "a-fish.mp4").touch()

    assert free_name("A fish!", folder=tmp_path).name == "a-fish-2.mp4"
    assert free_name("红色气球", folder=tmp_path).name == "红色气球.mp4"
    assert free_name("../../etc/passwd", folder=tmp_path).parent == tmp_path
    assert free_name("?!", folder=tmp_path).name == "clip.mp4"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_job_and_leaves_no_half_file(
    number: signal.Signals, code: int, board: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "edge", "generate", PROMPT, *board, "--mode", "direct", "--seconds", "16"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "decode" in line:
                break
        process.send_signal(number)
        process.communicate(timeout=60)

    assert process.returncode == code
    assert [path.name for path in tmp_path.rglob("*") if path.suffix in (".mp4", ".part")] == []


def test_plan_shows_the_slots_and_coverage_without_a_clip(cli: Cli, board: list[str], tmp_path: Path) -> None:
    outcome = cli("plan", PROMPT, *board, "--mode", "direct", "--json")

    assert outcome.code == 0, outcome.err
    body = json.loads(outcome.out.splitlines()[-1])
    slots = body["plan"]["shots"][0]["slots"]
    assert (slots["subject"], slots["colour"], slots["motion"]) == ("balloon", "red", "rise")
    assert 0 < body["coverage"] <= 1
    assert list(tmp_path.rglob("*.mp4")) == []


def test_plan_draws_where_everything_will_be(cli: Cli, board: list[str], tmp_path: Path) -> None:
    outcome = cli("plan", PROMPT, *board, "--draw", "a/plan.png", "--path", "0.1,0.8 0.9,0.2,0.3", "--json")

    assert outcome.code == 0, outcome.err
    body = json.loads(outcome.out.splitlines()[-1])
    assert body["drawing"] == "a/plan.png"
    assert body["plan"]["shots"][0]["path"] == {"points": [[0.1, 0.8], [0.9, 0.2, 0.3]], "start": 0.0, "end": 1.0}
    assert (tmp_path / "a/plan.png").read_bytes().startswith(b"\x89PNG")
    assert cli("plan", PROMPT, *board, "--draw", ".").code == 7


def test_a_path_that_leaves_the_frame_is_refused(cli: Cli, board: list[str]) -> None:
    outcome = cli("generate", PROMPT, *board, "--path", "0.1,0.8 1.5,0.2")

    assert outcome.code == 3
    assert "path point 2: x '1.5' is out of bounds. Use a number from 0 to 1." in outcome.err


def test_submit_takes_a_path_as_generate_does() -> None:
    words = ["submit", "a fish", "--path", "0.1,0.8 0.9,0.2"]

    assert request_of(build_parser("submit").parse_args(words)).path == ((0.1, 0.8), (0.9, 0.2))


def test_auto_without_a_language_model_says_why_it_is_direct(cli: Cli, board: list[str]) -> None:
    mode = json.loads(cli("plan", PROMPT, *board, "--json").out.splitlines()[-1])["mode"]

    assert mode == {"requested": "auto", "effective": "direct", "reason": "no language model is here"}


def test_a_prompt_that_is_not_understood_is_told_so(cli: Cli, board: list[str]) -> None:
    assert "note" in cli("plan", "quarterly tax forms of the council", *board).out
    assert "note" not in cli("plan", "a red balloon", *board).out


def test_jobs_of_a_board_without_a_queue_are_none_and_make_none(cli: Cli, board: list[str], tmp_path: Path) -> None:
    assert cli("jobs", *board).out == "No jobs.\n"
    assert json.loads(cli("jobs", *board, "--json").out) == {"jobs": []}
    assert not (tmp_path / "state").exists()


def test_models_are_listed_with_what_is_here(cli: Cli, board: list[str]) -> None:
    packs = {pack["name"]: pack for pack in json.loads(cli("models", "list", *board, "--json").out)["packs"]}

    assert (packs["tinypack"]["kind"], packs["tinypack"]["weights"]) == ("video", "here")
    assert (packs["qwen3-0.6b"]["kind"], packs["qwen3-0.6b"]["weights"]) == ("llm", "not pulled")
    assert "tinypack" in cli("models", "list", *board).out


def test_models_verify_proves_a_pack(cli: Cli, board: list[str]) -> None:
    files = len(list((DATA / "tinypack").iterdir())) - 1  # all but the manifest

    assert cli("models", "verify", "tinypack", *board).out == f"tinypack: {files} files as the manifest says\n"
