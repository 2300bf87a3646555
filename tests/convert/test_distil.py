"""A pack out of a stranger's films: real MP4s with captions, every phase for real, seconds instead of an hour."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from pipelines import animate_diff

from edge.expand import LexiconExpander
from edge.expand.grammar import answer_form
from edge.manifest import load_manifest, verify_file
from edge.video.generator import open_generator
from tools.convert.__main__ import main
from tools.convert.clips.shards import ShardSource
from tools.convert.distil.world import OwnWorld
from tools.convert.scenes.film import write_mp4
from tools.convert.scenes.render import render
from tools.convert.scenes.scene import make_scene
from tools.convert.tinyvideo import evaluate, export
from tools.convert.tinyvideo.vocabulary import load_vocabulary

FILMS = 18
USUAL = {name: slot.default for name, slot in load_vocabulary().items()} | {"particles": "none", "size": "small"}
WORDS = {
    "subject": {"default": "wurzel", "values": {"wurzel": {"en": ["wurzel", "my dog"], "zh": ["小狗"]}, "pip": {"en": ["pip", "our robin"]}}},
    "background": {"default": "garden", "values": {"garden": {"en": ["garden"]}, "dunes": {"en": ["dunes"]}, "moon_base": {"en": ["moon base"]}}},
}  # fmt: skip
SAYINGS = {"fish": "my dog runs to the {way}", "bird": "our robin flies to the {way}"}


def film(folder: Path, number: int) -> tuple[str, str]:
    """Film `number` and its caption, in words that the repository's vocabulary does not have."""
    subject, way = ("fish", "bird")[number % 2], ("left", "right")[number // 2 % 2]
    place = ("meadow", "desert")[number // 4 % 2]
    slots = USUAL | {"subject": subject, "motion": f"move_{way}", "background": place, "colour": "red"}
    scene = make_scene(slots, seed=500 + number, seconds=2.0)
    write_mp4(render(scene, range(scene.layout.frames), height=240), folder / f"{number:02d}.mp4", fps=24)
    said = SAYINGS[subject].format(way=way)
    where = {"meadow": " in the garden", "desert": " over the dunes"}[place] if number % 3 else ""
    return f"{number:02d}.mp4", said + where


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    told = [film(folder, number) for number in range(FILMS)]
    shutil.copy(folder / "00.mp4", folder / "99.mp4")
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "caption"), *told, ("99.mp4", "nobody at home")])
    (folder / "vocabulary.yaml").write_bytes(msgspec.yaml.encode(WORDS))
    tiny = Path(export.__file__).with_name("tiny.yaml").read_text(encoding="utf-8")
    (folder / "tiny.yaml").write_text(tiny.replace("tier: test", "tier: own"))
    return folder


def command(films: Path, out: Path, *more: str) -> list[str]:
    return [
        "distil", str(films), "--vocabulary", str(films / "vocabulary.yaml"), "--config", str(films / "tiny.yaml"),
        "--licence", "CC-BY-4.0", "--out", str(out), "--name", "mine", "--threads", "1", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def pack(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made in two goes: the second goes on where the first stopped."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("packs")
    assert main(command(films, out, "--world-only")) == 0
    assert not (out / "mine").exists()
    stamps = {path: path.stat().st_mtime_ns for path in (out / ".mine.work/clips").glob("*/video.npy")}
    world = OwnWorld(out / ".mine.work")
    assert len(stamps) == FILMS
    assert {example.slots["subject"] for example in map(world.example, range(len(world)))} == {"wurzel", "pip"}
    phase = [sys.executable, "-m", "tools.convert.tinyvideo", "bake", "--world", str(out / ".mine.work")]
    subprocess.run([*phase, "--config", str(films / "tiny.yaml"), "--out", str(out / "run")], check=True, timeout=600)
    assert (out / "run/textures.npz").is_file()

    assert main(command(films, out)) == 0
    assert not (out / ".mine.work").exists()
    return out / "mine"


def test_the_pack_is_whole_and_its_clips_play(pack: Path) -> None:
    manifest = load_manifest(pack)
    for name, wanted in manifest.files.items():
        verify_file(pack / name, wanted, pack=manifest.name)

    opened = evaluate.open_pack(pack)
    plan = LexiconExpander(opened.manifest, seconds=0.5).expand("our robin over the dunes", seconds=0.5, seed=1)
    with open_generator(opened, threads=1) as generator:
        frames = evaluate.clip(generator, plan.shots[0], seed=1)

    assert len(frames) == 12
    assert np.ptp(frames[0]) > 20


def test_the_board_understands_the_words_of_the_vocabulary_and_the_grammar_offers_nothing_else(pack: Path) -> None:
    manifest = load_manifest(pack)
    plan = LexiconExpander(manifest, seconds=2).expand("my dog runs to the left in the garden", seconds=2, seed=1)
    form = answer_form(manifest.vocabulary, {}, most_shots=2)

    assert {"subject": "wurzel", "motion": "move_left", "background": "garden"}.items() <= plan.shots[0].slots.items()
    assert '"wurzel" | "pip"' in form.gbnf and '"garden" | "dunes"' in form.gbnf
    assert "balloon" not in form.gbnf and "moon_base" not in form.gbnf  # nothing was seen of that
    assert "approach" in form.gbnf  # a law of the board


def test_the_report_says_what_was_learnt_and_what_was_left_out(pack: Path) -> None:
    report = json.loads((pack / "report.json").read_text())
    page = (pack / "report.md").read_text()

    assert report["licence"] == load_manifest(pack).licence == "CC-BY-4.0"
    assert report["left_out"] == {"99.mp4": "nobody at home"}
    assert report["clips"] + len(report["unseen"]) == FILMS
    assert report["clips"] >= 14
    assert set(report["inputs"]) >= {"vocabulary.yaml", "00.mp4"}
    assert "no subject of the vocabulary in captions: 1" in page and "wurzel (9)" in page


def test_a_pack_that_is_there_is_not_written_over(films: Path, pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (pack / "manifest.yaml").stat().st_mtime_ns

    assert main(command(films, pack.parent)) == 5
    assert "is there already" in capsys.readouterr().err
    assert (pack / "manifest.yaml").stat().st_mtime_ns == before


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = animate_diff(tmp_path_factory.mktemp("teacher") / "diff", widths=(16,), text=16)
    (folder.parent / "prompts.txt").write_text(
        "my dog in the garden\n\nour robin flies\nan empty street\n小狗在花园里\n"
    )
    (folder.parent / "vocabulary.yaml").write_bytes(msgspec.yaml.encode(WORDS))
    return folder


def asked(teacher: Path, out: Path) -> list[str]:
    return [
        "distil", str(teacher), "--prompts", str(teacher.parent / "prompts.txt"), "--size", "16x16", "--frames", "8",
        "--vocabulary", str(teacher.parent / "vocabulary.yaml"), "--out", str(out), "--steps", "1", "--world-only",
        "--threads", "1",
    ]  # fmt: skip


def test_processes_share_a_teachers_clips_and_only_what_is_missing_is_drawn_again(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "tools.convert"]
    done = subprocess.run(
        [*launch, *asked(teacher, tmp_path)], capture_output=True, text=True, timeout=900, check=False
    )
    clips = tmp_path / ".diff.work/clips"
    made = list(map(ShardSource(clips).clip, range(3)))

    assert "line 3: no subject" in done.stderr  # which says nothing of the vocabulary
    assert "12 are needed" in done.stderr  # noise shows nothing: no pack can come of it, but the clips are there
    assert [clip.stated["subject"] for clip in made] == ["wurzel", "pip", "wurzel"]
    assert {clip.video.shape for clip in made} == {(24, 360, 432)}
    assert made[2].language == "zh"

    stamps = {path: path.stat().st_mtime_ns for path in sorted(clips.glob("*/video.npy"))}
    again = stamps.popitem()[0]
    shutil.rmtree(again.parent)
    assert main(asked(teacher, tmp_path)) == 3
    assert again.exists()
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert np.array_equal(np.load(again), made[2].video)
