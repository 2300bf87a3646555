"""Training of the decoder: on what the encoder gives and, once there is a student, on what the student gives.

Layout and noise leave nothing to chance, so a student's latents and the renderer's pixels of the same scene are an
exact pair: the decoder learns to sharpen the very blur that the student has.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tools.convert.tinyvideo.autoencoder import Decoder, Pca
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes, load_vocabulary, scene_map
from tools.convert.tinyvideo.loop import cosine, resume, run_loop, set_rate
from tools.convert.tinyvideo.prepare import decoder_scenes
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import new_student

HELD = 8  # clips that are only looked at
STUDENT_SHARE = 0.7
RATE = 1e-3


def decoder(config: Config, out: Path) -> None:
    """Train the residual decoder on crops of consecutive slots: `decoder.pt`."""
    encoder = Pca.load(out / "pca.npz")
    clips = np.load(out / "pixels.npy", mmap_mode="r")
    latents = student_latents(config, out) if (out / "student.pt").exists() else None
    model = Decoder(config, encoder)
    progress = resume(out / "decoder.pt", model)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)
    rng = np.random.default_rng([config.seed, progress.step])

    def step(share: float) -> float:
        set_rate(optimiser, RATE * cosine(share))
        loss = torch.zeros(())
        for _ in range(config.decoder_batch):
            codes, truth = _crop(config, encoder, clips, latents, rng)
            loss = loss + _pixel_loss(model(codes), truth) / config.decoder_batch
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    def check() -> dict[str, float]:
        figures = {"psnr_db": _psnr(model, [encoder.encode(clip) for clip in clips[:HELD]], clips)}
        if latents is not None:
            figures["student_psnr_db"] = _psnr(model, list(latents[:HELD]), clips)
        return figures

    run_loop(out / "decoder.pt", model, progress, minutes=config.decoder_minutes, step=step, check=check)


def student_latents(config: Config, out: Path) -> NDArray[np.float32]:
    """What the student makes of the scenes of `pixels.npy`, float32 [clips, keys, c, h, w], after one step."""
    vocabulary = load_vocabulary()
    model: Student | None = None
    made = []
    for scene, keys in decoder_scenes(config):
        layout = torch.from_numpy(scene_map(config, vocabulary, scene, keys))
        if model is None:
            model = new_student(config, layout.shape[1]).eval()
            resume(out / "student.pt", model)
        row = torch.from_numpy(attributes(vocabulary, scene.shot.slots))[None]
        before = torch.zeros(len(keys), config.latent_channels, *config.cells)
        with torch.no_grad():
            made.append(model(row, torch.from_numpy(scene.z)[None], torch.ones(1), layout, before).numpy())
    return np.stack(made)


def _crop(
    config: Config, encoder: Pca, clips: NDArray[np.uint8], latents: NDArray[np.float32] | None,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Latents and pixels of one random square of cells of one clip, of the student or of the encoder."""
    number = int(rng.integers(HELD, len(clips)))
    cells = min(9, config.cells[0])
    i, j = (int(rng.integers(0, side - cells + 1)) for side in config.cells)
    window = clips[number][:, :, 4 * i : 4 * (i + cells), 4 * j : 4 * (j + cells)]
    if latents is not None and rng.uniform() < STUDENT_SHARE:
        codes = latents[number][:, :, i : i + cells, j : j + cells]
    else:
        codes = encoder.encode(window)
    return torch.from_numpy(np.ascontiguousarray(codes)), torch.from_numpy(window.astype(np.float32) / 255)


def _pixel_loss(made: Tensor, truth: Tensor) -> Tensor:
    """Absolute plus root mean square error: the second keeps the weight on edges."""
    return (made - truth).abs().mean() + 2 * functional.mse_loss(made, truth).sqrt()


def _psnr(model: Decoder, codes: list[NDArray[np.float32]], clips: NDArray[np.uint8]) -> float:
    """PSNR in dB of decoding the codes of the first clips."""
    errors = []
    with torch.no_grad():
        for code, clip in zip(codes, clips, strict=False):
            made = model(torch.from_numpy(code)).clamp(0, 1).numpy()
            errors.append(float(np.mean((made - clip.astype(np.float32) / 255) ** 2)))
    return float(-10 * np.log10(np.mean(errors)))
