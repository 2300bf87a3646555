"""The painter's network: the textures of one subject to its picture, in the colour, style and light of a shot.

Textures hold every style and a few colours as a few numbers a texel; FiLM (Perez et al. 2018, arXiv 1709.07871) says
which to make of them, and a sub-pixel convolution (Shi et al. 2016, arXiv 1609.05158) doubles the resolution. What comes
out is how much there is of each of a few paints, and their colours: a subject is the same shapes in any colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

FINER = 2  # samples of the picture for a texel, in each direction
WIDTH, FILM_WIDTH = 32, 128
PAINTS = 8
NOTHING = 1.5 / 255
LEAST = 1e-3  # canvas heights: no radius is smaller
# Premultiplied red, green, blue and alpha from 0 to 1 to premultiplied Y, U, V and alpha from 0 to 255: BT.601, limited.
TO_YUV = (
    (65.481, 128.553, 24.966, 16.0),
    (-37.797, -74.203, 112.0, 128.0),
    (112.0, -93.786, -18.214, 128.0),
    (0.0, 0.0, 0.0, 255.0),
)


@dataclass(frozen=True, kw_only=True)
class PainterShape:
    """Sizes of a painter: the numbers of values of the slots that it looks at, at these places of a row of all slots,
    the features of a texture, and the noise values that change how a subject looks."""

    slots: tuple[int, ...]
    places: tuple[int, ...]
    features: int
    tones: tuple[int, ...]


class Painter(nn.Module):
    """features [n, f, s, s], attributes int64 [n, slots], noise [n, k] and radius [n, 1] to uint8 [n, 4, 2 s, 2 s].

    The features are those of one subject in its phase, as they are stored; `scale` [f] gives each power 1.
    """

    scale: Tensor

    def __init__(self, shape: PainterShape, scale: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        self.film = nn.Sequential(
            nn.Linear(sum(shape.slots) + len(shape.tones) + 1, FILM_WIDTH), nn.ReLU(),
            nn.Linear(FILM_WIDTH, FILM_WIDTH), nn.ReLU(),
            nn.Linear(FILM_WIDTH, 4 * WIDTH + 3 * PAINTS),
        )  # fmt: skip
        self.enter = nn.Conv2d(shape.features, WIDTH, 3, padding=1)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.leave = nn.Conv2d(WIDTH, (PAINTS + 1) * FINER**2, 3, padding=1)
        self.register_buffer("to_yuv", torch.tensor(TO_YUV)[..., None, None], persistent=False)

    def rgba(self, features: Tensor, attributes: Tensor, noise: Tensor, radius: Tensor) -> Tensor:
        """Premultiplied red, green, blue and alpha, about 0 to 1."""
        shape = self.shape
        hot = [
            functional.one_hot(attributes[:, place], size).float()
            for place, size in zip(shape.places, shape.slots, strict=True)
        ]
        tones = torch.erf(noise[:, list(shape.tones)] / math.sqrt(2))
        film = self.film(torch.cat([*hot, tones, torch.log2(radius.clamp(min=LEAST)) + 3], dim=1))
        films = film[:, : 4 * WIDTH, None, None].split(WIDTH, dim=1)
        x = functional.relu(self.enter(features * self.scale) * (1 + films[0]) + films[1])
        x = functional.relu(self.mix(x) * (1 + films[2]) + films[3])
        paints, alpha = functional.pixel_shuffle(self.leave(x), FINER).split([PAINTS, 1], dim=1)
        colours = film[:, 4 * WIDTH :].reshape(-1, 3, PAINTS, 1, 1)
        return torch.cat([(functional.relu(paints)[:, None] * colours).sum(dim=2), alpha], dim=1)

    def forward(self, features: Tensor, attributes: Tensor, noise: Tensor, radius: Tensor) -> Tensor:
        """Premultiplied Y, U, V and alpha, uint8; all 0 where they are within a level of nothing."""
        rgb, alpha = self.rgba(features, attributes, noise, radius).clamp(0, 1).split([3, 1], dim=1)
        alpha = torch.maximum(alpha, rgb.amax(dim=1, keepdim=True))  # so it is in every portrait
        seen = (alpha > NOTHING).float()
        picture = functional.conv2d(torch.cat([rgb, alpha], dim=1) * seen, self.get_buffer("to_yuv"))
        return torch.clamp(picture + 0.5, 0, 255).to(torch.uint8)
