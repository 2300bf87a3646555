"""Quantised weights as ggml stores them: rows in blocks of 32, each with a scale of its own; numpy in both directions.

Formats and the rounding: ggml's ggml-common.h and ggml-quants.c (quantize_row_*_ref). Every step is one correctly rounded
float32 operation, so the bytes are the same on every machine.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Kind(IntEnum):
    """The types of tensors that are read here, with ggml's numbers; F32 and F16 have no blocks."""

    F32 = 0
    F16 = 1
    Q4_0 = 2
    Q4_1 = 3
    Q8_0 = 8

    @property
    def block_bytes(self) -> int:
        """Bytes of 32 weights."""
        return {Kind.F32: 128, Kind.F16: 64, Kind.Q4_0: 18, Kind.Q4_1: 20, Kind.Q8_0: 34}[self]


def dequantise(data: bytes, kind: Kind) -> Floats:
    """The weights [n] that the bytes of whole blocks stand for."""
    match kind:
        case Kind.F32:
            return np.frombuffer(data, "<f4").astype(np.float32)
        case Kind.F16:
            return np.frombuffer(data, "<f2").astype(np.float32)
        case Kind.Q8_0:
            blocks = _blocks(data, kind)
            return (blocks[:, 2:].view(np.int8) * _half(blocks, 0)).reshape(-1)
        case Kind.Q4_0:
            blocks = _blocks(data, kind)
            return ((_nibbles(blocks[:, 2:]) - np.float32(8)) * _half(blocks, 0)).reshape(-1)
        case Kind.Q4_1:
            blocks = _blocks(data, kind)
            return (_nibbles(blocks[:, 4:]) * _half(blocks, 0) + _half(blocks, 2)).reshape(-1)


def quantise(weights: Floats, kind: Kind) -> bytes:
    """The bytes of `weights`, rows one after the other; their number is a multiple of 32, and none is infinite or NaN."""
    match kind:
        case Kind.F32:
            return weights.astype("<f4").tobytes()
        case Kind.F16:
            return weights.astype("<f2").tobytes()
        case Kind.Q8_0:
            return _q8_0(weights.reshape(-1, BLOCK))
        case Kind.Q4_0:
            return _q4_0(weights.reshape(-1, BLOCK))
        case Kind.Q4_1:
            return _q4_1(weights.reshape(-1, BLOCK))


def shift(data: bytes, change: Floats, *, seed: int) -> bytes:
    """Blocks of Q4_1 with `change` [n] added to their weights, each block on the grid that it has.

    A change is mostly far smaller than a step of that grid: rounded to the nearest step it would be lost. So each weight goes
    up or down by lot, so that the mean is right: stochastic rounding, Gupta et al. 2015, https://arxiv.org/abs/1502.02551.
    The lots depend on `seed` and on the place of a weight alone.
    """
    blocks = _blocks(data, Kind.Q4_1)
    moved = change.reshape(-1, BLOCK) * _inverse(_half(blocks, 0)) + _lots(change.size, seed).reshape(-1, BLOCK)
    steps = np.clip(_nibbles(blocks[:, 4:]) + np.floor(moved), 0, 15).astype(np.uint8)
    return np.concatenate([blocks[:, :4], _pair(steps)], axis=1).tobytes()


def _lots(count: int, seed: int) -> Floats:
    """Numbers from 0 to less than 1 by an integer hash (lowbias32, https://nullprogram.com/blog/2018/07/31/)."""
    bits = np.arange(count, dtype=np.uint32) ^ np.uint32(seed & 0xFFFFFFFF)
    for down, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits ^= bits >> np.uint32(down)
        bits *= np.uint32(factor)
    bits ^= bits >> np.uint32(16)
    return np.asarray(bits >> np.uint32(8), np.float32) * np.float32(2.0**-24)


def _q8_0(rows: Floats) -> bytes:
    scale = np.abs(rows).max(axis=1, keepdims=True) / np.float32(127)
    scaled = rows * _inverse(scale)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    return _join(scale, body=rounded.astype(np.int8).view(np.uint8))


def _q4_0(rows: Floats) -> bytes:
    # The weight farthest from zero becomes -8 whatever its sign, since there is no +8.
    far = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    scale = far / np.float32(-8)
    steps = np.minimum(rows * _inverse(scale) + np.float32(8.5), np.float32(15)).astype(np.uint8)
    return _join(scale, body=_pair(steps))


def _q4_1(rows: Floats) -> bytes:
    low = rows.min(axis=1, keepdims=True)
    scale = (rows.max(axis=1, keepdims=True) - low) / np.float32(15)
    steps = np.minimum((rows - low) * _inverse(scale) + np.float32(0.5), np.float32(15)).astype(np.uint8)
    return _join(scale, low, body=_pair(steps))


def _inverse(scale: Floats) -> Floats:
    """1 / scale, and 0 where the scale is."""
    return np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)


def _join(*halves: Floats, body: Bytes) -> bytes:
    heads = [half.astype("<f2").view(np.uint8) for half in halves]
    return np.concatenate([*heads, body], axis=1).tobytes()


def _pair(steps: Bytes) -> Bytes:
    """Two of a block in a byte: number i in the low half, number i + 16 in the high one."""
    return np.asarray(steps[:, :16] | (steps[:, 16:] << 4), np.uint8)


def _nibbles(body: Bytes) -> Floats:
    return np.concatenate([body & 15, body >> 4], axis=1).astype(np.float32)


def _half(blocks: Bytes, at: int) -> Floats:
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def _blocks(data: bytes, kind: Kind) -> Bytes:
    return np.frombuffer(data, np.uint8).reshape(-1, kind.block_bytes)
