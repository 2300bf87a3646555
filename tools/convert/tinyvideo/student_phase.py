"""Training of the student: simulator distillation on the shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.convert.latents.components import Components, load_components
from tools.convert.latents.config import Config as Autoencoder
from tools.convert.tinyvideo.bake import Textures, load_textures
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.loop import Average, cosine, descend, resume, run_loop, set_rate
from tools.convert.tinyvideo.store import HELD, Shards
from tools.convert.tinyvideo.student import Shape, Student
from tools.convert.tinyvideo.world import RENDERER, World

WARM_UP = 200  # steps
REFINE_SHARE = 0.25
REFINE_FROM = 0.6
REFINE_TIME = 0.5
OBJECT_WEIGHT = 3.0
BEND = 0.4
PIXELS = 12.0
MOVES = 18.0
PIXELS_OF_A_CELL = 128  # looked at in a step, others every time
CROP_SHARE = 0.8
CHECK_EVERY = 4  # log lines


def new_student(config: Config, textures: Textures, world: World = RENDERER) -> Student:
    """An untrained student of the config's sizes for a world's vocabulary, that looks at these textures."""
    ae = config.autoencoder
    sizes = {name: len(slot.values) for name, slot in world.vocabulary.items()}
    return Student(Shape(
        slots=tuple(sizes.values()), noise=world.noise, subjects=sizes["subject"], colours=sizes["colour"], keys=ae.keys,
        latent=ae.channels, place=list(sizes).index("background"), variants=world.variants, chooser=world.chooser,
        width=config.width, deep=config.deep, shades=config.shades,
    ), textures)  # fmt: skip


def student(config: Config, out: Path, latents: Path, *, world: World = RENDERER) -> None:
    """Simulator distillation on the shards (new ones are picked up as they appear): `student.pt`.

    Raises ValueError where the config has too few shards.
    """
    if config.shards <= HELD:
        raise ValueError(f"shards: {config.shards} leaves nothing to learn from; the first {HELD} are only looked at.")
    torch.manual_seed(config.seed)
    store = Shards(out / "shards")
    loss_of = Loss(config.autoencoder, load_components(latents))
    model = new_student(config, load_textures(out), world).to(memory_format=torch.channels_last)
    average = Average(model)
    progress = resume(out / "student.pt", average.model)
    model.load_state_dict(progress.extra.get("raw", average.model.state_dict()))
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-4, betas=(0.9, 0.98))
    if progress.extra:
        optimiser.load_state_dict(progress.extra["optimiser"])
    rng = np.random.default_rng([config.seed, progress.step])
    checked = [0]

    def step(share: float) -> float:
        set_rate(optimiser, config.rate * min(1.0, (progress.step + 1) / WARM_UP) * cosine(share))
        crop = rng.uniform() < CROP_SHARE
        given = store.batch(config.crops if crop else config.batch, rng, crop=config.crop_cells if crop else 0)
        row, z, layout, focus, truth = given
        before, time_ = torch.zeros_like(truth), torch.ones(len(row))
        if max(config.steps) > 1 and share > REFINE_FROM and rng.uniform() < REFINE_SHARE:
            with torch.no_grad():
                before = model(row, z, time_, layout, before)
            time_ = torch.full_like(time_, REFINE_TIME)
        loss = loss_of(model(row, z, time_, layout, before), truth, focus)
        return descend(loss, model, optimiser, average, progress.step)

    def check() -> dict[str, float]:
        store.refresh()
        checked[0] += 1
        if checked[0] % CHECK_EVERY:
            return {}
        return {"shards": len(store.files), "held_loss": _held_loss(config, average.model, store, loss_of)}

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict(), "optimiser": optimiser.state_dict()}

    run_loop(out / "student.pt", average.model, progress, minutes=config.minutes, step=step, check=check, extra=extra)


@torch.no_grad()
def _held_loss(config: Config, model: Student, store: Shards, loss_of: Loss) -> float:
    """The loss on the same crops of the held-back shard every time."""
    given = store.batch(3 * config.crops, np.random.default_rng(0), crop=config.crop_cells, held=True)
    row, z, layout, focus, truth = given
    return loss_of.held(model(row, z, torch.ones(len(row)), layout, torch.zeros_like(truth)), truth, focus)


class Loss:
    """Weighted mean error of latents [n, c, h, w], of the pixels that they stand for and of how those change.

    Errors near `focus` count more. Below BEND a latent's error counts squared, above it absolutely: what is rare and
    large, an edge, is learnt from the beginning, where a plain absolute error is content with nothing at all. Pixels
    count absolutely: where it is not sure how an edge runs, that prefers one sharp edge to the mean of all. The change
    from frame to frame counts by itself, because still pictures that are each nearly right move too little.
    """

    def __init__(self, config: Autoencoder, components: Components) -> None:
        self._weights = channel_weights(components)
        basis = torch.from_numpy(components.basis)
        self._pixels = basis.unflatten(0, (config.keys * config.frames_per_key, -1))  # [frame, pixel, channel]

    def __call__(self, made: Tensor, truth: Tensor, focus: Tensor) -> Tensor:
        near, error = _near(focus), made - truth
        bent = (error.square() + BEND**2).sqrt() - BEND
        some = self._pixels[:, torch.randperm(self._pixels.shape[1])[:PIXELS_OF_A_CELL]]
        pixels = functional.conv2d(error, some.flatten(0, 1)[..., None, None]).unflatten(1, some.shape[:2])
        off = PIXELS * pixels.abs().mean(dim=(1, 2)) + MOVES * pixels.diff(dim=1).abs().mean(dim=(1, 2))
        return (bent * near * self._weights).mean() + (off[:, None] * near).mean()

    def held(self, made: Tensor, truth: Tensor, focus: Tensor) -> float:
        """The absolute error of latents alone: to compare runs by."""
        return float(((made - truth).abs() * _near(focus) * self._weights).mean())


def _near(focus: Tensor) -> Tensor:
    return 1 + OBJECT_WEIGHT * focus.amax(dim=1, keepdim=True)


def channel_weights(components: Components) -> Tensor:
    """Between equal weight per standardised channel and equal weight per pixel: the square root of the std."""
    weights = np.sqrt(components.std / components.std[0])
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))[:, None, None]
