"""Training of the student: simulator distillation on the shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tools.convert.latents.components import Components, load_components
from tools.convert.scenes.backgrounds import VARIANTS
from tools.convert.scenes.scene import NUISANCE, VARIANT_NOISE
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import load_vocabulary
from tools.convert.tinyvideo.loop import Average, cosine, resume, run_loop, set_rate
from tools.convert.tinyvideo.store import HELD, Shards
from tools.convert.tinyvideo.student import Shape, Student
from tools.convert.tinyvideo.textures import Atlas

WARM_UP = 200  # steps
TEXEL_RATE = 5.0  # of the rate: a texel is seen far less often than a weight
REFINE_SHARE = 0.25
REFINE_FROM = 0.6
REFINE_TIME = 0.5
OBJECT_WEIGHT = 3.0
CROP_SHARE = 0.8
CHECK_EVERY = 4  # log lines


def new_student(config: Config) -> Student:
    """An untrained student of the config's sizes."""
    vocabulary, ae = load_vocabulary(), config.autoencoder
    sizes = {name: len(slot.values) for name, slot in vocabulary.items()}
    return Student(Shape(
        slots=tuple(sizes.values()), noise=NUISANCE, subjects=sizes["subject"], colours=sizes["colour"], keys=ae.keys,
        latent=ae.channels, place=list(sizes).index("background"), variants=VARIANTS, chooser=VARIANT_NOISE,
        width=config.width, deep=config.deep, texels=config.texels, features=config.features,
    ))  # fmt: skip


def student(config: Config, out: Path, latents: Path) -> None:
    """Simulator distillation on the shards (new ones are picked up as they appear): `student.pt`.

    Raises ValueError where the config has too few shards.
    """
    if config.shards <= HELD:
        raise ValueError(f"shards: {config.shards} leaves nothing to learn from; the first {HELD} are only looked at.")
    torch.manual_seed(config.seed)
    store = Shards(out / "shards")
    weights = channel_weights(load_components(latents))
    model = new_student(config).to(memory_format=torch.channels_last)
    average = Average(model)
    progress = resume(out / "student.pt", average.model)
    model.load_state_dict(progress.extra.get("raw", average.model.state_dict()))
    texels = [atlas.texels for atlas in model.modules() if isinstance(atlas, Atlas)]
    rest = [weight for weight in model.parameters() if all(weight is not one for one in texels)]
    optimiser = torch.optim.AdamW([{"params": rest, "weight_decay": 1e-4}, {"params": texels, "weight_decay": 0.0}],
                                  betas=(0.9, 0.98))  # fmt: skip
    if progress.extra:
        optimiser.load_state_dict(progress.extra["optimiser"])
    rng = np.random.default_rng([config.seed, progress.step])
    checked = [0]

    def step(share: float) -> float:
        set_rate(optimiser, config.rate * min(1.0, (progress.step + 1) / WARM_UP) * cosine(share))
        optimiser.param_groups[1]["lr"] *= TEXEL_RATE
        crop = rng.uniform() < CROP_SHARE
        given = store.batch(config.crops if crop else config.batch, rng, crop=config.crop_cells if crop else 0)
        row, z, layout, focus, truth = given
        before, time_ = torch.zeros_like(truth), torch.ones(len(row))
        if max(config.steps) > 1 and share > REFINE_FROM and rng.uniform() < REFINE_SHARE:
            with torch.no_grad():
                before = model(row, z, time_, layout, before)
            time_ = torch.full_like(time_, REFINE_TIME)
        loss = latent_loss(model(row, z, time_, layout, before), truth, focus, weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.follow(model, progress.step)
        return float(loss.detach())

    def check() -> dict[str, float]:
        store.refresh()
        checked[0] += 1
        if checked[0] % CHECK_EVERY:
            return {}
        return {"shards": len(store.files), "held_loss": _held_loss(config, average.model, store, weights)}

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict(), "optimiser": optimiser.state_dict()}

    run_loop(out / "student.pt", average.model, progress, minutes=config.minutes, step=step, check=check, extra=extra)


@torch.no_grad()
def _held_loss(config: Config, model: Student, store: Shards, weights: Tensor) -> float:
    """The loss on the same crops of the held-back shard every time."""
    given = store.batch(2 * config.crops, np.random.default_rng(0), crop=config.crop_cells, held=True)
    row, z, layout, focus, truth = given
    return float(
        latent_loss(model(row, z, torch.ones(len(row)), layout, torch.zeros_like(truth)), truth, focus, weights)
    )


def latent_loss(made: Tensor, truth: Tensor, focus: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean absolute error of latents [n, c, h, w], with more weight where `focus` [n, 2, h, w] is."""
    near = 1 + OBJECT_WEIGHT * focus.amax(dim=1, keepdim=True)
    return ((made - truth).abs() * near * weights).mean()


def channel_weights(components: Components) -> Tensor:
    """Between equal weight per standardised channel and equal weight per pixel: the square root of the std."""
    weights = np.sqrt(components.std / components.std[0])
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))[:, None, None]
