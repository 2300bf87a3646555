"""Training of the student: simulator distillation on the shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tools.convert.scenes.scene import NUISANCE
from tools.convert.tinyvideo.autoencoder import Pca
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import load_vocabulary
from tools.convert.tinyvideo.loop import cosine, resume, run_loop, set_rate
from tools.convert.tinyvideo.store import CROP_CELLS, Shards
from tools.convert.tinyvideo.student import Student

EMA = 0.999
REFINE_SHARE = 0.25
REFINE_FROM = 0.6
REFINE_TIME = 0.5
OBJECT_WEIGHT = 2.0
CROP_SHARE = 0.5


def new_student(config: Config, layout: int) -> Student:
    """An untrained student of the config's sizes."""
    sizes = [len(slot.values) for slot in load_vocabulary().values()]
    return Student(
        sizes, noise=NUISANCE, layout=layout, latent=config.latent_channels,
        width=config.student_width, deep=config.student_deep,
    )  # fmt: skip


def student(config: Config, out: Path) -> None:
    """Simulator distillation on the shards (new ones are picked up as they appear): `student.pt`."""
    torch.manual_seed(config.seed)
    store = Shards(out / "shards")
    weights = _channel_weights(Pca.load(out / "pca.npz"))
    model = new_student(config, store.layout_channels).to(memory_format=torch.channels_last)
    average = new_student(config, store.layout_channels)
    average.load_state_dict(model.state_dict())
    progress = resume(out / "student.pt", average)
    model.load_state_dict(progress.extra.get("raw", average.state_dict()))
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.student_rate, betas=(0.9, 0.98), weight_decay=1e-4)
    if progress.extra:
        optimiser.load_state_dict(progress.extra["optimiser"])
    rng = np.random.default_rng([config.seed, progress.step])

    def step(share: float) -> float:
        warm = min(1.0, (progress.step + 1) / 200)
        set_rate(optimiser, config.student_rate * warm * cosine(share))
        if rng.uniform() < CROP_SHARE:
            crowd = config.student_batch * config.cells[0] * config.cells[1] // CROP_CELLS**2
            row, z, layout, latents = store.batch(crowd, rng, crop=True)
        else:
            row, z, layout, latents = store.batch(config.student_batch, rng)
        before, time_ = torch.zeros_like(latents), torch.ones(len(row))
        if max(config.steps) > 1 and share > REFINE_FROM and rng.uniform() < REFINE_SHARE:
            with torch.no_grad():
                before = model(row, z, time_, layout, before)
            time_ = torch.full_like(time_, REFINE_TIME)
        made = model(row, z, time_, layout, before)
        loss = _latent_loss(made, latents, layout, weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        blend = min(EMA, (progress.step + 1) / (progress.step + 10))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 1 - blend)
        return float(loss.detach())

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict(), "optimiser": optimiser.state_dict()}

    def check() -> dict[str, float]:
        store.refresh()
        return {"shards": len(store.files)}

    minutes = config.student_minutes
    run_loop(out / "student.pt", average, progress, minutes=minutes, step=step, check=check, extra=extra)


def _latent_loss(made: Tensor, truth: Tensor, layout: Tensor, weights: Tensor) -> Tensor:
    subjects, particles = layout[:, :1], layout[:, -5:-4].clamp(0, 1)  # as edge.video.layout_map orders its channels
    focus = 1 + OBJECT_WEIGHT * torch.maximum(subjects, particles)
    return ((made - truth).abs() * focus * weights).mean()


def _channel_weights(encoder: Pca) -> Tensor:
    """Between equal weight per standardised channel and equal weight per pixel: the square root of the std."""
    weights = np.sqrt(encoder.std / encoder.std[0])
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))[:, None, None]
