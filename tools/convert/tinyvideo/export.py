"""Trained networks -> a pack: the student to ONNX and INT8, the decoder's finished parts beside it, parity, manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import torch

from edge.manifest import Canvas, Latent, Noise, Slot, VideoManifest
from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.scheduler import timesteps
from tools.convert.latents.board import STATES
from tools.convert.pack import part_of, weight_file
from tools.convert.parity import parity, sqnr
from tools.convert.quantize import OPSET, Feed, quantise, to_onnx
from tools.convert.scenes.scene import NUISANCE, Scene
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, layout_channels, load_vocabulary, random_scene, scene_map
from tools.convert.tinyvideo.loop import resume
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import new_student

CALIBRATION_SEED = (1 << 30) + 1
# Left in fp32: the first convolution sees layout and latents of very different ranges at once, the last one makes the
# latents themselves.
KEEP_FP32 = ("inlet", "outlet")
MADE = ("conditioner", "denoiser")
TAKEN = ("trunk", "tail")


def export(config: Config, out: Path, latents: Path, pack: Path) -> None:
    """Write the INT8 pack into `pack` and the parity report into `out/parity.json`.

    The decoder comes from the `parts` of the autoencoder's run in `latents`.
    """
    vocabulary = load_vocabulary()
    student = load_student(config, out)
    pack.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _export_fp32(config, student, vocabulary, work)
        feeds = _calibration(config, vocabulary, work)
        quantise(work / "denoiser.onnx", pack / "denoiser.onnx", feeds["denoiser"], keep=KEEP_FP32)
        shutil.copyfile(work / "conditioner.onnx", pack / "conditioner.onnx")
        report: dict[str, object] = {"torch": _torch_parity(student, work, feeds)}
        report["denoiser"] = parity(work / "denoiser.onnx", pack / "denoiser.onnx", feeds["denoiser"])
    for part in TAKEN:
        shutil.copyfile(latents / "parts" / f"{part}.onnx", pack / f"{part}.onnx")
    report |= json.loads((latents / "parts" / "parity.json").read_text())
    (out / "parity.json").write_text(json.dumps(report, indent=1))
    _write_manifest(config, pack, vocabulary)


def load_student(config: Config, out: Path) -> Student:
    """The trained student of a run, ready to evaluate; untrained where its phase has not run yet."""
    student = new_student(config)
    resume(out / "student.pt", student)
    return student.eval()


def _export_fp32(config: Config, student: Student, vocabulary: Mapping[str, Slot], work: Path) -> None:
    ae = config.autoencoder
    layout = layout_channels(ae, vocabulary)
    to_onnx(work / "conditioner.onnx", student.conditioner, {
        "attributes": torch.zeros(1, len(vocabulary), dtype=torch.long), "noise": torch.zeros(1, NUISANCE),
        "timestep": torch.ones(1),
    }, ["film"])  # fmt: skip
    to_onnx(work / "denoiser.onnx", student.denoiser, {
        "layout": torch.zeros(1, layout, *ae.cells), "latents": torch.zeros(1, ae.channels, *ae.cells),
        "film": torch.zeros(1, sum(student.denoiser.film_sizes) + 1, 1, 1),
    }, ["x0"])  # fmt: skip


def _calibration(config: Config, vocabulary: Mapping[str, Slot], work: Path) -> dict[str, list[Feed]]:
    """Real inputs of both parts, made by running them in fp32 over held-back scenes, all steps included."""
    run = {part: ort.InferenceSession(str(work / f"{part}.onnx")) for part in MADE}
    feeds: dict[str, list[Feed]] = {part: [] for part in MADE}
    ae = config.autoencoder
    for seed in range(CALIBRATION_SEED, CALIBRATION_SEED + config.calibration_clips):
        scene = random_scene(vocabulary, seed=seed)
        layout = scene_map(ae, vocabulary, scene, seed % 3)
        latents = np.zeros((1, ae.channels, *ae.cells), np.float32)
        for timestep in timesteps(max(config.steps)):
            feeds["conditioner"].append(_condition(vocabulary, scene, timestep))
            film = run["conditioner"].run(None, feeds["conditioner"][-1])[0][..., None, None]
            feeds["denoiser"].append({"layout": layout, "latents": latents, "film": film})
            latents = run["denoiser"].run(None, feeds["denoiser"][-1])[0]
    return feeds


def _condition(vocabulary: Mapping[str, Slot], scene: Scene, timestep: float) -> Feed:
    row = attributes(vocabulary, scene.shot.slots)
    return {"attributes": row[None], "noise": scene.z[None], "timestep": np.array([timestep], np.float32)}


def _torch_parity(student: Student, work: Path, feeds: dict[str, list[Feed]]) -> dict[str, float]:
    """Signal to noise in dB between torch and ONNX fp32, on the first feed of each part."""
    report = {}
    for name, module in (("conditioner", student.conditioner), ("denoiser", student.denoiser)):
        feed = feeds[name][0]
        with torch.no_grad():
            made = module(*(torch.from_numpy(value) for value in feed.values())).numpy()
        report[f"{name}_db"] = sqnr(made, ort.InferenceSession(str(work / f"{name}.onnx")).run(None, feed)[0])
    return report


def _write_manifest(config: Config, pack: Path, vocabulary: Mapping[str, Slot]) -> None:
    ae = config.autoencoder
    names = (*MADE, *TAKEN)
    states = {"trunk": STATES}
    manifest = VideoManifest(
        format=1, name=ae.name, version="0.2.0", tier=ae.tier, opset=OPSET, licence="Apache-2.0",
        description=f"{len(vocabulary['subject'].values)} subjects in {len(vocabulary['background'].values)} places, "
        "drawn by edgereel's own generator.",
        source="tools/convert/tinyvideo (simulator distillation from tools/convert/scenes)",
        canvas=Canvas(ae.width, ae.height, HEIGHT // ae.height, WIDTH, HEIGHT, FPS),
        latent=Latent(ae.channels, *ae.cells, ae.slot_frames, ae.keys),
        noise=Noise("vector", NUISANCE), steps=list(config.steps), layout_channels=layout_channels(ae, vocabulary),
        parts={name: part_of(pack / f"{name}.onnx", states=states.get(name)) for name in names},
        files={f"{name}.onnx": weight_file(pack / f"{name}.onnx") for name in names},
        vocabulary=dict(vocabulary),
    )  # fmt: skip
    text = "# Written by the export; `python -m tools.convert.tinyvideo export` makes it anew.\n"
    (pack / "manifest.yaml").write_bytes(text.encode() + msgspec.yaml.encode(manifest))
