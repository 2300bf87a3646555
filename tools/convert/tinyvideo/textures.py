"""Learned textures: small feature pictures of every subject and place, looked up where the layout says.

A grid of features learns far faster than a network of coordinates (Mueller et al. 2022, arXiv 2201.05989), because
each place of it answers only for itself. The tiles of one kind stand below each other in one atlas.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Atlas(nn.Module):
    """`tiles` learned pictures of [channels, rows, columns]."""

    def __init__(self, tiles: int, channels: int, rows: int, columns: int) -> None:
        super().__init__()
        self.tiles, self.rows = tiles, rows
        self.texels = nn.Parameter(0.1 * torch.randn(1, channels, tiles * rows, columns))

    def forward(self, x: Tensor, y: Tensor, tile: Tensor) -> Tensor:
        """Features [n, channels, h, w] at `x`, `y` [n, h, w] from -1 to 1 within the tiles whose numbers are `tile`.

        `tile` is [n, h, w], or [n, 1, 1] where a whole map looks at one tile.
        """
        n, h, w = x.shape
        edge = 1 - 1 / self.rows  # half a texel from the border: neighbours in the atlas never shine through
        down = (tile + (y.clamp(-edge, edge) + 1) / 2) * (2 / self.tiles) - 1
        grid = torch.stack([x, down], dim=3).reshape(1, n * h, w, 2)
        found = functional.grid_sample(self.texels, grid, padding_mode="border", align_corners=False)
        return found.reshape(-1, n, h, w).transpose(0, 1)
