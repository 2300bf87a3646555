"""The student: a conditioner that turns slots and noise into FiLM, and a convolutional denoiser of one slot.

Layout and noise leave nothing to guess, so one step of plain regression against the renderer trains it
("simulator distillation"); later steps refine its own estimate. FiLM: Perez et al. 2018, arXiv 1709.07871.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.video.slot_map import ONCE, PER_KEY
from tools.convert.tinyvideo.bake import Textures
from tools.convert.tinyvideo.textures import GRID, LookUp, place_of

SHADED = 6  # numbers that a shaded sample has
BINS = 8  # of each noise value, so that a choice made by it is seen as one


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a student. `slots` are the numbers of values of the vocabulary's slots, in order.

    The place that is shown is one of `variants` of the value of slot number `place`; noise value `chooser` says which.
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
    shades: int


class Conditioner(nn.Module):
    """attributes int64 [b, slots], noise float [b, k], timestep float [b] to film [b, film_channels]."""

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
        return self.leave(functional.relu(x + self.mix(x)))


class Block(nn.Module):
    """A convolution to `hidden` channels, FiLM (scale and bias), ReLU, and a 1 x 1 convolution to `leave`."""

    def __init__(self, enter: int, hidden: int, leave: int, kernel: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(enter, hidden, kernel, padding=kernel // 2)
        self.shrink = nn.Conv2d(hidden, leave, 1)
        nn.init.normal_(self.shrink.weight, std=0.3 / math.sqrt(hidden))

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        return self.shrink(_filmed(self.expand(x), film))


class Shade(nn.Module):
    """What one sample looks like, from what the textures hold there and what is known of its cell: a pixel shader.

    The same small network for every sample, every key, every subject and every place.
    """

    scale: Tensor

    def __init__(self, scale: Tensor, given: int, hidden: int, leave: int) -> None:
        super().__init__()
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        self.given = nn.Sequential(nn.Conv2d(given, 2 * hidden, 1), nn.ReLU(), nn.Conv2d(2 * hidden, hidden, 1))
        self.look = nn.Conv2d(len(scale), hidden, 1)
        self.mix = nn.Conv2d(hidden, hidden, 1)
        self.leave = nn.Conv2d(hidden, leave, 1)

    def forward(self, found: Tensor, given: Tensor, films: Sequence[Tensor]) -> Tensor:
        """found [n, c, keys * GRID * h, w], given [n * keys, g, h, w] to [n, leave * keys * GRID, h, w]."""
        n, (h, w) = found.shape[0], given.shape[2:]
        keys = given.shape[0] // n
        cells = self.given(given).reshape(n, keys, -1, 1, h * w)
        weight = self.look.weight * self.scale
        shaded = []
        for key, part in enumerate(found.chunk(keys, dim=2)):  # one after the other: a quarter of the memory
            x = functional.conv2d(part, weight, self.look.bias)
            x = (x.reshape(n, -1, GRID, h * w) + cells[:, key]).reshape(x.shape)
            x = _filmed(self.mix(_filmed(x, films[0])), films[1])
            shaded.append(self.leave(x).reshape(n, -1, GRID, h, w))
        return torch.stack(shaded, dim=2).reshape(n, -1, h, w)


class Denoiser(nn.Module):
    """found [n, f, keys * GRID * h, w], layout [n, l, h, w], latents [n, c, h, w] (zeros at the first step) and film
    [n, f, 1, 1] to x0 [n, c, h, w].

    What the textures hold is shaded. Latents are principal components of pixels, so most of what is still is linear in
    the shades: `straight` does that, and the blocks, of which every other one sees its neighbours, do the rest.
    """

    def __init__(self, shape: Shape, scale: Tensor) -> None:
        super().__init__()
        self.shape = shape
        once = len(ONCE) + shape.subjects + shape.colours
        self.shade = Shade(scale, once + len(PER_KEY), shape.shades, SHADED)
        seen = shape.keys * (GRID * SHADED + len(PER_KEY)) + once + shape.latent
        self.inlet = Block(seen, 2 * shape.deep, shape.width, 1)
        self.blocks = nn.ModuleList(
            Block(shape.width, shape.deep * (1 + number % 2), shape.width, 1 if number % 2 else 3)
            for number in range(4)
        )
        self.outlet = nn.Conv2d(shape.width, shape.latent, 1)
        self.straight = nn.Conv2d(shape.keys * GRID * SHADED, shape.latent, 1)
        nn.init.zeros_(self.straight.weight)

    @property
    def filmed(self) -> list[nn.Conv2d]:
        """The layers whose outputs are scaled and moved by FiLM, in the order of its rows."""
        return [self.shade.look, self.shade.mix, self.inlet.expand, *(block.expand for block in self.blocks)]

    @property
    def film_sizes(self) -> list[int]:
        """How many numbers of the film each of these takes: half of them scales."""
        return [2 * layer.out_channels for layer in self.filmed]

    def forward(self, found: Tensor, layout: Tensor, latents: Tensor, film: Tensor) -> Tensor:
        films = film.split(self.film_sizes, dim=1)
        n, _, h, w = layout.shape
        moving = self.shape.keys * len(PER_KEY)
        once, keys = layout.split([layout.shape[1] - moving, moving], dim=1)
        keys = keys.reshape(n, self.shape.keys, len(PER_KEY), h, w)
        given = torch.cat([once[:, None].expand(-1, self.shape.keys, -1, -1, -1), keys], dim=2).flatten(0, 1)
        seen = self.shade(found, given, films[:2])
        x = self.inlet(torch.cat([seen, layout, latents], dim=1), films[2])
        for block, given in zip(self.blocks, films[3:], strict=True):
            x = x + block(x, given)
        return self.outlet(x) + self.straight(seen)


def _filmed(x: Tensor, film: Tensor) -> Tensor:
    scale, bias = film.chunk(2, dim=1)
    return functional.relu(x * (1 + scale) + bias)


class Student(nn.Module):
    """Conditioner and denoiser together with what they look at, for training."""

    def __init__(self, shape: Shape, textures: Textures) -> None:
        super().__init__()
        self.shape = shape
        self.look_up = LookUp(textures, shape.keys)
        self.denoiser = Denoiser(shape, torch.from_numpy(textures.scale))
        self.conditioner = Conditioner(shape, sum(self.denoiser.film_sizes))

    def forward(self, attributes: Tensor, noise: Tensor, timestep: Tensor, layout: Tensor, latents: Tensor) -> Tensor:
        shape = self.shape
        places = place_of(attributes, noise, slot=shape.place, variants=shape.variants, chooser=shape.chooser)
        film = self.conditioner(attributes, noise, timestep)
        return self.denoiser(self.look_up(layout, places), layout, latents, film[..., None, None])
