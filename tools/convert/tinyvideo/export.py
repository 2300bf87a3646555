"""Trained networks -> a pack: the student to ONNX and INT8, the decoder's finished parts beside it, parity, manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import torch

from edge import manifest
from edge.manifest import Canvas, Latent, Noise, VideoManifest
from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.scheduler import timesteps
from edge.video.textures import Textures, open_textures
from tools.convert.latents.board import STATES
from tools.convert.pack import part_of, weight_file
from tools.convert.parity import parity, sqnr
from tools.convert.quantize import OPSET, Feed, halve, quantise, to_onnx
from tools.convert.tinyvideo import bake as baked
from tools.convert.tinyvideo.bake import load_textures
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, layout_channels, scene_map
from tools.convert.tinyvideo.loop import resume, write_whole
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import new_student
from tools.convert.tinyvideo.textures import GRID
from tools.convert.tinyvideo.world import RENDERER, World

CALIBRATION_SEED = (1 << 30) + 1
# Left in fp32: the inlet sees shades, layout and latents of very different ranges at once, the outlet makes the latents
# themselves; and an error in a shade shows in every pixel.
KEEP_FP32 = ("shade", "inlet", "outlet", "straight")
MADE = ("conditioner", "denoiser")
TAKEN = ("trunk", "tail")


def export(config: Config, out: Path, latents: Path, pack: Path, *, world: World = RENDERER) -> None:
    """Write the INT8 pack into `pack` and the parity report into `out/parity.json`.

    The decoder comes from the `parts` of the autoencoder's run in `latents`.
    """
    student = load_student(config, out, world)
    pack.mkdir(parents=True, exist_ok=True)
    looked_at = _write_textures(load_textures(out), pack, world)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _export_fp32(config, student, world, work)
        feeds = _calibration(config, world, open_textures(pack, looked_at), work)
        quantise(work / "denoiser.onnx", pack / "denoiser.onnx", feeds["denoiser"], keep=KEEP_FP32)
        halve(work / "conditioner.onnx", pack / "conditioner.onnx")
        report: dict[str, object] = {"torch": _torch_parity(student, work, feeds)}
        report |= {name: parity(work / f"{name}.onnx", pack / f"{name}.onnx", feeds[name]) for name in MADE}
    for part in TAKEN:
        shutil.copyfile(latents / "parts" / f"{part}.onnx", pack / f"{part}.onnx")
    report |= json.loads((latents / "parts" / "parity.json").read_text())
    (out / "parity.json").write_text(json.dumps(report, indent=1))
    _write_manifest(config, pack, world, looked_at)


def load_student(config: Config, out: Path, world: World = RENDERER) -> Student:
    """The trained student of a run, ready to evaluate; untrained where its phase has not run yet."""
    student = new_student(config, load_textures(out), world)
    resume(out / "student.pt", student)
    return student.eval()


def _export_fp32(config: Config, student: Student, world: World, work: Path) -> None:
    ae = config.autoencoder
    layout = layout_channels(ae, world.vocabulary)
    to_onnx(work / "conditioner.onnx", student.conditioner, {
        "attributes": torch.zeros(1, len(world.vocabulary), dtype=torch.long), "noise": torch.zeros(1, world.noise),
        "timestep": torch.ones(1),
    }, ["film"])  # fmt: skip
    to_onnx(work / "denoiser.onnx", student.denoiser, {
        "found": torch.zeros(1, len(student.denoiser.shade.scale), ae.keys * GRID * ae.cells[0], ae.cells[1]),
        "layout": torch.zeros(1, layout, *ae.cells), "latents": torch.zeros(1, ae.channels, *ae.cells),
        "film": torch.zeros(1, sum(student.denoiser.film_sizes), 1, 1),
    }, ["x0"])  # fmt: skip


def _calibration(config: Config, world: World, textures: Textures, work: Path) -> dict[str, list[Feed]]:
    """Real inputs of both parts, made by running them in fp32 over held-back clips, all steps included."""
    run = {part: ort.InferenceSession(str(work / f"{part}.onnx")) for part in MADE}
    feeds: dict[str, list[Feed]] = {part: [] for part in MADE}
    ae, vocabulary = config.autoencoder, world.vocabulary
    for number in range(CALIBRATION_SEED, CALIBRATION_SEED + config.calibration_clips):
        example = world.example(number)
        row = attributes(vocabulary, example.slots)
        layout = scene_map(ae, vocabulary, example.layout, number % min(3, example.layout.frames // ae.slot_frames))
        place = textures.place(int(row[list(vocabulary).index("background")]), example.z)
        found = textures.look_up(layout, keys=ae.keys, place=place)
        latents = np.zeros((1, ae.channels, *ae.cells), np.float32)
        for timestep in timesteps(max(config.steps)):
            now = np.array([timestep], np.float32)
            feeds["conditioner"].append({"attributes": row[None], "noise": example.z[None], "timestep": now})
            film = run["conditioner"].run(None, feeds["conditioner"][-1])[0][..., None, None]
            feeds["denoiser"].append({"found": found, "layout": layout, "latents": latents, "film": film})
            latents = run["denoiser"].run(None, feeds["denoiser"][-1])[0]
    return feeds


def _torch_parity(student: Student, work: Path, feeds: dict[str, list[Feed]]) -> dict[str, float]:
    """Signal to noise in dB between torch and ONNX fp32, on the first feed of each part."""
    report = {}
    for name, module in (("conditioner", student.conditioner), ("denoiser", student.denoiser)):
        feed = feeds[name][0]
        with torch.no_grad():
            made = module(*(torch.from_numpy(value) for value in feed.values())).numpy()
        report[f"{name}_db"] = sqnr(made, ort.InferenceSession(str(work / f"{name}.onnx")).run(None, feed)[0])
    return report


def _write_textures(textures: baked.Textures, pack: Path, world: World) -> manifest.Textures:
    names = {name: f"{name}.npz" for name in ("far", "near", "subjects")}
    for name, file in names.items():
        pictures = {str(number): picture for number, picture in enumerate(getattr(textures, name))}
        write_whole(pack / file, lambda out, pictures=pictures: np.savez_compressed(out, **pictures))
    return manifest.Textures(**names, variants=world.variants, chooser=world.chooser, photo=textures.photo.tolist())


def _write_manifest(config: Config, pack: Path, world: World, textures: manifest.Textures) -> None:
    ae, vocabulary = config.autoencoder, world.vocabulary
    names = (*MADE, *TAKEN)
    states = {"trunk": STATES}
    whole = VideoManifest(
        format=1, name=ae.name, version="0.2.0", tier=ae.tier, opset=OPSET, licence=world.licence,
        description=f"{len(vocabulary['subject'].values)} subjects in {len(vocabulary['background'].values)} places, "
        "drawn by edgereel's own generator.",
        source=world.source,
        canvas=Canvas(ae.width, ae.height, HEIGHT // ae.height, WIDTH, HEIGHT, FPS),
        latent=Latent(ae.channels, *ae.cells, ae.slot_frames, ae.keys),
        noise=Noise("vector", world.noise), steps=list(config.steps), layout_channels=layout_channels(ae, vocabulary),
        anonymous_mib=config.anonymous_mib, textures=textures, parts={name: part_of(pack / f"{name}.onnx", states=states.get(name)) for name in names},
        files={file: weight_file(pack / file) for file in (
            *(f"{name}.onnx" for name in names), textures.far, textures.near, textures.subjects)},
        vocabulary=dict(vocabulary),
    )  # fmt: skip
    text = "# Written by the export; `python -m tools.convert.tinyvideo export` makes it anew.\n"
    (pack / "manifest.yaml").write_bytes(text.encode() + msgspec.yaml.encode(whole))
