"""The autoencoder: a closed-form PCA encoder and a small residual decoder on top of its linear inverse.

A latent cell holds 16 x 16 pixels x 3 frames of 4:2:0 video in `latent_channels` numbers. The linear inverse is
already a fair picture; the decoder adds what PCA cut off, and its memory of the key before keeps time smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import to_blocks


@dataclass(frozen=True)
class Pca:
    """`mean` [d], `basis` [d, c] with orthonormal columns, `std` [c] of the coefficients."""

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    std: NDArray[np.float32]

    def encode(self, packed: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Packed keys [n, p, h, w] to standardised latents [n, c, h / 4, w / 4]."""
        codes = (to_blocks(packed) - self.mean) @ self.basis / self.std
        return np.ascontiguousarray(codes.transpose(0, 3, 1, 2))

    def save(self, path: Path) -> None:
        """Write to one .npz file."""
        np.savez(path, mean=self.mean, basis=self.basis, std=self.std)

    @staticmethod
    def load(path: Path) -> Pca:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return Pca(file["mean"], file["basis"], file["std"])


def fit_pca(packed: NDArray[np.uint8], *, channels: int, samples: int, seed: int) -> Pca:
    """Principal components of randomly chosen blocks of packed keys [n, p, h, w]."""
    blocks = np.concatenate([to_blocks(packed[i : i + 32]).reshape(-1, packed.shape[1] * 16)[::7] for i in
                             range(0, len(packed), 32)])  # fmt: skip
    rng = np.random.default_rng(seed)
    blocks = blocks[rng.permutation(len(blocks))[:samples]]
    mean = blocks.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((blocks - mean).T))
    basis = vectors[:, ::-1][:, :channels].astype(np.float32)
    std = np.sqrt(values[::-1][:channels]).astype(np.float32)
    return Pca(mean.astype(np.float32), basis, std)


class Trunk(nn.Module):
    """One slot of latents to one feature map per key.

    latents [1, keys * c, h, w] and state [1, width, 2h, 2w] (the last key of the slot before; zeros at the start)
    give features [keys, width, 2h, 2w] and the next state.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.keys, self.channels, width = config.keys, config.latent_channels, config.decoder_width
        wide = width * 3 // 2
        self.inlet = nn.Conv2d(config.latent_channels, wide, 3, padding=1)
        self.mix1 = nn.Conv2d(wide, wide, 3, padding=1)
        self.mix2 = nn.Conv2d(wide, wide, 3, padding=1)
        self.narrow = nn.Conv2d(wide, width, 1)
        self.memory1 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.memory2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        _, _, h, w = latents.shape
        x = latents.reshape(self.keys, self.channels, h, w)
        x = functional.relu(self.inlet(x))
        x = functional.relu(x + self.mix2(functional.relu(self.mix1(x))))
        x = functional.interpolate(functional.relu(self.narrow(x)), scale_factor=2.0, mode="nearest")
        past = torch.cat([state, x[:-1]], dim=0)
        y = self.memory2(functional.relu(self.memory1(torch.cat([x, past], dim=1))))
        return functional.relu(x + y), x[-1:]


class Tail(nn.Module):
    """One key's features [1, width, 2h, 2w] and latents [1, c, h, w] to pixels uint8 [frames, 24, 4h, 4w]."""

    def __init__(self, config: Config, pca: Pca) -> None:
        super().__init__()
        self.frames, self.width = config.frames_per_key, config.tail_width
        self.grow = nn.Conv2d(config.decoder_width, self.frames * self.width, 1)
        # Upsampled features do not say where in its cell a pixel is; the linear picture beside them does.
        self.conv1 = nn.Conv2d(self.width + 24, self.width, 3, padding=1)
        self.conv2 = nn.Conv2d(self.width, 24, 3, padding=1)
        nn.init.normal_(self.conv2.weight, std=1e-3)
        self.linear = nn.Conv2d(config.latent_channels, len(pca.mean), 1)
        self.linear.weight.data = torch.from_numpy(pca.basis * pca.std)[..., None, None]
        self.linear.bias.data = torch.from_numpy(pca.mean.copy())
        self.linear.requires_grad_(False)

    def pixels(self, features: Tensor, latents: Tensor) -> Tensor:
        """The same as `forward`, as float 0..1 without rounding."""
        _, _, h, w = latents.shape
        x = self.grow(features).reshape(self.frames, self.width, 2 * h, 2 * w)
        x = functional.interpolate(functional.relu(x), scale_factor=2.0, mode="nearest")
        base = self.linear(latents).reshape(self.frames, 24, 4, 4, h, w).permute(0, 1, 4, 2, 5, 3)
        base = base.reshape(self.frames, 24, 4 * h, 4 * w)
        return base + self.conv2(functional.relu(self.conv1(torch.cat([x, base - 0.5], dim=1))))

    def forward(self, features: Tensor, latents: Tensor) -> Tensor:
        return torch.clamp(self.pixels(features, latents) * 255 + 0.5, 0, 255).to(torch.uint8)


class Decoder(nn.Module):
    """Trunk and tail together, for training on consecutive slots."""

    def __init__(self, config: Config, pca: Pca) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config)
        self.tail = Tail(config, pca)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents of consecutive keys [n, c, h, w], n a multiple of keys, to pixels [n, frames * 24, 4h, 4w]."""
        n, c, h, w = latents.shape
        state = latents.new_zeros(1, self.config.decoder_width, 2 * h, 2 * w)
        frames = []
        for slot in latents.reshape(n // self.config.keys, 1, self.config.keys * c, h, w):
            features, state = self.trunk(slot, state)
            keys = slot.reshape(self.config.keys, c, h, w)
            frames += [self.tail.pixels(features[k : k + 1], keys[k : k + 1]) for k in range(self.config.keys)]
        return torch.cat(frames).reshape(n, -1, 4 * h, 4 * w)
