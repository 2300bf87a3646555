"""The decoder's start: weights that make it compute the inverse of the encoder's components.

It is itself a second, shared set of components of 8 x 8 blocks of one key, since one tail serves every place and key.
Linear values pass the ReLUs on a pedestal of a few standard deviations.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.convert.latents.components import Components
from tools.convert.latents.config import Config
from tools.convert.latents.network import Decoder, Tail

Floats = NDArray[np.float32]
PEDESTAL = 5.0  # standard deviations
LINEAR_SHARE = 0.9  # of the key features; the others begin at random


@torch.no_grad()
def start_decoder(model: Decoder, start: Components, config: Config) -> None:
    """Make the decoder compute the inverse as far as its shared block components allow."""
    blocks = start.basis.reshape(config.keys, config.block, 4, config.channels)
    mean = start.mean.reshape(config.keys, config.block, 4)
    spread = np.tile(np.repeat(np.eye(3, dtype=np.float32), (64, 16, 16), axis=0), (config.frames_per_key, 1))
    coarse = spread / spread.sum(axis=0)  # [block, 3]: the means of Y, U and V
    _start_base(model, np.einsum("bq,jbsc->jqsc", coarse, blocks), np.einsum("bq,jbs->jqs", coarse, mean), spread)
    kept = round(config.key_width * LINEAR_SHARE)
    details = blocks - np.einsum("eq,bq,jbsc->jesc", spread, coarse, blocks)
    rest = mean - np.einsum("eq,bq,jbs->jes", spread, coarse, mean)
    shared = _components(details, kept, seed=config.seed)
    maps = np.einsum("bk,jbsc->jskc", shared, details)  # [keys, place, kept, c]
    means = np.einsum("bk,jbs->jsk", shared, rest)
    pedestal = PEDESTAL * np.sqrt(np.mean(np.sum(maps**2, axis=3), axis=(0, 1))) + np.abs(means).max(axis=(0, 1))
    _start_inlet(model.trunk.inlet, config.channels)
    _start_grow(model.trunk.grow, maps, means + pedestal, config)
    _start_tail(model.tail, shared, torch.from_numpy(pedestal).float())


def _components(details: Floats, kept: int, *, seed: int) -> Floats:
    """Shared components [block, kept] of blocks [keys, block, place, c].

    Rotated, they share the variance evenly: one range then serves all channels when they become INT8.
    """
    flat = details.transpose(1, 0, 2, 3).reshape(details.shape[1], -1)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(kept, kept)))[0]
    return (np.linalg.svd(flat, full_matrices=False)[0][:, :kept] @ turn).astype(np.float32)


def _start_base(model: Decoder, maps: Floats, means: Floats, spread: Floats) -> None:
    """`maps` [keys, 3, place, c] and `means` [keys, 3, place]; rows as the pixel shuffle takes them."""
    weight = maps.reshape(-1, maps.shape[-1]).copy()
    model.trunk.base.weight.copy_(torch.from_numpy(weight)[..., None, None])
    model.trunk.base.bias.copy_(torch.from_numpy(means.reshape(-1).copy()))
    model.tail.spread.weight.copy_(torch.from_numpy(spread)[..., None, None])
    model.tail.spread.bias.zero_()


def _start_tail(tail: Tail, shared: Floats, pedestal: torch.Tensor) -> None:
    """Linear channels pass as they are; the others see features without their pedestal."""
    kept = shared.shape[1]
    tail.keep.weight.zero_()
    tail.keep.bias.zero_()
    tail.wide.bias -= tail.wide.weight[:, :kept].sum(dim=(2, 3)) @ pedestal
    tail.out.weight *= 0.02
    tail.out.weight[:, :kept, 0, 0] = torch.from_numpy(shared)
    tail.out.bias.copy_(-(torch.from_numpy(shared) @ pedestal))


def _start_inlet(inlet: nn.Conv2d, channels: int) -> None:
    inlet.weight[:channels] = 0
    inlet.bias[:channels] = PEDESTAL
    for channel in range(channels):
        inlet.weight[channel, channel, 1, 1] = 1


def _start_grow(grow: nn.Conv2d, maps: Floats, offset: Floats, config: Config) -> None:
    """Rows are ordered key, channel, place, as the pixel shuffle takes them."""
    kept = maps.shape[2]
    weight = grow.weight.reshape(config.keys, config.key_width, 4, config.slot_width)
    bias = grow.bias.reshape(config.keys, config.key_width, 4)
    weight[:, :kept] = 0
    weight[:, :kept, :, : config.channels] = torch.from_numpy(maps.transpose(0, 2, 1, 3).copy()).float()
    passed = (maps.sum(axis=3) * PEDESTAL).transpose(0, 2, 1)  # what the inlet's pedestal adds
    bias[:, :kept] = torch.from_numpy(offset.transpose(0, 2, 1) - passed).float()
