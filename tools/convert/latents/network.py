"""The autoencoder: 16 x 16 pixels x 12 frames of 4:2:0 video in some numbers, decoded in constant memory.

The encoder is the closed-form principal components (`components.py`); the decoder starts as their inverse (`start.py`) and learns what
that misses. Everything is convolutions and ReLU, with no normalisation, so that static INT8 loses little. The decoder
works on keys (three frames each); its memory of the slot and the key before keeps time smooth (MemBlock of TAEHV,
madebyollin/taehv). Its head makes 8 x 8 pixel blocks with all the channels of one position, where INT8 convolutions are
fastest; sample order inside a block is `pixels.to_blocks`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.convert.latents.components import Components
from tools.convert.latents.config import Config


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size (or halves it)."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


class Encoder(nn.Module):
    """Blocks of one slot float [n, keys * block, 2h, 2w] in 0..1 to standardised latents [n, c, h, w].

    Principal components of a cell and nothing else: no cell knows of its neighbours, and training leaves it alone, so
    that a generator can learn its latents while the decoder is still being trained.
    """

    def __init__(self, config: Config, components: Components) -> None:
        super().__init__()
        self.frames = config.slot_frames
        self.linear = nn.Conv2d(config.block * config.keys, config.channels, 2, stride=2)
        weight = (components.basis / np.sum(components.basis**2, axis=0)).T  # [c, d]
        self.linear.weight.data = torch.from_numpy(weight.reshape(self.linear.weight.shape).copy())
        self.linear.bias.data = torch.from_numpy(-weight @ components.mean)
        self.requires_grad_(requires_grad=False)

    def forward(self, blocks: Tensor) -> Tensor:
        return self.linear(blocks)


class ImageEncoder(nn.Module):
    """Blocks of one frame float [n, 96, 2h, 2w] in 0..1 to the latents [n, c, h, w] of a clip that stands still."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        weight = encoder.linear.weight.data
        self.linear = nn.Conv2d(96, len(weight), 2, stride=2)
        self.linear.weight.data = weight.reshape(len(weight), encoder.frames, 96, 2, 2).sum(dim=1)
        self.linear.bias.data = encoder.linear.bias.data.clone()

    def forward(self, blocks: Tensor) -> Tensor:
        return self.linear(blocks)


class Memory(nn.Module):
    """x + conv(relu(conv([x, past]))): one step that sees the same place one step before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(2 * width, width)
        self.second = conv(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, past: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(torch.cat([x, past], dim=1)))))


class Trunk(nn.Module):
    """One slot of latents to feature maps and one coarse picture per key.

    latents [n, c, h, w], slot_state [n, slot_width, h, w] and key_state [n, key_width, 2h, 2w] (zeros at the start)
    give base [n * keys, 3, 2h, 2w] (Y, U and V of each block), details [n * keys, detail_width, 2h, 2w], features
    [n * keys, key_width, 2h, 2w] and the two next states. Base and details are linear in the latents and stay in
    floating point; the INT8 part carries only what the linear part misses.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.keys, self.width = config.keys, config.key_width
        self.inlet = conv(config.channels, config.slot_width)
        self.slot_memory = Memory(config.slot_width)
        self.grow = nn.Conv2d(config.slot_width, config.keys * config.key_width * 4, 1)
        self.key_memory = Memory(config.key_width)
        self.base = nn.Conv2d(config.channels, config.keys * 3 * 4, 1)
        self.details = nn.Conv2d(config.channels, config.keys * config.detail_width * 4, 1)

    def forward(self, latents: Tensor, slot_state: Tensor, key_state: Tensor) -> tuple[Tensor, ...]:
        n, _, h, w = latents.shape
        slot_next = functional.relu(self.inlet(latents))
        x = self._by_key(functional.relu(self.grow(self.slot_memory(slot_next, slot_state))))
        grouped = x.reshape(n, self.keys, self.width, 2 * h, 2 * w)
        key_next = grouped[:, -1]
        past = torch.cat([key_state[:, None], grouped[:, :-1]], dim=1).reshape(x.shape)
        base, details = self._by_key(self.base(latents)), self._by_key(self.details(latents))
        return base, details, self.key_memory(x, past), slot_next, key_next

    def _by_key(self, x: Tensor) -> Tensor:
        """[n, keys * d * 4, h, w] to [n * keys, d, 2h, 2w]."""
        return functional.pixel_shuffle(x.reshape(x.shape[0] * self.keys, -1, *x.shape[2:]), 2)


class Spread(nn.Module):
    """Adds base [n, 3, 2h, 2w] to every sample of Y, U and V in x [n, block, 2h, 2w]: a copy, not a convolution."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        planes = torch.arange(3).repeat_interleave(torch.tensor([64, 16, 16])).repeat(config.frames_per_key)
        self.register_buffer("planes", planes, persistent=False)

    def forward(self, x: Tensor, base: Tensor) -> Tensor:
        return x + base[:, self.planes]


class Tail(nn.Module):
    """One key's base, details and features, as the trunk makes them, to pixels uint8 [n * frames, 96, 2h, 2w]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.near = conv(config.detail_width, config.tail_width)
        self.wide = conv(config.key_width, config.tail_width)
        self.out = nn.Conv2d(config.detail_width + config.tail_width, config.block, 1)
        self.spread = Spread(config)

    def pixels(self, base: Tensor, details: Tensor, features: Tensor) -> Tensor:
        """The same as `forward`, as float 0..1 without rounding and with all frames of a key as channels."""
        wide = functional.relu(self.near(details) + self.wide(features))
        return self.spread(self.out(torch.cat([details, wide], dim=1)), base)

    def forward(self, base: Tensor, details: Tensor, features: Tensor) -> Tensor:
        pixels = torch.clamp(self.pixels(base, details, features) * 255 + 0.5, 0, 255).to(torch.uint8)
        return pixels.reshape(-1, 96, *features.shape[2:])


class Decoder(nn.Module):
    """Trunk and tail together, for training on consecutive slots of several clips at once."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config)
        self.tail = Tail(config)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [clips, slots, c, h, w] to blocks [clips, slots, keys * block, 2h, 2w]."""
        clips, slots, _, h, w = latents.shape
        slot_state, key_state = self.states(clips, h, w)
        made = []
        for slot in range(slots):
            *maps, slot_state, key_state = self.trunk(latents[:, slot], slot_state, key_state)
            made.append(self.tail.pixels(*maps).reshape(clips, -1, 2 * h, 2 * w))
        return torch.stack(made, dim=1)

    def linear_weights(self) -> list[nn.Parameter]:
        """The weights that are the inverse of the encoder's components from the start."""
        linear = (self.trunk.base, self.trunk.details)
        return [weight for layer in linear for weight in layer.parameters()]

    def states(self, clips: int, h: int, w: int) -> tuple[Tensor, Tensor]:
        """The states before the first slot: zeros."""
        where = self.trunk.inlet.weight.device
        slot_state = torch.zeros(clips, self.config.slot_width, h, w, device=where)
        return slot_state, torch.zeros(clips, self.config.key_width, 2 * h, 2 * w, device=where)
