"""The training loop that every phase shares: budget, log, checkpoints, resume."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.convert.tinyvideo.train_curves import draw_curves

SAVE_EVERY_S = 120.0
LOG_EVERY_S = 15.0
EMA = 0.999


@dataclass
class Progress:
    """How far a phase has come, over all its resumes; `extra` is what else its checkpoint held."""

    step: int = 0
    seconds: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)


class Average:
    """A copy of a model whose weights and running statistics are the moving average of the model's; quicker at first."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)

    @torch.no_grad()
    def follow(self, model: torch.nn.Module, step: int) -> None:
        """Take in the model's weights after step number `step`."""
        blend = min(EMA, (step + 1) / (step + 11))
        for slow, fast in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if slow.is_floating_point():
                slow.lerp_(fast, 1 - blend)
            else:
                slow.copy_(fast)  # a count of batches


def resume(path: Path, model: torch.nn.Module) -> Progress:
    """Load the checkpoint into `model` if there is one."""
    if not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state.pop("model"))
    return Progress(state.pop("step"), state.pop("seconds"), state)


def run_loop(
    path: Path, keep: torch.nn.Module, progress: Progress, *, minutes: float, step: Callable[[float], float],
    check: Callable[[], Mapping[str, float]] = dict, extra: Callable[[], Mapping[str, Any]] = dict,
) -> None:  # fmt: skip
    """Call `step` with the share of the budget used until it is, logging to .log, drawn as -train.png, and saving `keep` to `path`.

    `check` gives figures for the log, `extra` what else the checkpoint needs. A stopped run loses nothing, a killed one two
    minutes at most.
    """
    before, began = progress.seconds, time.monotonic()
    logged = saved = began
    losses: list[float] = []
    try:
        while progress.seconds < minutes * 60:
            losses.append(step(progress.seconds / (minutes * 60)))
            now = time.monotonic()
            progress.step, progress.seconds = progress.step + 1, before + now - began
            if now - logged > LOG_EVERY_S:
                figures = {
                    "step": progress.step,
                    "seconds": progress.seconds,
                    "loss": float(np.mean(losses)),
                    **check(),
                }
                log_line(path.with_suffix(".log"), figures)
                logged, losses = now, []
            if now - saved > SAVE_EVERY_S:
                _save(path, keep, progress, extra())
                saved = now
    finally:  # a run that is stopped loses nothing
        _save(path, keep, progress, extra())


def _save(path: Path, keep: torch.nn.Module, progress: Progress, extra: Mapping[str, Any]) -> None:
    state = {"model": keep.state_dict(), "step": progress.step, "seconds": progress.seconds, **extra}
    write_whole(path, lambda file: torch.save(state, file))
    draw_curves(path.with_suffix(".log"), path.with_name(f"{path.stem}-train.png"))


def descend(
    loss: torch.Tensor, model: torch.nn.Module, optimiser: torch.optim.Optimizer, average: Average, step: int
) -> float:
    """One step down the loss, with gradients of norm 1 at the most; the average follows. Returns the loss."""
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    average.follow(model, step)
    return float(loss.detach())


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimiser.param_groups:
        group["lr"] = float(rate)  # a numpy number would not load back with weights_only


def cosine(share: float) -> float:
    """From 1 down to 0.01 as `share` goes from 0 to 1."""
    return 0.5 * (1 + float(np.cos(np.pi * min(share, 1.0)))) * 0.99 + 0.01


def log_line(path: Path, figures: Mapping[str, float]) -> None:
    """Append one JSON line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({name: round(value, 5) for name, value in figures.items()}) + "\n")


def write_array(path: Path, array: NDArray[np.generic]) -> None:
    """Write one .npy file, whole or not at all."""
    write_whole(path, lambda file: np.save(file, array))


def write_whole(path: Path, save: Callable[[IO[bytes]], object]) -> None:
    """Write through a temporary name, so that a file that exists is whole."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        save(file)
    part.replace(path)
