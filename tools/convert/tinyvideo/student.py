"""The student: a conditioner that turns slots and noise into FiLM biases, and a convolutional denoiser of one slot.

Layout and noise leave nothing to guess, so one step of plain regression against the renderer trains it
("simulator distillation"); later steps refine its own estimate. FiLM: Perez et al. 2018, arXiv 1709.07871.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conditioner(nn.Module):
    """attributes int64 [b, slots], noise float [b, k], timestep float [b] to film [b, film_channels]."""

    def __init__(self, sizes: list[int], noise: int, film_channels: int, width: int = 256) -> None:
        super().__init__()
        self.embed = nn.ModuleList(nn.Embedding(size, 24) for size in sizes)
        self.enter = nn.Linear(24 * len(sizes) + 5 * noise + 1, width)
        self.mix = nn.Linear(width, width)
        self.leave = nn.Linear(width, film_channels)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)

    def forward(self, attributes: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        values = [table(attributes[:, i]) for i, table in enumerate(self.embed)]
        share = 0.5 * (1 + torch.erf(noise / math.sqrt(2)))
        turn = 2 * math.pi * share
        waves = [share * 2 - 1, torch.sin(turn), torch.cos(turn), torch.sin(turn / 2), torch.cos(turn / 2)]
        x = functional.relu(self.enter(torch.cat([*values, *waves, timestep[:, None]], dim=1)))
        x = functional.relu(x + self.mix(x))
        return self.leave(x)


class Block(nn.Module):
    """conv 3x3 to twice the width, FiLM (scale and bias), ReLU, conv 1x1 back, skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.expand = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.shrink = nn.Conv2d(2 * width, width, 1)
        nn.init.normal_(self.shrink.weight, std=0.3 / math.sqrt(2 * width))

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        scale, bias = film.chunk(2, dim=1)
        return x + self.shrink(functional.relu(self.expand(x) * (1 + scale) + bias))


class Denoiser(nn.Module):
    """layout [n, l, h, w], latents [n, c, h, w] (zeros at the first step), film [n, f, 1, 1] to x0 [n, c, h, w]."""

    def __init__(self, layout: int, latent: int, width: int, deep: int) -> None:
        super().__init__()
        self.inlet = nn.Conv2d(layout + latent, width, 3, padding=1)
        self.first = nn.ModuleList(Block(width) for _ in range(2))
        self.down = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Block(deep) for _ in range(3))
        self.up = nn.Conv2d(deep, width, 1)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.last = nn.ModuleList(Block(width) for _ in range(3))
        self.outlet = nn.Conv2d(width, latent, 3, padding=1)
        self.film_sizes = [4 * block.width for block in self.blocks()]

    def blocks(self) -> list[Block]:
        """All blocks in the order of their FiLM channels."""
        return [block for group in (self.first, self.middle, self.last) for block in group]  # type: ignore[misc]

    def forward(self, layout: Tensor, latents: Tensor, film: Tensor) -> Tensor:
        films = list(film.split(self.film_sizes, dim=1))
        x = functional.relu(self.inlet(torch.cat([layout, latents], dim=1)))
        for block in self.first:
            x = block(x, films.pop(0))
        skip = x
        x = functional.relu(self.down(x))
        for block in self.middle:
            x = block(x, films.pop(0))
        x = functional.interpolate(self.up(x), scale_factor=2.0, mode="nearest")
        x = self.join(torch.cat([x[:, :, : skip.shape[2], : skip.shape[3]], skip], dim=1))
        for block in self.last:
            x = block(x, films.pop(0))
        return self.outlet(functional.relu(x))


class Student(nn.Module):
    """Conditioner and denoiser together, for training."""

    def __init__(self, sizes: list[int], *, noise: int, layout: int, latent: int, width: int, deep: int) -> None:
        super().__init__()
        self.denoiser = Denoiser(layout, latent, width, deep)
        self.conditioner = Conditioner(sizes, noise, sum(self.denoiser.film_sizes))

    def forward(self, attributes: Tensor, noise: Tensor, timestep: Tensor, layout: Tensor, latents: Tensor) -> Tensor:
        film = self.conditioner(attributes, noise, timestep)
        return self.denoiser(layout, latents, film[..., None, None])
