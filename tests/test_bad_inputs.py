"""Bad inputs on the command line: a documented exit code, one paragraph with what to do, and life goes on."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from edge.manifest import LlmManifest
from edge.packs import Pack
from tests.conftest import DATA, Cli, Outcome

PROMPT = "a red balloon rises"
LITE = ("--mode", "lite")


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def assert_told(outcome: Outcome, *, code: int, said: str) -> None:
    """The exit code, and one paragraph on stderr that says what is wrong; no traceback, nothing on stdout."""
    told = [line for line in outcome.err.splitlines() if line.startswith("edgereel: ") and not line.endswith("%")]

    assert (outcome.code, outcome.out) == (code, ""), outcome.err
    assert "Traceback" not in outcome.err
    assert len(told) == 1, outcome.err
    assert said in told[0]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("generate", ""), 3, "The prompt is empty. Say what to show"),
        (("generate", "/think"), 3, "The prompt is empty."),
        (("generate", "x" * 20_000), 3, "20000 characters; 2000 is the most. Say it in a few"),
        (("generate", PROMPT, "--mode", "fastest"), 3, "Use one of: auto, think, no_think, direct, lite, spare."),
        (("generate", PROMPT, "--seconds", "99"), 3, "Use a number from 0.5 to 60."),
        (("generate", PROMPT, "--seed", "-1"), 3, "Use a whole number from 0 to"),
        (("plan", ""), 3, "The prompt is empty."),
        (("generate", PROMPT, "--set", "engine.thread=1"), 4, "Did you mean engine.threads?"),
        (("generate", PROMPT, "--config", "none.yaml"), 4, "none.yaml: No such file"),
        (("generate", PROMPT, "--set", "models.video=none"), 5, "No model pack 'none'"),
        (("generate", PROMPT, "--set", "models.llm=none"), 5, "No model pack 'none'"),
        (("generate", PROMPT, "--set", "models.video=smollm2-135m"), 5, "Set models.video to another."),
        (("generate", PROMPT, "--mode", "think"), 5, "Run `edgereel models pull smollm2-135m-expand`"),
        (("models", "pull", "none"), 5, "No model pack 'none'"),
        (("models", "pull", "../secret"), 5, "is not a pack name"),
        (("models", "verify", "none"), 5, "No model pack 'none'"),
        (("generate", PROMPT, *LITE, "--out", "/proc/clip.mp4"), 7, "Cannot write /proc/clip.mp4"),
        (("generate", PROMPT, *LITE, "--poster", "/proc/clip.jpg"), 7, "Cannot write /proc/clip.jpg"),
        (("generate", PROMPT, *LITE, "--out", "/"), 7, "Give the name of a file"),
        (("submit", PROMPT, "--broker", "nowhere:port"), 4, "is not HOST:PORT"),
        (("submit", "", "--broker", "127.0.0.1:1"), 3, "The prompt is empty."),
    ],
)
def test_a_bad_input_is_told_in_one_paragraph(
    args: tuple[str, ...], code: int, said: str, cli: Cli, board: list[str]
) -> None:
    assert_told(cli(*args[:2], *board, *args[2:]), code=code, said=said)


def test_a_broker_that_refuses_the_connection_is_told(cli: Cli, board: list[str]) -> None:
    port = closed_port()

    assert_told(cli("submit", PROMPT, *board, "--broker", f"127.0.0.1:{port}"), code=8, said=str(port))


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_language_model_is_refused_with_what_to_do(
    damage: str, cli: Cli, board: list[str], smollm: Pack[LlmManifest], tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(DATA, models)
    shutil.copytree(smollm.folder, models / smollm.name, ignore=shutil.ignore_patterns("*.gguf"))
    weights = models / smollm.name / smollm.manifest.file
    shutil.copyfile(smollm.file(smollm.manifest.file), weights)
    with weights.open("r+b") as file:
        if damage == "truncated":
            file.truncate(weights.stat().st_size // 2)
        else:
            file.seek(1 << 20)
            file.write(b"not what it was")

    mine = [*board, "--set", f"paths.models={models}", "--set", f"models.llm={smollm.name}"]
    outcome = cli("plan", PROMPT, *mine, "--mode", "no_think")
    assert_told(outcome, code=5, said=f"Run `edgereel models pull {smollm.name}`")
    assert_told(cli("models", "verify", smollm.name, *mine), code=5, said=f"models pull {smollm.name}")
    assert cli("plan", PROMPT, *mine, "--mode", "direct").code == 0


@pytest.mark.parametrize("damage", ["truncated", "changed", "unknown key"])
def test_a_damaged_video_pack_is_refused_with_what_to_do(
    damage: str, cli: Cli, board: list[str], tmp_path: Path
) -> None:
    shutil.copytree(DATA, tmp_path / "models")
    pack = tmp_path / "models/tinypack"
    weights = next(pack.glob("*.onnx"))
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "changed":
        weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    else:
        with (pack / "manifest.yaml").open("a", encoding="utf-8") as file:
            file.write("\nflavour: vanilla\n")

    mine = [*board, "--set", f"paths.models={tmp_path}/models"]
    said = "flavour" if damage == "unknown key" else weights.name
    assert_told(cli("generate", PROMPT, *mine, *LITE), code=5, said=said)


def test_after_all_that_the_next_good_request_is_served(cli: Cli, board: list[str], tmp_path: Path) -> None:
    assert cli("generate", "", *board).code == 3
    assert cli("generate", PROMPT, *board, "--mode", "direct", "--seconds", "1", "--out", "clip.mp4").code == 0
    assert (tmp_path / "clip.mp4").is_file()
