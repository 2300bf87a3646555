"""Judging the autoencoder: renders of unseen scenes against what the board's INT8 decoder makes of their latents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edge.manifest import Canvas
from edge.mode import FPS, HEIGHT, WIDTH
from edge.video.decoder import Decoder, to_i420
from edge.video.steady import Steady
from tools.convert.judge.clips import whole_clip
from tools.convert.judge.pairs import Pair, judge_pairs
from tools.convert.latents.board import open_decoder
from tools.convert.latents.config import Config
from tools.convert.latents.network import Encoder
from tools.convert.latents.pixels import to_blocks
from tools.convert.latents.train import load
from tools.convert.scenes.render import render
from tools.convert.scenes.render import to_i420 as from_rgb
from tools.convert.scenes.scene import Scene, make_scene
from tools.convert.tinyvideo.data import random_scene
from tools.convert.tinyvideo.recogniser import Recogniser
from tools.convert.tinyvideo.vocabulary import load_vocabulary

JUDGE_SEED = (1 << 30) + 300_000
Bytes = NDArray[np.uint8]


def judge(config: Config, out: Path, recogniser: Recogniser, *, clips: int, seconds: float) -> dict[str, float]:
    """The figures of `judge_pairs`, and `int8_db`: PSNR of the INT8 decoder's frames against those of the fp32 one."""
    errors: list[float] = []
    figures = judge_pairs(pairs(config, out, clips=clips, seconds=seconds, errors=errors), recogniser)
    return figures | {"int8_db": float(10 * np.log10(255**2 / np.mean(errors)))}


def pairs(
    config: Config, out: Path, *, clips: int, seconds: float, errors: list[float] | None = None
) -> Iterator[Pair]:
    """Render, encode with the torch encoder, decode with the exported INT8 parts; one scene after the other.

    Squared errors of INT8 against fp32 go into `errors` when it is given.
    """
    encoder = load(config, out).encoder
    fast, exact = open_decoder(config, out / "parts"), open_decoder(config, out / "parts" / "fp32")
    for number in range(clips):
        scene = _scene(number, seconds)
        truth = [from_rgb(frame) for frame in render(scene, range(scene.layout.frames), height=config.height)]
        latents = encode(config, encoder, truth)
        made = decode(config, fast, latents)
        if errors is not None:
            errors += [_square(a, b) for a, b in zip(made, decode(config, exact, latents), strict=True)]
        yield Pair(
            original=whole_clip([_cropped(config, frame) for frame in truth]),
            made=whole_clip(made[: len(truth)]),
            slots=scene.shot.slots,
        )


def encode(config: Config, encoder: Encoder, frames: list[Bytes]) -> NDArray[np.float32]:
    """Planar frames [h * 3 / 2, w] to latents float32 [slots, c, h / 16, w / 16]; the last slot repeats its end."""
    count = -(-len(frames) // config.slot_frames) * config.slot_frames
    blocks = np.stack([to_blocks(frames[min(i, len(frames) - 1)]) for i in range(count)])
    slots = blocks.reshape(-1, config.slot_frames * 96, *blocks.shape[2:])
    with torch.no_grad():
        return torch.cat([encoder(torch.from_numpy(slot[None]).float() / 255) for slot in slots]).numpy()


def decode(config: Config, decoder: Decoder, latents: NDArray[np.float32]) -> list[Bytes]:
    """Latents of a whole clip to planar frames at the output size, as the board shows them."""
    decoder.reset()
    canvas, steady = _canvas(config), Steady()
    packed = (frame for slot in latents for key in decoder.frames(slot[None]) for frame in key)
    return [steady.show(to_i420(frame, canvas)) for frame in packed]


def draw_sheet(config: Config, out: Path, path: Path, *, columns: int = 4) -> None:
    """A PNG of reconstructions under their originals, chosen so that fine and fast things are seen."""
    encoder, decoder = load(config, out).encoder, open_decoder(config, out / "parts")
    rows = []
    for label, changes in SHOWN.items():
        scene = _shown(changes)
        truth = [from_rgb(frame) for frame in render(scene, range(scene.layout.frames), height=config.height)]
        made = decode(config, decoder, encode(config, encoder, truth))
        chosen = [round(i) for i in np.linspace(2, len(truth) - 3, columns)]
        strips = [_strip([side[i] for i in chosen]) for side in ([_cropped(config, f) for f in truth], made)]
        rows.append(np.concatenate([_label(label, strips[0].shape[1]), *strips]))
    half = len(rows) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)
    cv2.imwrite(str(path), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])


SHOWN: dict[str, dict[str, str]] = {
    "rain over a city": {"subject": "cat", "colour": "black", "background": "city", "particles": "rain"},
    "stars, a falling star": {"subject": "star", "background": "night_sky", "motion": "fall", "speed": "fast"},
    "electrons of an atom": {"subject": "atom", "colour": "blue", "background": "space", "size": "large"},
    "fireworks": {"subject": "fireworks", "colour": "red", "background": "night_sky", "count": "two"},
    "snow, small kite, watercolour": {
        "subject": "kite", "size": "small", "particles": "snow", "background": "snowy_mountains", "style": "watercolour",
    },
    "neon butterfly, fireflies": {
        "subject": "butterfly", "colour": "pink", "style": "neon", "particles": "fireflies", "background": "forest",
    },
    "three fish, bubbles": {"subject": "fish", "count": "three", "background": "deep_sea", "particles": "bubbles"},
    "paper-cut boat, pan": {"subject": "boat", "style": "paper_cut", "background": "beach", "camera": "pan_right"},
}  # fmt: skip


def _shown(changes: dict[str, str]) -> Scene:
    usual = {name: slot.default for name, slot in load_vocabulary().items()}
    return make_scene({**usual, "colour": "yellow", **changes}, seed=JUDGE_SEED - 1, seconds=2.0)


def _scene(number: int, seconds: float) -> Scene:
    scene = random_scene(load_vocabulary(), seed=JUDGE_SEED + number)
    return make_scene(scene.shot.slots, seed=JUDGE_SEED + number, seconds=seconds)


def _canvas(config: Config) -> Canvas:
    width = round(config.height * WIDTH / HEIGHT / 4) * 4
    return Canvas(config.width, config.height, 1, width, config.height, FPS)


def _cropped(config: Config, frame: Bytes) -> Bytes:
    return to_i420(to_blocks(frame), _canvas(config))


def _square(one: Bytes, two: Bytes) -> float:
    return float(np.mean((one.astype(np.float32) - two) ** 2))


def _strip(frames: list[Bytes], width: int = 424) -> Bytes:
    pictures = [cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420) for frame in frames]
    size = (width, round(width * pictures[0].shape[0] / pictures[0].shape[1]))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.concatenate(small, axis=1).astype(np.uint8)


def _label(text: str, width: int) -> Bytes:
    strip = np.full((24, width, 3), 255, np.uint8)
    cv2.putText(strip, f"{text}: above rendered, below decoded", (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1,
                cv2.LINE_AA)  # fmt: skip
    return strip
