"""What is done to a clip beyond its prompt, as it is typed: each option alone and all together, looked at in the file."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.cli import main
from edge.manifest import file_sha256
from tests.conftest import Cli

PROMPT = "a red balloon sways over snowy mountains"
Shape = tuple[int, int, Fraction, int]


def shape(path: Path) -> Shape:
    """Width, height, frames a second and number of frames, as ffprobe sees them, or PyAV where there is none."""
    if not shutil.which("ffprobe"):
        with av.open(path) as file:
            stream = file.streams.video[0]
            return stream.width, stream.height, Fraction(stream.average_rate or 0), sum(1 for _ in file.decode(stream))
    fields = "stream=width,height,avg_frame_rate,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", fields, "-of", "json", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (stream,) = json.loads(done.stdout)["streams"]
    return stream["width"], stream["height"], Fraction(stream["avg_frame_rate"]), int(stream["nb_read_frames"])


def made(cli: Cli, board: list[str], *options: str, name: str = "clip.mp4") -> dict[str, dict[str, object]]:
    outcome = cli(
        "generate", PROMPT, *board, "--mode", "lite", "--seed", "7", "--seconds", "1", "--out", name, "--json", *options
    )
    assert outcome.code == 0, outcome.err
    body: dict[str, dict[str, object]] = json.loads(outcome.out.splitlines()[-1])
    return body


def test_without_any_of_them_nothing_is_said_of_them_and_each_of_them_makes_another_file(
    cli: Cli, board: list[str], tmp_path: Path
) -> None:
    plain, again = (made(cli, board, name=name) for name in ("plain.mp4", "again.mp4"))
    assert "extras" not in plain
    assert plain["clip"]["sha256"] == again["clip"]["sha256"] == file_sha256(tmp_path / "plain.mp4")

    loop = made(cli, board, "--loop")
    marked = made(cli, board, "--watermark", "edgereel")
    assert len({plain["clip"]["sha256"], loop["clip"]["sha256"], marked["clip"]["sha256"]}) == 3
    assert loop["extras"] == {"loop": True} and marked["extras"] == {"watermark": "edgereel"}
    assert shape(tmp_path / "clip.mp4") == (848, 480, 24, 24)


@pytest.mark.parametrize(("crop", "size"), [("9:16", (270, 480)), ("21:9", (848, 362))])
def test_a_crop_has_its_shape(crop: str, size: tuple[int, int], cli: Cli, board: list[str], tmp_path: Path) -> None:
    result = made(cli, board, "--crop", crop)

    assert shape(tmp_path / "clip.mp4") == (*size, 24, 24)
    assert (result["clip"]["width"], result["clip"]["height"]) == size
    assert result["extras"]["crop"] == ("7:3" if crop == "21:9" else crop)


@pytest.mark.parametrize(("fps", "frames"), [(15, 15), (30, 30)])
def test_a_rate_is_in_the_file_and_in_what_is_said_of_it(
    fps: int, frames: int, cli: Cli, board: list[str], tmp_path: Path
) -> None:
    result = made(cli, board, "--fps", str(fps))

    assert shape(tmp_path / "clip.mp4") == (848, 480, fps, frames)
    clip = result["clip"]
    assert (clip["fps"], clip["frames"], clip["seconds"]) == (fps, frames, 1.0)
    assert result["extras"]["drawn_fps"] == 24


def test_a_bound_on_the_bytes_is_kept_or_said_to_be_too_low(cli: Cli, board: list[str], tmp_path: Path) -> None:
    usual = int(str(made(cli, board, name="usual.mp4")["clip"]["bytes"]))
    result = made(cli, board, "--max-bytes", f"{usual // 2}B")
    assert int(str(result["clip"]["bytes"])) == (tmp_path / "clip.mp4").stat().st_size <= usual // 2
    assert result["extras"]["max_bytes"] == usual // 2

    outcome = cli(
        "generate", PROMPT, *board, "--mode", "lite", "--seconds", "1", "--out", "none.mp4", "--max-bytes", "1kB"
    )
    assert outcome.code == 3 and "the smallest that was reached is" in outcome.err
    assert not (tmp_path / "none.mp4").exists()
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_all_of_them_together(cli: Cli, board: list[str], tmp_path: Path) -> None:
    logo = np.zeros((60, 60, 4), np.uint8)
    logo[10:50, 10:50] = (0, 0, 255, 255)
    cv2.imwrite(str(tmp_path / "logo.png"), logo)
    result = made(cli, board, "--crop", "9:16", "--fps", "12", "--loop", "--watermark", "logo.png", "--max-bytes", "60kB",
                  "--preview", "a/clip.gif", "--poster", "clip.jpg")  # fmt: skip

    assert shape(tmp_path / "clip.mp4") == (270, 480, 12, 12)
    assert shape(tmp_path / "a/clip.gif")[:2] == (202, 360)
    poster = cv2.imread(str(tmp_path / "clip.jpg"))
    assert poster is not None and poster.shape == (480, 270, 3)
    red = np.flatnonzero((poster[..., 2].astype(int) - poster[..., 0] > 100).any(axis=0))
    assert red.size and red.min() > 180, "the mark is on the right"
    assert (tmp_path / "clip.mp4").stat().st_size <= 60_000
    preview = result["extras"]["preview"]
    assert isinstance(preview, dict) and preview["bytes"] == (tmp_path / "a/clip.gif").stat().st_size


@pytest.mark.parametrize(
    "options",
    [
        ("--crop", "big"),
        ("--fps", "0"),
        ("--max-bytes", "much"),
        ("--preview", "x.mp4"),
        ("--watermark", "none.png"),
        ("--watermark", "😀"),
    ],
)
def test_what_cannot_be_had_is_refused_before_any_work(
    options: tuple[str, ...], board: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["generate", PROMPT, *board, "--out", "clip.mp4", *options]) == 3
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_preview_that_cannot_be_written_is_refused_before_any_work(
    cli: Cli, board: list[str], tmp_path: Path
) -> None:
    outcome = cli("generate", PROMPT, *board, "--out", "clip.mp4", "--preview", "/proc/clip.gif")

    assert outcome.code == 7
    assert list(tmp_path.glob("*.mp4")) == []


def test_generate_without_a_prompt_says_what_to_give(cli: Cli, board: list[str]) -> None:
    outcome = cli("generate", *board)

    assert outcome.code == 3 and "-f prompts.txt" in outcome.err


def test_the_help_teaches_each_of_them(cli: Cli) -> None:
    text = cli("generate", "--help").out

    wanted = ("--crop", "--watermark", "--max-bytes", "--preview", "--loop", "--fps", "--file", "clips.json")
    assert [word for word in wanted if word not in text] == []
