"""A student to the two networks of a pack, conditioner and denoiser: ONNX, calibration on scenes, INT8, parity."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from edge.video.scheduler import timesteps
from edge.video.textures import Textures
from tools.convert.latents.config import Config
from tools.convert.parity import parity, sqnr
from tools.convert.quantize import Feed, halve, quantise, to_onnx
from tools.convert.tinyvideo.data import attributes, layout_channels, scene_map
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.textures import GRID
from tools.convert.tinyvideo.world import World

CALIBRATION_SEED = (1 << 30) + 1
# Left in fp32: the inlet sees shades, layout and latents of very different ranges at once, the outlet makes the latents
# themselves; and an error in a shade shows in every pixel.
KEEP_FP32 = ("shade", "inlet", "outlet", "straight")
MADE = ("conditioner", "denoiser")


def write_networks(
    student: Student, pack: Path, *, config: Config, world: World, textures: Textures, steps: int, clips: int
) -> dict[str, object]:  # fmt: skip
    """Write both networks into the folder `pack`; returns how close they are to torch and to fp32, in dB.

    The denoiser becomes INT8 with the ranges that are seen in `steps` steps of `clips` clips that nothing was trained on; the
    conditioner keeps float16.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _export_fp32(student, config, world, work)
        numbers = range(CALIBRATION_SEED, CALIBRATION_SEED + clips)
        feeds = real_feeds(work, config=config, world=world, textures=textures, steps=steps, numbers=numbers)
        quantise(work / "denoiser.onnx", pack / "denoiser.onnx", feeds["denoiser"], keep=KEEP_FP32)
        halve(work / "conditioner.onnx", pack / "conditioner.onnx")
        report: dict[str, object] = {"torch": _torch_parity(student, work, feeds)}
        return report | {name: parity(work / f"{name}.onnx", pack / f"{name}.onnx", feeds[name]) for name in MADE}


def _export_fp32(student: Student, config: Config, world: World, work: Path) -> None:
    layout = layout_channels(config, world.vocabulary)
    to_onnx(work / "conditioner.onnx", student.conditioner, {
        "attributes": torch.zeros(1, len(world.vocabulary), dtype=torch.long), "noise": torch.zeros(1, world.noise),
        "timestep": torch.ones(1),
    }, ["film"])  # fmt: skip
    to_onnx(work / "denoiser.onnx", student.denoiser, {
        "found": torch.zeros(1, len(student.denoiser.shade.scale), config.keys * GRID * config.cells[0], config.cells[1]),
        "layout": torch.zeros(1, layout, *config.cells), "latents": torch.zeros(1, config.channels, *config.cells),
        "film": torch.zeros(1, sum(student.denoiser.film_sizes), 1, 1),
    }, ["x0"])  # fmt: skip


def real_feeds(
    folder: Path, *, config: Config, world: World, textures: Textures, steps: int, numbers: range
) -> dict[str, list[Feed]]:
    """Real inputs of both networks of a folder, made by running them over clips of the world, all steps included."""
    run = {part: ort.InferenceSession(str(folder / f"{part}.onnx")) for part in MADE}
    feeds: dict[str, list[Feed]] = {part: [] for part in MADE}
    for number in numbers:
        example = world.example(number)
        row = attributes(world.vocabulary, example.slots)
        slot = number % min(3, example.layout.frames // config.slot_frames)
        layout = scene_map(config, world.vocabulary, example.layout, slot)
        place = textures.place(int(row[list(world.vocabulary).index("background")]), example.z)
        found = textures.look_up(layout, keys=config.keys, place=place)
        latents = np.zeros((1, config.channels, *config.cells), np.float32)
        for timestep in timesteps(steps):
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
