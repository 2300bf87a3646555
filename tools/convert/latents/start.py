"""The decoder's start: weights that make its linear part compute the inverse of the encoder's components.

That is itself a second, shared set of components of 8 x 8 blocks of one key, since one tail serves every place and key.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.convert.latents.components import Components
from tools.convert.latents.config import Config
from tools.convert.latents.network import Decoder

Floats = NDArray[np.float32]
QUIET = 0.02  # how much of their random start the nonlinear features are heard at first


@torch.no_grad()
def start_decoder(model: Decoder, components: Components, config: Config) -> None:
    """Make the decoder compute the inverse as far as its shared block components allow."""
    blocks = components.basis.reshape(config.keys, config.block, 4, config.channels)
    mean = components.mean.reshape(config.keys, config.block, 4)
    spread = np.tile(np.repeat(np.eye(3, dtype=np.float32), (64, 16, 16), axis=0), (config.frames_per_key, 1))
    coarse = spread / spread.sum(axis=0)  # [block, 3]: the means of Y, U and V
    _start_layer(model.trunk.base, np.einsum("bq,jbsc->jqsc", coarse, blocks), np.einsum("bq,jbs->jqs", coarse, mean))
    details = blocks - np.einsum("eq,bq,jbsc->jesc", spread, coarse, blocks)
    rest = mean - np.einsum("eq,bq,jbs->jes", spread, coarse, mean)
    shared = _shared(details, config.detail_width, seed=config.seed)
    maps, means = np.einsum("bk,jbsc->jksc", shared, details), np.einsum("bk,jbs->jks", shared, rest)
    scale = float(np.sqrt(np.mean(np.sum(maps**2, axis=3))))  # so that a detail has variance 1
    _start_layer(model.trunk.details, maps / scale, means / scale)
    tail = model.tail
    tail.out.weight *= QUIET
    tail.out.weight[:, : config.detail_width, 0, 0] = torch.from_numpy(shared * scale)
    tail.out.bias.zero_()


def _shared(details: Floats, kept: int, *, seed: int) -> Floats:
    """Shared components [block, kept] of blocks [keys, block, place, c].

    Rotated, they share the variance evenly: one range then serves all channels when they become INT8.
    """
    flat = details.transpose(1, 0, 2, 3).reshape(details.shape[1], -1)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(kept, kept)))[0]
    return (np.linalg.svd(flat, full_matrices=False)[0][:, :kept] @ turn).astype(np.float32)


def _start_layer(layer: nn.Conv2d, maps: Floats, means: Floats) -> None:
    """`maps` [keys, made, place, c] and `means` [keys, made, place]; rows as the pixel shuffle takes them."""
    layer.weight.copy_(torch.from_numpy(maps.reshape(layer.weight.shape).astype(np.float32)))
    layer.bias.copy_(torch.from_numpy(means.reshape(-1).astype(np.float32)))
