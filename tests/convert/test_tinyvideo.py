"""The whole training chain in miniature: every phase for real, seconds instead of hours. Needs the [convert] extra."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import pytest
import torch

from edge.manifest import load_manifest, verify_file
from edge.plan import Shot
from edge.video.generator import open_generator
from tools.convert.latents import components, data, train
from tools.convert.latents import export as decoder_export
from tools.convert.tinyvideo import bake, evaluate, export, painter_phase, shards, student_phase
from tools.convert.tinyvideo.config import Config, load_config
from tools.convert.tinyvideo.loop import resume
from tools.convert.tinyvideo.portraits import random_portrait
from tools.convert.tinyvideo.world import RENDERER

TINY = Path(export.__file__).with_name("tiny.yaml")


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(TINY)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    for phase in (data.write_crops, components.encoder, train.decoder, decoder_export.export):
        phase(config.autoencoder, out)
    bake.bake(config, out)
    shards.write_shards(config, out, out)
    student_phase.student(config, out, out)
    painter_phase.painter(config, out)
    export.export(config, out, out, out / "pack")
    return out


def test_the_pack_is_whole_and_its_clips_play(run: Path) -> None:
    manifest = load_manifest(run / "pack")
    for name, wanted in manifest.files.items():
        verify_file(run / "pack" / name, wanted, pack=manifest.name)

    slots = {name: slot.default for name, slot in evaluate.open_pack(run / "pack").manifest.vocabulary.items()}
    with open_generator(evaluate.open_pack(run / "pack"), threads=1) as generator:
        frames = evaluate.clip(generator, Shot(slots=slots, seconds=0.5), seed=1)

    assert len(frames) == 12
    assert np.ptp(frames[0]) > 20


def test_onnx_repeats_torch_and_int8_stays_near_fp32(run: Path) -> None:
    report = json.loads((run / "parity.json").read_text())

    assert min(report["torch"].values()) > 60
    assert report["conditioner"]["sqnr_db_worst"] > 50  # stored as float16
    assert report["denoiser"]["sqnr_db_worst"] > 20
    assert report["tail"]["sqnr_db_worst"] > 30


def test_a_config_that_leaves_nothing_to_learn_from_is_refused(run: Path, config: Config) -> None:
    with pytest.raises(ValueError, match="only looked at"):
        student_phase.student(msgspec.structs.replace(config, shards=1), run, run)


def test_the_painters_file_paints_what_was_trained(run: Path) -> None:
    textures = bake.load_textures(run)
    trained = painter_phase.new_painter(textures)
    assert resume(run / "painter.pt", trained).step > 0
    shown = [random_portrait(RENDERER.vocabulary, np.random.default_rng(5), size=2 * textures.subjects.shape[-1])]
    given = painter_phase.batch(textures, RENDERER, shown)[:4]
    with torch.no_grad():
        wanted = trained(*given).numpy()

    feed = dict(zip(("features", "attributes", "noise", "radius"), (value.numpy() for value in given), strict=True))
    made = ort.InferenceSession(str(run / "pack" / "painter.onnx")).run(["picture"], feed)[0]

    assert made.shape == wanted.shape
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - wanted).max() <= 2  # its weights are stored as float16


def test_a_painter_learns_its_portraits(run: Path, config: Config) -> None:
    textures = bake.load_textures(run)
    rng = np.random.default_rng(6)
    shown = [random_portrait(RENDERER.vocabulary, rng, size=2 * textures.subjects.shape[-1]) for _ in range(24)]
    *given, truth = painter_phase.batch(textures, RENDERER, shown)
    before, after = (painter_phase.new_painter(textures) for _ in range(2))
    resume(run / "painter.pt", after)

    with torch.no_grad():
        losses = [float(painter_phase.loss_of(model.rgba(*given), truth)) for model in (before, after)]

    assert losses[1] < 0.8 * losses[0]


def test_training_goes_on_from_a_checkpoint(run: Path, config: Config, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "again")
    before = torch.load(run / "student.pt", weights_only=True)
    longer = msgspec.structs.replace(config, minutes=config.minutes + 0.05)
    student_phase.student(longer, tmp_path / "again", tmp_path / "again")

    after = torch.load(tmp_path / "again" / "student.pt", weights_only=True)
    assert after["step"] > before["step"]
    assert after["seconds"] > before["seconds"]


def test_a_shard_that_exists_is_not_made_again(run: Path, config: Config) -> None:
    path = next((run / "shards").glob("*.latents.npy"))
    stamp = path.stat().st_mtime_ns

    shards.write_shards(config, run, run)

    assert path.stat().st_mtime_ns == stamp
