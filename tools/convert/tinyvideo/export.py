"""Trained networks -> a pack: ONNX fp32, static INT8 convolutions, parity of the three, manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
import torch

from edge.manifest import Canvas, Latent, Noise, VideoManifest
from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.layout_map import channels
from edge.video.scheduler import timesteps
from tools.convert.pack import part_of, weight_file
from tools.convert.parity import parity, sqnr
from tools.convert.quantize import OPSET, Feed, quantise, to_onnx
from tools.convert.scenes.scene import NUISANCE, Scene
from tools.convert.tinyvideo.autoencoder import Decoder, Pca
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, load_vocabulary, random_scene, scene_map
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import new_student

STATES = {"trunk": {"state": "next_state"}}
CALIBRATION_SEED = (1 << 30) + 1
# Left in fp32: the denoiser's first convolution sees layout and latents of very different ranges at once, its last one
# makes the latents themselves, the trunk's first sees the latents' long tails, and the decoder's linear part is the
# picture to which the quantised part only adds.
KEEP_FP32 = {"denoiser": ("inlet", "outlet"), "trunk": ("inlet",), "tail": ("linear",)}


def export(config: Config, out: Path, pack: Path) -> None:
    """Write the INT8 pack into `pack` and the parity report into `out/parity.json`."""
    vocabulary = load_vocabulary()
    layout = channels(len(vocabulary["subject"].values), len(vocabulary["colour"].values))
    student, decoder = load_networks(config, out, layout)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _export_fp32(config, student, decoder, layout, work)
        feeds = {part: list(feed) for part, feed in _calibration(config, work).items()}
        pack.mkdir(parents=True, exist_ok=True)
        for part in ("denoiser", "trunk", "tail"):
            quantise(work / f"{part}.onnx", pack / f"{part}.onnx", feeds[part], keep=KEEP_FP32[part])
        shutil.copyfile(work / "conditioner.onnx", pack / "conditioner.onnx")
        report = {part: parity(work / f"{part}.onnx", pack / f"{part}.onnx", feeds[part]) for part in feeds}
        report["torch"] = _torch_parity(student, decoder, work, feeds)
    (out / "parity.json").write_text(json.dumps(report, indent=1))
    _write_manifest(config, pack, layout)


def load_networks(config: Config, out: Path, layout: int) -> tuple[Student, Decoder]:
    """The trained networks of a run, ready to evaluate; untrained where a phase has not run yet."""
    student = new_student(config, layout).eval()
    decoder = Decoder(config, Pca.load(out / "pca.npz")).eval()
    for model, name in ((student, "student.pt"), (decoder, "decoder.pt")):
        if (out / name).exists():
            model.load_state_dict(torch.load(out / name, weights_only=True)["model"])
    return student, decoder


def _export_fp32(config: Config, student: Student, decoder: Decoder, layout: int, work: Path) -> None:
    h, w = config.cells
    c, keys, width = config.latent_channels, config.keys, config.decoder_width
    film = sum(student.denoiser.film_sizes)
    slots = len(load_vocabulary())
    to_onnx(work / "conditioner.onnx", student.conditioner, {
        "attributes": torch.zeros(1, slots, dtype=torch.long), "noise": torch.zeros(1, NUISANCE),
        "timestep": torch.ones(1),
    }, ["film"])  # fmt: skip
    to_onnx(work / "denoiser.onnx", student.denoiser, {
        "layout": torch.zeros(keys, layout, h, w), "latents": torch.zeros(keys, c, h, w),
        "film": torch.zeros(1, film, 1, 1),
    }, ["x0"])  # fmt: skip
    to_onnx(work / "trunk.onnx", decoder.trunk, {
        "latents": torch.zeros(1, keys * c, h, w), "state": torch.zeros(1, width, 2 * h, 2 * w),
    }, ["features", "next_state"])  # fmt: skip
    to_onnx(work / "tail.onnx", decoder.tail, {
        "features": torch.zeros(1, width, 2 * h, 2 * w), "latents": torch.zeros(1, c, h, w),
    }, ["frames"])  # fmt: skip


def _calibration(config: Config, work: Path) -> dict[str, list[Feed]]:
    """Real inputs of every part, made by running the fp32 parts over held-back scenes, all steps included."""
    vocabulary = load_vocabulary()
    run = {part: ort.InferenceSession(str(work / f"{part}.onnx")) for part in ("conditioner", "denoiser", "trunk")}
    feeds: dict[str, list[Feed]] = {"conditioner": [], "denoiser": [], "trunk": [], "tail": []}
    for seed in range(CALIBRATION_SEED, CALIBRATION_SEED + config.calibration_clips):
        scene = random_scene(vocabulary, seed=seed)
        layout = scene_map(config, vocabulary, scene, list(range(config.keys)))
        latents = np.zeros((config.keys, config.latent_channels, *config.cells), np.float32)
        for timestep in timesteps(max(config.steps)):
            cond: Feed = _condition(vocabulary, scene, timestep)
            film = run["conditioner"].run(None, cond)[0][..., None, None]
            denoise: Feed = {"layout": layout, "latents": latents, "film": film}
            feeds["conditioner"].append(cond)
            feeds["denoiser"].append(denoise)
            latents = run["denoiser"].run(None, denoise)[0]
        state = np.zeros((1, config.decoder_width, 2 * config.cells[0], 2 * config.cells[1]), np.float32)
        trunk: Feed = {"latents": latents.reshape(1, -1, *config.cells), "state": state}
        feeds["trunk"].append(trunk)
        features, state = run["trunk"].run(None, trunk)
        feeds["trunk"].append({**trunk, "state": state})
        key = seed % config.keys
        feeds["tail"].append({"features": features[key : key + 1], "latents": latents[key : key + 1]})
    return feeds


def _condition(vocabulary: dict[str, Any], scene: Scene, timestep: float) -> Feed:
    row = attributes(vocabulary, scene.shot.slots)
    return {"attributes": row[None], "noise": scene.z[None], "timestep": np.array([timestep], np.float32)}


def _torch_parity(student: Student, decoder: Decoder, work: Path, feeds: dict[str, list[Feed]]) -> dict[str, float]:
    """The same between torch and ONNX fp32, on the first feed of each part."""
    modules = {
        "conditioner": student.conditioner, "denoiser": student.denoiser, "trunk": decoder.trunk, "tail": decoder.tail,
    }  # fmt: skip
    report = {}
    for name, module in modules.items():
        feed = feeds[name][0]
        with torch.no_grad():
            made = module(*(torch.from_numpy(value) for value in feed.values()))
        first = (made[0] if name == "trunk" else made).numpy()
        report[f"{name}_db"] = sqnr(first, ort.InferenceSession(str(work / f"{name}.onnx")).run(None, feed)[0])
    return report


def _write_manifest(config: Config, pack: Path, layout: int) -> None:
    names = ("conditioner", "denoiser", "trunk", "tail")
    manifest = VideoManifest(
        format=1, name=config.name, version="0.1.0", tier=config.tier, opset=OPSET, licence="Apache-2.0",
        description="Twelve subjects in eight places: the first, small tier of edgereel's own generator.",
        source="tools/convert/tinyvideo (simulator distillation from tools/convert/scenes)",
        canvas=Canvas(config.width, config.height, config.scale, WIDTH, HEIGHT, FPS),
        latent=Latent(config.latent_channels, *config.cells, config.slot_frames, config.keys),
        noise=Noise("vector", NUISANCE), steps=list(config.steps), layout_channels=layout,
        parts={name: part_of(pack / f"{name}.onnx", states=STATES.get(name)) for name in names},
        files={f"{name}.onnx": weight_file(pack / f"{name}.onnx") for name in names},
        vocabulary=load_vocabulary(),
    )  # fmt: skip
    text = "# Written by the export; `python -m tools.convert.tinyvideo export` makes it anew.\n"
    (pack / "manifest.yaml").write_bytes(text.encode() + msgspec.yaml.encode(manifest))
