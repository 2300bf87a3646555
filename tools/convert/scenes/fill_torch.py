"""Filling in batches with torch: the coverage of polygons, round glows, and painting into windows of pictures.

Coverage is exact across and sampled by `SCANS` lines down each row of pixels. Every crossing of an edge with a line
adds to one cell what the pixel right of it gains, and a running sum along the row gives the coverage; so the cost is
one visit per pixel, however many corners a polygon has. In whole numbers, so that the order of the additions does not
matter and every run gives the same picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tools.convert.scenes.stage import HALO_POWER
from tools.convert.scenes.tables import SCANS, Glow, Patch

ONE = 256  # a whole pixel on one line


def coverage(patch: Patch, device: torch.device, *, union: bool = False) -> Tensor:
    """float32 [n, rows, columns] 0..1: the share of each pixel of each window that is inside.

    Inside is decided by the even-odd rule, or is whatever any polygon covers (`union`), which asks that they all turn
    the same way.
    """
    columns, rows = patch.size
    windows = len(patch.low)
    total = int(patch.cells[:, 2].sum())
    edges, cells = _to(patch.edges, device), _to(patch.cells, device)
    count = cells[:, 2]
    which = torch.repeat_interleave(torch.arange(len(cells), device=device), count, output_size=total)
    step = torch.arange(total, device=device) - (torch.cumsum(count, 0) - count)[which]
    x = (edges[which, 0] + edges[which, 1] * step).clamp(0, columns)
    left = x.floor()
    whole = (edges[which, 2] * ONE).to(torch.int32)
    beyond = (edges[which, 2] * ONE * (x - left)).round().to(torch.int32)
    line = cells[which, 1] + step
    row = cells[which, 0] * rows + torch.div(line, SCANS, rounding_mode="floor")
    cell = row * (columns + 2) + left.to(torch.int64)
    sums = torch.zeros(windows * rows * (columns + 2), dtype=torch.int32, device=device)
    sums.index_add_(0, cell, whole - beyond).index_add_(0, cell + 1, beyond)
    sums = sums.view(windows, rows, columns + 2)[..., :columns].cumsum(-1, dtype=torch.int32)
    wound = sums.abs().float() / (ONE * SCANS)
    return wound.clamp(max=1) if union else 1 - (wound.remainder(2) - 1).abs()


def halo(x: Tensor, y: Tensor, radius: Tensor, *, low: Tensor, size: tuple[int, int]) -> Tensor:
    """float32 [n, rows, columns] 0..1: round glows around x, y [n] in windows that start at `low` [n, 2]."""
    across = torch.arange(size[0], device=x.device) + 0.5 + (low[:, 0] - x)[:, None]
    down = torch.arange(size[1], device=x.device) + 0.5 + (low[:, 1] - y)[:, None]
    far = (across[:, None, :] ** 2 + down[:, :, None] ** 2).sqrt() / radius.clamp(min=1e-3)[:, None, None]
    return (1 - far).clamp(0, 1) ** HALO_POWER


class Windows:
    """Windows of one size in a batch of pictures [frames, rows, columns, channels], to be read and written back."""

    def __init__(self, pictures: Tensor, frames: Tensor, low: Tensor, size: tuple[int, int]) -> None:
        down = low[:, 1, None] + torch.arange(size[1], device=low.device)
        across = low[:, 0, None] + torch.arange(size[0], device=low.device)
        self.pictures = pictures
        self.places = frames[:, None, None], down[:, :, None], across[:, None, :]

    def read(self) -> Tensor:
        """The pixels [n, rows, columns, channels]."""
        return self.pictures[self.places]

    def write(self, pixels: Tensor) -> None:
        """Put pixels back."""
        self.pictures[self.places] = pixels


def paint_patch(tiles: Tensor, patch: Patch) -> None:
    """Fill polygons into premultiplied RGBA tiles [frames, rows, columns, 4] with values 0..255."""
    device = tiles.device
    windows = Windows(tiles, _to(patch.frames, device), _to(patch.low, device), patch.size)
    rgba = _to(patch.rgba, device)
    share = coverage(patch, device) * rgba[:, 3, None, None]
    paint = torch.cat([rgba[:, :3], torch.full_like(rgba[:, :1], 255)], 1)[:, None, None]
    below = windows.read()
    windows.write(below + (paint - below) * share[..., None])


def add_glow(tiles: Tensor, glow: Glow) -> None:
    """Add round lights to the colours of RGBA tiles."""
    for share, windows, rgb in _glows(tiles, glow):
        below = windows.read()
        lit = (below[..., :3] + share[..., None] * rgb).clamp(max=255)
        windows.write(torch.cat([lit, below[..., 3:]], -1))


def mix_glow(pictures: Tensor, glow: Glow, strength: float = 1.0) -> None:
    """Mix round lights into RGB pictures."""
    for share, windows, rgb in _glows(pictures, glow):
        below = windows.read()
        windows.write(below + (rgb - below) * (strength * share)[..., None])


def _glows(pictures: Tensor, glow: Glow) -> list[tuple[Tensor, Windows, Tensor]]:
    """The share of each glow in the window that it touches, the windows, and the colours; empty where it has none."""
    device = pictures.device
    _, height, width, _ = pictures.shape
    reach = int(glow.round[:, 2].max()) + 2
    size = min(width, 2 * reach), min(height, 2 * reach)
    where, frames = _to(glow.round, device), _to(glow.frames, device)
    low = (where[:, :2].floor().to(torch.int64) - reach).clamp(min=0)
    low = torch.minimum(low, torch.tensor([width - size[0], height - size[1]], device=device))
    share = halo(where[:, 0], where[:, 1], where[:, 2], low=low, size=size) * _to(glow.share, device)[:, None, None]
    return [(share, Windows(pictures, frames, low, size), _to(glow.rgb, device)[:, None, None])]


def _to(array: object, device: torch.device) -> Tensor:
    return torch.as_tensor(array).to(device, non_blocking=True)
