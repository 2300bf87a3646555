"""The student: a conditioner that turns slots and noise into FiLM biases, and a convolutional denoiser of one slot.

Layout and noise leave nothing to guess, so one step of plain regression against the renderer trains it
("simulator distillation"); later steps refine its own estimate. FiLM: Perez et al. 2018, arXiv 1709.07871.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.video.slot_map import FAR_X, NEAR_X, ONCE, PER_KEY
from tools.convert.tinyvideo.textures import Atlas

SUBJECT_WAVES = (1.0, 2.0, 4.0, 8.0)  # half turns per reach
CELL_WAVES = (0.5, 1.0, 2.0)  # half turns per cell: where in its cell a thing lies
CELLS = 30  # rows of cells that a place is drawn on
IN_CELLS = {
    "far_x": CELLS * (FAR_X[1] - FAR_X[0]) / 2, "far_y": CELLS / 2,
    "near_x": CELLS * (NEAR_X[1] - NEAR_X[0]) / 2, "near_y": CELLS / 2,
}  # fmt: skip
BINS = 8  # of each noise value, so that a choice made by it is seen as one


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a student. `slots` are the numbers of values of the vocabulary's slots, in order.

    A subject's texture is `texels` wide and high with `features` in each; a place's is a little lower, much wider, and
    two thirds of the features are for what is far. The place that is shown is one of `variants` of the value of slot number `place`; noise value `chooser` says which.
    """

    slots: tuple[int, ...]
    noise: int
    subjects: int
    colours: int
    keys: int
    latent: int
    place: int
    variants: int
    chooser: int
    width: int
    deep: int
    texels: int
    features: int


class Conditioner(nn.Module):
    """attributes int64 [b, slots], noise float [b, k], timestep float [b] to film [b, film_channels + 1].

    The last channel is the number of the place's tile.
    """

    def __init__(self, shape: Shape, film_channels: int, width: int = 256) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.ModuleList(nn.Embedding(size, 24) for size in shape.slots)
        self.enter = nn.Linear(24 * len(shape.slots) + (5 + BINS) * shape.noise + 1, width)
        self.mix = nn.Linear(width, width)
        self.leave = nn.Linear(width, film_channels)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)

    def forward(self, attributes: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        values = [table(attributes[:, i]) for i, table in enumerate(self.embed)]
        share = 0.5 * (1 + torch.erf(noise / math.sqrt(2)))
        turn = 2 * math.pi * share
        waves = [share * 2 - 1, torch.sin(turn), torch.cos(turn), torch.sin(turn / 2), torch.cos(turn / 2)]
        bins = [((share * BINS).floor() == number).float() for number in range(BINS)]
        x = functional.relu(self.enter(torch.cat([*values, *waves, *bins, timestep[:, None]], dim=1)))
        x = functional.relu(x + self.mix(x))
        chosen = (share[:, self.shape.chooser] * self.shape.variants).floor().clamp(max=self.shape.variants - 1)
        tile = attributes[:, self.shape.place] * self.shape.variants + chosen
        return torch.cat([self.leave(x), tile[:, None]], dim=1)


class Block(nn.Module):
    """A convolution to `hidden` channels, FiLM (scale and bias), ReLU, a 1 x 1 convolution back, skip."""

    def __init__(self, width: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.expand = nn.Conv2d(width, hidden, kernel, padding=kernel // 2)
        self.shrink = nn.Conv2d(hidden, width, 1)
        nn.init.normal_(self.shrink.weight, std=0.3 / math.sqrt(hidden))

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        scale, bias = film.chunk(2, dim=1)
        return x + self.shrink(functional.relu(self.expand(x) * (1 + scale) + bias))


class Denoiser(nn.Module):
    """layout [n, l, h, w], latents [n, c, h, w] (zeros at the first step), film [n, f, 1, 1] to x0 [n, c, h, w].

    Pointwise blocks know what to draw from the textures; between them 3 x 3 ones see how it meets its neighbours.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.subjects = Atlas(shape.subjects, shape.features, shape.texels, shape.texels)
        places = shape.slots[shape.place] * shape.variants
        size = shape.texels * 15 // 16, shape.texels * 5 // 2
        near = shape.features // 3
        self.far = Atlas(places, shape.features - near, *size)
        self.near = Atlas(places, near, *size)
        seen = len(ONCE) + shape.subjects + shape.colours + shape.keys * (
            len(PER_KEY) + shape.features + 4 * len(SUBJECT_WAVES)
        ) + 2 * shape.features + 8 * len(CELL_WAVES)  # fmt: skip
        self.inlet = nn.Conv2d(seen + shape.latent, shape.width, 1)
        self.blocks = nn.ModuleList(
            Block(shape.width, shape.deep, 3) if number % 2 else Block(shape.width, 2 * shape.deep, 1)
            for number in range(5)
        )
        self.outlet = nn.Conv2d(shape.width, shape.latent, 1)
        self.film_sizes = [2 * block.hidden for block in self.blocks]

    def forward(self, layout: Tensor, latents: Tensor, film: Tensor) -> Tensor:
        *films, tile = film.split([*self.film_sizes, 1], dim=1)
        x = functional.relu(self.inlet(torch.cat([layout, self._looked_up(layout, tile[:, 0]), latents], dim=1)))
        for block, given in zip(self.blocks, films, strict=True):
            x = block(x, given)
        return self.outlet(functional.relu(x))

    def _looked_up(self, layout: Tensor, tile: Tensor) -> Tensor:
        """What the textures hold for every cell: of the subject for each key, of the place for the first and last."""
        once = len(ONCE) + self.shape.subjects + self.shape.colours
        keys = [
            dict(zip(PER_KEY, layout[:, start : start + len(PER_KEY)].unbind(dim=1), strict=True))
            for start in range(once, layout.shape[1], len(PER_KEY))
        ]
        found = []
        for key in keys:
            window = key["window"][:, None]
            found += [self.subjects(key["u"], key["v"], key["subject"]) * window]
            found += [wave * window for wave in _waves((key["u"], key["v"]), SUBJECT_WAVES)]
        for key in (keys[0], keys[-1]):
            found += [self.far(key["far_x"], key["far_y"], tile), self.near(key["near_x"], key["near_y"], tile)]
        middle = keys[len(keys) // 2]
        found += _waves([middle[name] * cells for name, cells in IN_CELLS.items()], CELL_WAVES)
        return torch.cat(found, dim=1)


def _waves(planes: tuple[Tensor, ...] | list[Tensor], turns: tuple[float, ...]) -> list[Tensor]:
    """Sine and cosine of planes [n, h, w], each [n, 1, h, w]."""
    angles = [math.pi * turn * plane[:, None] for plane in planes for turn in turns]
    return [wave(angle) for angle in angles for wave in (torch.sin, torch.cos)]


class Student(nn.Module):
    """Conditioner and denoiser together, for training."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.denoiser = Denoiser(shape)
        self.conditioner = Conditioner(shape, sum(self.denoiser.film_sizes))

    def forward(self, attributes: Tensor, noise: Tensor, timestep: Tensor, layout: Tensor, latents: Tensor) -> Tensor:
        film = self.conditioner(attributes, noise, timestep)
        return self.denoiser(layout, latents, film[..., None, None])
