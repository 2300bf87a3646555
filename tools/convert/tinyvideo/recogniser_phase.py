"""Training of a recogniser on written views, with the damage that generated clips may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.loop import Average, cosine, resume, run_loop, set_rate
from tools.convert.tinyvideo.recogniser import VIEW_FRAMES, WEIGHTS, Recogniser, Shape, save_recogniser, scale
from tools.convert.tinyvideo.views import SLOTS, read_views, slot_values

RATE = 1e-3
WARM_UP = 100  # steps
BATCH = 24
NEAR_SHARE = 0.25  # of the training looks at the subject from near only: shapes are learnt ten times faster so
LOOKS = 3
CROP = 36
NEAR_SLOTS = ("subject", "colour", "style")
WEIGHTS_OF = {"subject": 2.0, "colour": 4.0, "motion": 2.0, "camera": 2.0}  # small and shaded colours are the hardest
HELD_FILES = 1  # the first file is only looked at
SMOOTHING = 0.05
# R_eval and R_train differ in architecture, seed and damage, so that what pleases one need not please the other.
SHAPES = {
    "eval": {"content": (24, 48, 96, 160), "motion": (24, 40, 56), "kernel": 5, "looks": 4},
    "train": {"content": (32, 48, 80, 128), "motion": (16, 32, 48), "kernel": 3, "looks": 3},
}


def recogniser(config: Config, name: str, out: Path) -> None:
    """Train R_`name` on `out/views`: `out/r_name.pt` (resumable), and its 16-bit weights where the judge finds them."""
    views = out / "views"
    seed = {"eval": 71, "train": 23}[name]
    torch.manual_seed(seed)
    model = Recogniser(Shape(values=slot_values(), **SHAPES[name]))
    for tower in (model.content.layers, model.motion.space, model.motion.down):
        tower.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
    average = Average(model)
    progress = resume(out / f"r_{name}.pt", average.model)
    model.load_state_dict(progress.extra.get("raw", average.model.state_dict()))
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.02)
    rng = np.random.default_rng([seed, progress.step])
    batches = _batches(views, rng)
    taken = [0]

    def step(share: float) -> float:
        model.train()
        taken[0] += 1
        set_rate(optimiser, RATE * cosine(share) * min(1.0, taken[0] / WARM_UP))
        clips, labels, places = next(batches)
        hard = name == "eval"
        near = rng.choice(VIEW_FRAMES, size=LOOKS, replace=False)
        crops = np.concatenate([_crops(clips[:, look], places[:, look], rng) for look in near])
        seen = damage(scale(torch.from_numpy(crops))[:, None], rng, hard=hard)[:, 0]
        loss = _loss(model.still(seen), np.tile(labels, (LOOKS, 1)), NEAR_SLOTS)
        if share >= NEAR_SHARE:
            looks = sorted(rng.choice(VIEW_FRAMES, size=2, replace=False).tolist())
            whole = damage(scale(torch.from_numpy(clips)), rng, hard=hard)
            loss = 0.5 * loss + _loss(model(whole, looks)[0], labels, SLOTS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.follow(model, progress.step)
        return float(loss.detach())

    checked = [0]

    def check() -> dict[str, float]:
        checked[0] += 1
        return accuracies(average.model, views, clips=125) if checked[0] % 8 == 0 else {}

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict()}

    minutes = config.recogniser_minutes
    run_loop(out / f"r_{name}.pt", average.model, progress, minutes=minutes, step=step, check=check, extra=extra)
    WEIGHTS.mkdir(exist_ok=True)
    save_recogniser(average.model, WEIGHTS / f"r_{name}.pt")


def accuracies(model: Recogniser, views: Path, *, clips: int) -> dict[str, float]:
    """Share of right answers per slot on the first held-out clips; with two subjects, either one is right."""
    file = read_views(views)[0]
    logits = model.verdict(np.asarray(file.views[:clips])).logits
    wanted = file.labels[:clips]
    right = {}
    for column, slot in enumerate(SLOTS):
        said = logits[slot].argmax(axis=1)
        hit = said == wanted[:, column]
        if slot in {"subject", "colour"}:
            hit |= said == wanted[:, len(SLOTS) + (slot == "colour")]
        right[slot] = float(hit.mean())
    return right


def damage(clips: Tensor, rng: np.random.Generator, *, hard: bool) -> Tensor:
    """Blur, noise, tint, a shift and half the resolution, each at random, on scaled clips [n, 16, 6, 60, 108]."""
    kind = rng.uniform(size=5)
    if kind[0] < 0.35:
        flat = clips.flatten(0, 1)
        small = functional.avg_pool2d(flat, 2) if kind[0] < 0.15 else functional.avg_pool2d(flat, 3, 1, 1)
        clips = functional.interpolate(small, size=flat.shape[2:], mode="bilinear").reshape(clips.shape)
    if kind[1] < 0.4:
        clips = clips + float(rng.uniform(0.01, 0.08 if hard else 0.05)) * torch.randn(1, *clips.shape[1:])
    if kind[2] < 0.4:
        tint = torch.tensor(rng.normal(0, 0.03, size=(1, 1, 6, 1, 1)), dtype=torch.float32)
        tint[:, :, :4] = tint[:, :, :1]
        clips = clips * float(rng.uniform(0.9, 1.1)) + tint
    if kind[3] < 0.5:
        clips = clips.roll((int(rng.integers(-1, 2)), int(rng.integers(-2, 3))), dims=(3, 4))
    if hard and kind[4] < 0.2:  # smear what is fine, as an autoencoder does
        flat = clips.flatten(0, 1)
        coarse = functional.interpolate(functional.avg_pool2d(flat, 4), size=flat.shape[2:], mode="bilinear")
        clips = (0.6 * flat + 0.4 * coarse).reshape(clips.shape)
    return clips


def _loss(logits: dict[str, Tensor], labels: NDArray[np.int16], slots: Sequence[str]) -> Tensor:
    """Mean cross entropy over the slots; a second subject shares the target with the first."""
    total = torch.zeros(())
    for slot in slots:
        target = functional.one_hot(_column(labels, SLOTS.index(slot)), logits[slot].shape[1]).float()
        if slot in {"subject", "colour"}:
            second = _column(labels, len(SLOTS) + (slot == "colour"))
            there = 0.5 * (second >= 0)[:, None].float()
            other = functional.one_hot(second.clamp(min=0), logits[slot].shape[1]).float()
            target = target * (1 - there) + there * other
        total = total + WEIGHTS_OF.get(slot, 1.0) * functional.cross_entropy(
            logits[slot], target, label_smoothing=SMOOTHING
        )
    return total / len(slots)


def _column(labels: NDArray[np.int16], column: int) -> Tensor:
    return torch.from_numpy(labels[:, column].astype(np.int64))


def _crops(frames: NDArray[np.uint8], places: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Squares of CROP x CROP around the places, a little beside them, of frames [n, 6, h, w]."""
    limits = np.array(frames.shape[2:]) - CROP
    corners = np.clip(places - CROP / 2 + rng.uniform(-6, 6, size=places.shape), 0, limits).astype(int)
    return np.stack([frame[:, i : i + CROP, j : j + CROP] for frame, (i, j) in zip(frames, corners, strict=True)])


def _batches(views: Path, rng: np.random.Generator) -> Iterator[tuple[NDArray[Any], ...]]:
    """Endless random batches of views, labels and places; new files are taken up as they appear."""
    while True:
        files = read_views(views)
        for _ in range(200):
            chosen = [(files[int(rng.integers(HELD_FILES, len(files)))], int(rng.integers(250))) for _ in range(BATCH)]
            rows = [(file.views[i], file.labels[i], file.places[i]) for file, i in chosen]
            yield tuple(np.stack(column) for column in zip(*rows, strict=True))
