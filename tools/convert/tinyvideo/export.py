"""Trained networks -> a pack: the student to ONNX and INT8, the decoder's finished parts beside it, parity, manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np

from edge import manifest
from edge.manifest import Canvas, Latent, Noise, VideoManifest
from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.textures import open_textures
from tools.convert.latents.board import STATES
from tools.convert.pack import part_of, weight_file
from tools.convert.quantize import OPSET
from tools.convert.tinyvideo import bake as baked
from tools.convert.tinyvideo.bake import load_textures
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import layout_channels
from tools.convert.tinyvideo.loop import resume, write_whole
from tools.convert.tinyvideo.networks import MADE, write_networks
from tools.convert.tinyvideo.painter_phase import PAINTER, painted, write_painter
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import new_student
from tools.convert.tinyvideo.world import RENDERER, World

TAKEN = ("trunk", "tail")


def export(config: Config, out: Path, latents: Path, pack: Path, *, world: World = RENDERER) -> None:
    """Write the INT8 pack into `pack` and the parity report into `out/parity.json`.

    The decoder comes from the `parts` of the autoencoder's run in `latents`.
    """
    student = load_student(config, out, world)
    pack.mkdir(parents=True, exist_ok=True)
    looked_at = _write_textures(load_textures(out), pack, world)
    report = write_networks(
        student, pack, config=config.autoencoder, world=world, textures=open_textures(pack, looked_at),
        steps=max(config.steps), clips=config.calibration_clips,
    )  # fmt: skip
    if painted(world):
        write_painter(out, pack, world=world)
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


def _write_textures(textures: baked.Textures, pack: Path, world: World) -> manifest.Textures:
    names = {name: f"{name}.npz" for name in ("far", "near", "subjects")}
    for name, file in names.items():
        pictures = {str(number): picture for number, picture in enumerate(getattr(textures, name))}
        write_whole(pack / file, lambda out, pictures=pictures: np.savez_compressed(out, **pictures))
    return manifest.Textures(**names, variants=world.variants, chooser=world.chooser, photo=textures.photo.tolist())


def _write_manifest(config: Config, pack: Path, world: World, textures: manifest.Textures) -> None:
    ae, vocabulary = config.autoencoder, world.vocabulary
    names = (*MADE, *TAKEN, *([PAINTER] if painted(world) else []))
    states = {"trunk": STATES}
    whole = VideoManifest(
        format=1, name=ae.name, version="0.3.0", tier=ae.tier, opset=OPSET, licence=world.licence,
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
