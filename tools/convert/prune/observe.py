"""Second moments of what flows through a student on random scenes: of what layers take, and of how it matters in the end.

How much an error matters is the mean square of the gradient that random errors of the result have there, weighted as
the training's loss weights channels: the Gauss-Newton matrix, found by Hutchinson's method.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.video.scheduler import timesteps
from tools.convert.prune.layers import hidden_of
from tools.convert.prune.scenes import Scenes
from tools.convert.tinyvideo.student import Student

Floats = NDArray[np.float64]
FIRST = (1 << 30) + 20_000  # no scene that is learnt from or measured on
SLOTS = 2000  # scenes of which only the conditioner hears
LEAVE, MIX = "conditioner.leave", "conditioner.mix"


class Moments:
    """Mean second moments by the name of a layer: `gram` [n + 1, n + 1] of its n inputs with a one behind them,
    `matters` of its outputs, or of its inputs for layers that read the stream."""

    def __init__(self) -> None:
        self.gram: dict[str, Floats] = {}
        self.matters: dict[str, Floats] = {}

    def save(self, path: Path) -> None:
        """Write them as arrays."""
        arrays = {f"{kind} {name}": one for kind in ("gram", "matters") for name, one in getattr(self, kind).items()}
        np.savez(path, **arrays)

    @staticmethod
    def load(path: Path) -> Moments:
        """Read them again."""
        found = Moments()
        with np.load(path) as file:
            for key in file.files:
                kind, name = key.split(" ")
                getattr(found, kind)[name] = file[key]
        return found


def readers_of(student: Student) -> list[str]:
    """The layers of the denoiser that read the stream."""
    return [*(f"blocks.{number}.expand" for number in range(len(student.denoiser.blocks))), "outlet"]


def observe(
    student: Student, scenes: Scenes, *, weights: Tensor, steps: int, count: int, tell: Callable[[float], None]
) -> Moments:  # fmt: skip
    """Run `count` scenes, all `steps` of each; `weights` [c, 1, 1] is what a squared error of each latent counts."""
    sums = _Sums()
    generator = torch.Generator().manual_seed(1)
    net = student.denoiser
    with ExitStack() as hooks:
        for one in hidden_of(student):
            sums.watch(net.get_submodule(one.taker), f"denoiser.{one.taker}", hooks)
        for name in readers_of(student):
            sums.watch(net.get_submodule(name), f"denoiser.{name}", hooks, reads=True)
        for name in (LEAVE, MIX):
            sums.watch(student.get_submodule(name), name, hooks)
        row, noise = scenes.slots(SLOTS)
        with torch.no_grad():
            for time in timesteps(steps):
                student.conditioner(row, noise, torch.full((SLOTS,), time))
        for number in range(count):
            _run(student, scenes.whole(FIRST + number), steps, weights.sqrt(), generator)
            tell((number + 1) / count)
    return sums.means()


def _run(
    student: Student, given: tuple[Tensor, ...], steps: int, weights: Tensor, generator: torch.Generator
) -> None:  # fmt: skip
    row, noise, layout, _ = given
    latents = torch.zeros(len(row), student.shape.latent, *layout.shape[2:])
    for timestep in timesteps(steps):
        noise, layout = noise.detach().requires_grad_(), layout.detach().requires_grad_()
        made = student(row, noise, torch.full((len(row),), timestep), layout, latents)
        made.backward(torch.randn(made.shape, generator=generator) * weights)
        latents = made.detach()


class _Sums:
    """Sums of second moments, with how many there were of each."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[Floats, int]] = {}

    def watch(self, layer: nn.Module, name: str, hooks: ExitStack, *, reads: bool = False) -> None:
        """Add up what a layer takes, and the gradients of its outputs, or of its inputs where it `reads` the stream."""

        def forward(_layer: nn.Module, inputs: tuple[Any, ...], _made: Tensor) -> None:
            rows = _rows(inputs[0])
            self._add("gram", name, torch.cat([rows, torch.ones(len(rows), 1)], dim=1))

        def backward(_layer: nn.Module, to_inputs: tuple[Any, ...], to_outputs: tuple[Any, ...]) -> None:
            self._add("matters", name, _rows((to_inputs if reads else to_outputs)[0]))

        hooks.callback(layer.register_forward_hook(forward).remove)
        hooks.callback(layer.register_full_backward_hook(backward).remove)

    def _add(self, kind: str, name: str, rows: Tensor) -> None:
        before, count = self._sums.get((kind, name), (0.0, 0))
        self._sums[kind, name] = before + (rows.T @ rows).double().numpy(), count + len(rows)

    def means(self) -> Moments:
        """What was seen."""
        found = Moments()
        for (kind, name), (total, count) in self._sums.items():
            getattr(found, kind)[name] = total / count
        return found


def _rows(values: Tensor) -> Tensor:
    """[n, c, ...] as [n * ..., c]."""
    return values.detach().movedim(1, -1).flatten(0, -2)
