"""Training of the painter on portraits of the renderer, and its file in a pack."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge.video.painter import PHASES
from edge.video.textures import POSES, posed
from tools.convert.quantize import halve, to_onnx
from tools.convert.tinyvideo.bake import Textures, load_textures
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import attributes
from tools.convert.tinyvideo.loop import Average, cosine, descend, resume, run_loop, set_rate
from tools.convert.tinyvideo.painter import FINER, Painter, PainterShape
from tools.convert.tinyvideo.portraits import Portrait, random_portrait
from tools.convert.tinyvideo.world import RENDERER, RendererWorld, World

PAINTER = "painter"
LOOKED_AT = ("subject", "colour", "style", "light")
WARM_UP = 100  # steps
BATCH, HELD = 8, 48
POOL, NEW = 2000, 2  # portraits that are kept to be shown again, and how many are drawn in a step
HELD_SEED = 1 << 30
EDGES = 1.0
CHECK_EVERY = 4  # log lines


def painted(world: World) -> TypeGuard[RendererWorld]:
    """True for a world whose subjects the painter adds, because it knows them on their own: the renderer's."""
    return isinstance(world, RendererWorld)


def new_painter(textures: Textures, world: RendererWorld = RENDERER) -> Painter:
    """An untrained painter for a world's vocabulary and these textures."""
    vocabulary = world.vocabulary
    features = len(textures.photo)
    shape = PainterShape(
        slots=tuple(len(vocabulary[name].values) for name in LOOKED_AT), places=tuple(list(vocabulary).index(name) for name in LOOKED_AT),
        features=features, tones=world.tones,
    )  # fmt: skip
    return Painter(shape, torch.from_numpy(textures.scale[:features]))


def painter(config: Config, out: Path, *, world: World = RENDERER) -> None:
    """Train the painter on portraits that are drawn as it goes: `painter.pt`, resumable. Other worlds have none."""
    if not painted(world):
        return
    torch.manual_seed(config.seed)
    textures = load_textures(out)
    model = new_painter(textures, world)
    average = Average(model)
    progress = resume(out / "painter.pt", average.model)
    model.load_state_dict(progress.extra.get("raw", average.model.state_dict()))
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    rng = np.random.default_rng([config.seed, progress.step, 0xA1])
    size = FINER * textures.subjects.shape[-1]
    still = np.random.default_rng(HELD_SEED)
    held = batch(textures, world, [random_portrait(world.vocabulary, still, size=size) for _ in range(HELD)])
    checked = [0]
    # Portraits in one block: strewn among the buffers of the steps they would keep the gaps of those from being used again.
    bank = np.empty((POOL, 4, size, size), np.uint8)
    pool: dict[int, Portrait] = {}
    places = itertools.cycle(range(POOL))

    def step(share: float) -> float:
        set_rate(optimiser, config.painter_rate * min(1.0, (progress.step + 1) / WARM_UP) * cosine(share))
        for _ in range(NEW if pool else POOL // 10):
            drawn, place = random_portrait(world.vocabulary, rng, size=size), next(places)
            bank[place] = drawn.picture
            pool[place] = replace(drawn, picture=bank[place])
        *given, truth = batch(textures, world, [pool[int(rng.integers(len(pool)))] for _ in range(BATCH)])
        loss = loss_of(model.rgba(*given), truth)
        return descend(loss, model, optimiser, average, progress.step)

    @torch.no_grad()
    def check() -> dict[str, float]:
        checked[0] += 1
        if checked[0] % CHECK_EVERY:
            return {}
        *given, truth = held
        made = average.model.rgba(*given).clamp(0, 1)
        return {
            "held_loss": float(loss_of(made, truth)),
            "held_db": float(-10 * torch.log10(functional.mse_loss(made, truth))),
        }

    run_loop(
        out / "painter.pt", average.model, progress, minutes=config.painter_minutes, step=step, check=check,
        extra=lambda: {"raw": model.state_dict()},
    )  # fmt: skip


def write_painter(out: Path, pack: Path, *, world: RendererWorld = RENDERER) -> None:
    """The painter of a run to `painter.onnx`, with float16 weights; untrained where its phase has not run yet."""
    textures = load_textures(out)
    model = new_painter(textures, world)
    resume(out / "painter.pt", model)
    size = FINER * textures.subjects.shape[-1]
    *given, _ = batch(textures, world, [random_portrait(world.vocabulary, np.random.default_rng(0), size=size)])
    names = ("features", "attributes", "noise", "radius")
    with tempfile.TemporaryDirectory() as work:
        whole = Path(work) / "painter.onnx"
        to_onnx(whole, model, dict(zip(names, given, strict=True)), ["picture"])
        halve(whole, pack / f"{PAINTER}.onnx")


def loss_of(made: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of premultiplied colours and alpha, and of their changes from sample to sample."""
    error = made - truth
    return error.abs().mean() + EDGES * (error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean())


def batch(textures: Textures, world: RendererWorld, portraits: Sequence[Portrait]) -> tuple[Tensor, ...]:
    """What a painter is given of each portrait, in its order, and what it should make of it [n, 4, 2 s, 2 s]."""
    rows = np.stack([attributes(world.vocabulary, one.slots) for one in portraits])
    features = np.stack([_features(textures, list(world.vocabulary["subject"].values), one) for one in portraits])
    pictures = torch.from_numpy(np.stack([one.picture for one in portraits]))
    return (
        torch.from_numpy(features), torch.from_numpy(rows), torch.from_numpy(np.stack([one.z for one in portraits])),
        torch.tensor([[one.radius] for one in portraits]), pictures.float() / 255,
    )  # fmt: skip


def _features(textures: Textures, subjects: list[str], portrait: Portrait) -> NDArray[np.float32]:
    pictures = textures.subjects[subjects.index(portrait.slots["subject"])]
    return posed(pictures, portrait.phase / PHASES * POSES)
