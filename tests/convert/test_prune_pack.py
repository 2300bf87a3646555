"""Our own pack loses channels and blocks, and stays a pack that a board opens. Needs torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from students import CHECKOUT, TINY, check_same

from edge.manifest import VideoManifest, file_sha256, load_manifest
from edge.packs import Pack, verify_pack
from edge.plan import Shot
from edge.video.generator import open_generator
from tools.convert.__main__ import main
from tools.convert.prune.scenes import Scenes
from tools.convert.tinyvideo import evaluate
from tools.convert.tinyvideo.restore import read_student, sizes_of

QUICK = ("--minutes", "0.1", "--scenes", "3", "--calibrate", "2", "--threads", "1")


@dataclass(frozen=True)
class Made:
    pack: Path
    said: str

    @property
    def report(self) -> dict:
        return json.loads((self.pack / "report.json").read_text())


@pytest.fixture(scope="module", params=[0.3, 0.5])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("prune")
    share = str(request.param)
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tools.convert", "prune", TINY, "--share", share, "--linear", "0.25", "--out", out]
    done = subprocess.run([*command, "--judge", "2", *QUICK], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(out.glob(".*"))
    return Made(out / f"tinypack-p{100 * request.param:g}", done.stdout)


def test_the_pack_is_whole_smaller_and_its_clips_play(made: Made) -> None:
    new, manifest = load_manifest(made.pack), load_manifest(TINY)
    assert isinstance(new, VideoManifest) and isinstance(manifest, VideoManifest)
    verify_pack(Pack(made.pack, new))
    for name in ("trunk.onnx", "tail.onnx", "far.npz", "near.npz", "subjects.npz"):
        assert new.files[name] == manifest.files[name]
    assert new.files["denoiser.onnx"].bytes < manifest.files["denoiser.onnx"].bytes
    assert new.parts["denoiser"].inputs["film"].shape[1] < manifest.parts["denoiser"].inputs["film"].shape[1]
    slots = {name: slot.default for name, slot in new.vocabulary.items()}
    with open_generator(evaluate.open_pack(made.pack), threads=1) as generator:
        frames = evaluate.clip(generator, Shot(slots=slots, seconds=0.5), seed=1)
    assert len(frames) == 12 and np.ptp(frames[0]) > 20


def test_the_report_has_the_table_before_and_after(made: Made) -> None:
    report, page = made.report, (made.pack / "report.md").read_text()
    before, after = report["before"], report["after"]
    assert after["gflop"] <= (1 - report["share"]) * before["gflop"]
    assert after["parameters"]["conditioner"] < 0.8 * before["parameters"]["conditioner"]
    assert report["frames_db"] > 20 and report["x0_db"] > 15 and report["read_db"] > 20
    assert report["parity"]["torch"]["denoiser_db"] > 60
    assert {"subject", "colour"} <= set(before["judged"]) and "subject as asked for" in page
    assert report["inputs"]["denoiser.onnx"] == file_sha256(TINY / "denoiser.onnx") and report["slot_speed"] > 0
    assert "processor seconds a slot" in page and "edgereel models add" in made.said


def test_blocks_go_where_they_matter_least_and_what_is_left_can_be_read_again(made: Made) -> None:
    new = load_manifest(made.pack)
    assert isinstance(new, VideoManifest)
    again, channels = read_student(made.pack, new), made.report["after"]["channels"]
    blocks = [count for name, count in channels.items() if name.startswith("blocks.")]
    assert (0 in blocks) == (made.report["share"] == 0.5)
    assert [block.expand.out_channels for block in again.denoiser.blocks] == [count for count in blocks if count]
    check_same(again, made.pack, Scenes(sizes_of(new), new.vocabulary), seed=1)


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tools.convert", "prune", TINY, "--out", tmp_path, *QUICK]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen([*command, "--minutes", "30"], env=env, stderr=said, stdout=said)
        log = tmp_path / ".tinypack.work/tuned-p30.log"
        while process.poll() is None and not log.exists():
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, (tmp_path / "said").read_text()
    work = tmp_path / ".tinypack.work"
    steps = torch.load(work / "tuned-p30.pt", weights_only=True)["step"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "cut p30 (done before)" in done.stderr and "look at scenes (done before)" in done.stderr
    report = json.loads((tmp_path / "tinypack-p30/report.json").read_text())
    assert report["tuning"]["steps"] == steps > 0  # more than the second command's minutes were spent already
    assert main(["prune", str(TINY), "--out", str(tmp_path), *QUICK]) == 5  # what is there is not written over
