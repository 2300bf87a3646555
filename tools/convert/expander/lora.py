"""A linear layer whose weights are frozen, with a low-rank change that learns, and weights rounded as the file will be.

Changes: Hu et al. 2021, https://arxiv.org/abs/2106.09685. The second part of a training computes with the rounded sum, so
that it learns to live with the rounding: Bondarenko et al. 2024, https://arxiv.org/abs/2406.06385. The rounding is the
very one that the board does (edge/tuned).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edge.tuned import changed
from edge.tuned.blocks import Kind, dequantise
from tools.convert.expander.weights import Stored


class Change(nn.Module):
    """The product `up @ down` times a scale; at first it is zero."""

    def __init__(self, out: int, width: int, *, rank: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, width, generator=generator) / width**0.5)
        self.up = nn.Parameter(torch.zeros(out, rank))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """What it adds to the output of the layer, [..., width] to [..., out]."""
        return functional.linear(functional.linear(x, self.down), self.up * self.scale)

    @torch.no_grad()
    def begin_with(self, up: NDArray[np.float32], down: NDArray[np.float32]) -> None:
        """Take up what was learned before, with as much weight in either matrix."""
        self.up.copy_(torch.from_numpy(up / self.scale))
        self.down.copy_(torch.from_numpy(down))

    @torch.no_grad()
    def matrix(self) -> Tensor:
        """What it adds to the weights, [out, width]."""
        return (self.up * self.scale) @ self.down


class LoraLinear(nn.Module):
    """y = x (weight + change)^T. `weight` is the file's own, or carries what rounding does to the sum."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self.stored = stored
        self.register_buffer("weight", torch.from_numpy(stored.weights()))
        self.change: Change | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        y = functional.linear(x, self.weight)
        return y if self.change is None else y + self.change(x)

    @torch.no_grad()
    def round(self, kind: Kind) -> None:
        """Let the layer compute with the rounded sum as it is now; the change goes on learning on top of it."""
        if self.change is not None:
            change = self.change.matrix()
            flat, stored = change.cpu().numpy().reshape(-1), self.stored
            rounded = dequantise(changed(stored.data, stored.kind, flat, into=kind, name=stored.name), kind)
            self.weight = torch.from_numpy(rounded).view_as(change).to(change.device) - change


def add_changes(linears: Mapping[str, LoraLinear], *, rank: int, alpha: float, seed: int) -> nn.ModuleDict:
    """Give every layer a change; returns all of them, which is what is trained and saved.

    A dot cannot stand in a module's name, so the dots of tensor names are slashes there.
    """
    generator = torch.Generator().manual_seed(seed)
    for linear in linears.values():
        out, width = linear.stored.shape
        linear.change = Change(out, width, rank=rank, scale=alpha / rank, generator=generator)
    return nn.ModuleDict({name.replace(".", "/"): linear.change for name, linear in linears.items()})
