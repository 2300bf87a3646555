"""Trained autoencoder -> ONNX parts: decoder trunk and tail in INT8 with their parity, and the image encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnxruntime as ort
import torch

from tools.convert.latents.config import Config
from tools.convert.latents.data import SLOTS, held_clip
from tools.convert.latents.network import ImageEncoder
from tools.convert.latents.train import Autoencoder, load
from tools.convert.parity import parity
from tools.convert.quantize import Feed, quantise, to_onnx
from tools.convert.tinyvideo.world import RENDERER, World

CALIBRATION_FIRST = 500  # held clips from here on are for calibration only
# The latents' long tails want a range of their own kind: the first convolution stays in fp32 (it is 1 % of the work).
KEEP_FP32 = {"trunk": ("inlet", "base", "details"), "tail": ("spread",)}
MAPS = ("base", "details", "features")
TYPES = ("Conv", "DepthToSpace", "Concat", "Add", "Relu")


def export(config: Config, out: Path, *, world: World = RENDERER) -> None:
    """Write `parts/*.onnx` (trunk and tail INT8), `parts/fp32/*.onnx` and `parts/parity.json`."""
    whole = load(config, out)
    folder = out / "parts"
    (folder / "fp32").mkdir(parents=True, exist_ok=True)
    _export_fp32(config, whole, folder / "fp32")
    feeds = _calibration(config, whole, folder / "fp32", world)
    for name, given in feeds.items():
        quantise(folder / "fp32" / f"{name}.onnx", folder / f"{name}.onnx", given, keep=KEEP_FP32[name], types=TYPES)
    shutil.copyfile(
        folder / "fp32" / "image_encoder.onnx", folder / "image_encoder.onnx"
    )  # runs once a clip: INT8 saves nothing
    report = {name: parity(folder / "fp32" / f"{name}.onnx", folder / f"{name}.onnx", feeds[name]) for name in feeds}
    (folder / "parity.json").write_text(json.dumps(report, indent=1))


def _export_fp32(config: Config, whole: Autoencoder, folder: Path) -> None:
    h, w = config.cells
    slot_state, key_state = whole.decoder.states(1, h, w)
    latents = torch.zeros(1, config.channels, h, w)
    given = {"latents": latents, "slot_state": slot_state, "key_state": key_state}
    details = torch.zeros(1, config.detail_width, 2 * h, 2 * w)
    tail = {"base": torch.zeros(1, 3, 2 * h, 2 * w), "details": details, "features": key_state}
    to_onnx(folder / "trunk.onnx", whole.decoder.trunk, given, [*MAPS, "next_slot_state", "next_key_state"])
    to_onnx(folder / "tail.onnx", whole.decoder.tail, tail, ["frames"])
    to_onnx(
        folder / "image_encoder.onnx",
        ImageEncoder(whole.encoder),
        {"blocks": torch.zeros(1, 96, 2 * h, 2 * w)},
        ["latents"],
    )


def _calibration(config: Config, whole: Autoencoder, folder: Path, world: World) -> dict[str, list[Feed]]:
    """Real inputs of the decoder: the latents of held-back clips, two slots each, through the fp32 parts."""
    trunk = ort.InferenceSession(str(folder / "trunk.onnx"))
    feeds: dict[str, list[Feed]] = {"trunk": [], "tail": []}
    for number in range(CALIBRATION_FIRST, CALIBRATION_FIRST + config.calibration_clips):
        clip = torch.from_numpy(held_clip(config, number, world=world)).float() / 255
        with torch.no_grad():
            latents = whole.encoder(clip).numpy()
        states = [state.numpy() for state in whole.decoder.states(1, *config.cells)]
        for slot in range(SLOTS):
            feed: Feed = {"latents": latents[slot : slot + 1], "slot_state": states[0], "key_state": states[1]}
            feeds["trunk"].append(feed)
            *maps, states[0], states[1] = trunk.run(None, feed)
        key = number % config.keys
        feeds["tail"].append({name: made[key : key + 1] for name, made in zip(MAPS, maps, strict=True)})
    return feeds
