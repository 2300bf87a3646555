"""Frames as blocks: planar 4:2:0 pictures to channels of 8 x 8 pixels and back, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def to_blocks(i420: Bytes) -> Bytes:
    """Planar 4:2:0 [..., h * 3 / 2, w] to [..., 96, h / 8, w / 8]: 64 samples of Y, 16 of U, 16 of V, row by row."""
    *lead, rows, w = i420.shape
    h = rows * 2 // 3
    y = _split(i420[..., :h, :], 8)
    chroma = i420[..., h:, :].reshape(*lead, 2, h // 2, w // 2)
    return np.concatenate([y, _split(chroma[..., 0, :, :], 4), _split(chroma[..., 1, :, :], 4)], axis=-3)


def from_blocks(blocks: Bytes) -> Bytes:
    """What `to_blocks` made, back to planar 4:2:0 [..., h * 3 / 2, w]."""
    *lead, _, rows, columns = blocks.shape
    y = _join(blocks[..., :64, :, :], 8)
    chroma = [_join(blocks[..., 64 + 16 * c : 80 + 16 * c, :, :], 4) for c in range(2)]
    flat = [plane.reshape(*lead, -1) for plane in (y, *chroma)]
    return np.concatenate(flat, axis=-1).reshape(*lead, rows * 12, columns * 8)


def _split(plane: Bytes, side: int) -> Bytes:
    *lead, h, w = plane.shape
    cut = plane.reshape(*lead, h // side, side, w // side, side)
    return np.moveaxis(cut, (-3, -1), (-4, -3)).reshape(*lead, side * side, h // side, w // side)


def _join(blocks: Bytes, side: int) -> Bytes:
    *lead, _, rows, columns = blocks.shape
    cut = blocks.reshape(*lead, side, side, rows, columns)
    return np.moveaxis(cut, (-4, -3), (-3, -1)).reshape(*lead, rows * side, columns * side)
