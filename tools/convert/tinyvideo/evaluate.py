"""Looking at a pack: a contact sheet of prompts, and how close its clips come to the renderer's own."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.manifest import VideoManifest, load_manifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.generator import Generator, open_generator
from edge.video.layout import ASPECT
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import Scene, make_scene, random_slots

EVALUATION_SEED = (1 << 30) + 100_000
Picture = NDArray[np.uint8]


def open_pack(folder: Path) -> Pack[VideoManifest]:
    """A video pack in any folder."""
    return Pack(folder, cast(VideoManifest, load_manifest(folder)))


def clip(generator: Generator, shot: Shot, *, seed: int, mode: Mode = Mode.DIRECT) -> list[Picture]:
    """All frames of one shot, planar 4:2:0 at the output size."""
    plan = Plan(shots=(shot,), caption="", coverage=1.0)
    return list(generator.frames(plan, row=mode.row, seed=seed, stop=Stop()))


def contact_sheet(pack: Path, shots: list[tuple[str, Shot]], *, columns: int, seed: int, path: Path) -> None:
    """Write a PNG with one row per shot: its label and `columns` frames spread over the clip."""
    rows = []
    with open_generator(open_pack(pack), threads=2) as generator:
        for label, shot in shots:
            frames = clip(generator, shot, seed=seed)
            chosen = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, columns)]
            small = [_small(frame) for frame in chosen]
            rows += [_caption(label, sum(picture.shape[1] for picture in small)), np.concatenate(small, axis=1)]
    cv2.imwrite(str(path), np.concatenate(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _small(frame: Picture, width: int = 212) -> Picture:
    rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    size = (width, round(width * rgb.shape[0] / rgb.shape[1]))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _caption(text: str, width: int) -> Picture:
    strip = np.full((22, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    return strip


def paired(pack: Path, *, clips: int, seconds: float = 2.0) -> dict[str, float]:
    """Mean PSNR in dB of generated clips against the renderer's clips of the same scenes, none seen in training.

    Layout and noise leave nothing to chance, so the two can be compared pixel by pixel: `psnr_db` over the whole
    frame, `subject_psnr_db` over the cells that the layout gives to the subjects. Luma at the output size.
    """
    whole, subject = [], []
    with open_generator(open_pack(pack), threads=2) as generator:
        values = {name: list(slot.values) for name, slot in generator.manifest.vocabulary.items()}
        for seed in range(EVALUATION_SEED, EVALUATION_SEED + clips):
            slots = random_slots(values, np.random.default_rng(seed))
            scene = make_scene(slots, seed=seed, seconds=seconds)
            made = clip(generator, scene.shot, seed=seed)
            for number in range(3, len(made), 9):
                error = _luma_error(made[number], scene, number)
                whole.append(float(error.mean()))
                subject.append(float(error[_subject_mask(scene, number, error.shape)].mean()))
    return {"psnr_db": _psnr(whole), "subject_psnr_db": _psnr(subject)}


def _luma_error(made: Picture, scene: Scene, number: int) -> NDArray[np.float64]:
    height, width = made.shape[0] * 2 // 3, made.shape[1]
    truth = to_i420(next(render(scene, [number], height=height)))[:height]
    left = (truth.shape[1] - width) // 2
    return (made[:height].astype(np.float64) - truth[:, left : left + width]) ** 2


def _subject_mask(scene: Scene, number: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.uint8)
    left = (round(shape[0] * ASPECT) - shape[1]) // 2
    for track in scene.layout.tracks:
        centre = (round(float(track.x[number]) * shape[0]) - left, round(float(track.y[number]) * shape[0]))
        cv2.circle(mask, centre, round(1.1 * float(track.radius[number]) * shape[0]), 1, -1)
    return mask.astype(bool)


def _psnr(errors: list[float]) -> float:
    return float(np.mean(10 * np.log10(255**2 / np.maximum(errors, 1e-3))))
