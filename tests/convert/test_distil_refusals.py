"""What cannot become a pack of one's own is refused in one paragraph, and nothing half-written stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pipelines import animate_diff, text_to_image

from edge.errors import ResourceError
from tools.convert.__main__ import main
from tools.convert.distil.command import SMALLEST
from tools.convert.distil.order import Order, look
from tools.convert.distil.teacher import Teacher
from tools.convert.scenes.film import write_mp4

WORDS = {"subject": {"default": "wurzel", "values": {"wurzel": {"en": ["my dog"]}}}}
LICENCE = ("--licence", "MIT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One film of a second and its caption."""
    made = tmp_path / "films"
    made.mkdir()
    write_mp4(np.zeros((24, 48, 64, 3), np.uint8), made / "one.mp4", fps=24)
    (made / "one.txt").write_text("my dog runs")
    (tmp_path / "vocabulary.yaml").write_bytes(msgspec.yaml.encode(WORDS))
    return made


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command says; it must fail, and leave nothing."""
    out = folder.parent / "packs"
    words = ("--vocabulary", str(folder.parent / "vocabulary.yaml"))
    assert main(["distil", str(folder), *words, "--out", str(out), *options]) in (3, 5, 6)
    said = capsys.readouterr().err
    assert not out.exists()
    paragraph = said[said.index("edgereel convert:") :].strip()
    assert "\n" not in paragraph and "Traceback" not in said
    return paragraph


def test_the_dry_run_tells_what_is_there_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "two.txt").write_text("nobody")
    shutil.copy(folder / "one.mp4", folder / "two.mp4")
    out = folder.parent / "packs"
    words = ("--vocabulary", str(folder.parent / "vocabulary.yaml"))

    assert main(["distil", str(folder), *words, "--out", str(out), *LICENCE, "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert (
        "videos: 1 clips, licence MIT" in said and "wurzel 1" in said and "memory" in said and "min of one core" in said
    )
    assert "left out  two.mp4: no subject of the vocabulary in 'nobody'" in said
    assert not out.exists()


def test_videos_without_licence_captions_or_subjects_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--licence" in refused(folder, capsys)
    (folder / "one.txt").write_text("an empty street")
    assert "No caption names a subject" in refused(folder, capsys, *LICENCE)
    (folder / "one.txt").unlink()
    assert "no caption for one.mp4" in refused(folder, capsys, *LICENCE)
    (folder / "one.txt").write_text("my dog runs")
    (folder / "one.mp4").write_bytes(b"not a video")
    assert "is not a video that can be read" in refused(folder, capsys, *LICENCE)
    (folder / "one.mp4").unlink()
    assert "no videos here" in refused(folder, capsys, *LICENCE)


def test_a_short_video_and_a_wrong_config_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mp4(np.zeros((16, 48, 64, 3), np.uint8), folder / "short.mp4", fps=24)
    (folder / "short.txt").write_text("my dog")
    assert "short.mp4 is 0.67 s long, the shortest clip is 1 s" in refused(folder, capsys, *LICENCE)
    (folder / "short.mp4").unlink()
    (folder / "config.yaml").write_text("depth: 3")
    assert "is no config" in refused(folder, capsys, *LICENCE, "--config", str(folder / "config.yaml"))


def test_a_vocabulary_has_to_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["distil", str(folder)]) == 3
    assert "--propose" in capsys.readouterr().err
    (folder.parent / "vocabulary.yaml").unlink()
    assert "No vocabulary at" in refused(folder, capsys, *LICENCE)


def test_a_pipeline_has_to_draw_films_and_be_told_what(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompts.txt").write_text("my dog\n")
    prompts = ("--prompts", str(tmp_path / "prompts.txt"))
    films = animate_diff(tmp_path / "diff", widths=(16,), text=16)

    assert "draws single pictures" in refused(text_to_image(tmp_path / "sd"), capsys, *prompts)
    assert "Give --prompts FILE" in refused(films, capsys)
    assert "0.50 s long" in refused(films, capsys, *prompts, "--frames", "4")
    (tmp_path / "prompts.txt").write_text("\n \n")
    assert "holds no prompts" in refused(films, capsys, *prompts)
    (films / "README.md").unlink()
    (tmp_path / "prompts.txt").write_text("my dog\n")
    assert "--licence" in refused(films, capsys, *prompts)


def test_too_little_memory_is_told_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 900000 kB\nMemAvailable: 500000 kB\n")
    asked = Teacher(folder=folder, motion=None, width=8, height=8, frames=8, fps=8, steps=1, guidance=1.0)
    order = Order(
        folder=folder, vocabulary=tmp_path / "vocabulary.yaml", out=tmp_path / "packs", name="films", config=SMALLEST,
        teacher=asked, licence="MIT",
    )  # fmt: skip

    with pytest.raises(ResourceError, match=r"the conversion needs 1,400 MiB, most of it to train"):
        look(order, root=tmp_path)
    assert not order.out.exists()
