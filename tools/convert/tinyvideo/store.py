"""Random batches out of whatever shards are complete."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CROP_CELLS = 12
PARTS = ("attributes", "z", "layout", "latents")


class Shards:
    """Random batches out of whatever shards are complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[NDArray[np.generic], ...]] = []
        self.names: set[str] = set()
        self.refresh()
        while not self.files:
            time.sleep(2)
            self.refresh()
        self.layout_channels = int(self.files[0][2].shape[1])

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("*.latents.npy")):
            number = path.name.split(".")[0]
            if number not in self.names:
                self.names.add(number)
                self.files.append(tuple(np.load(self.folder / f"{number}.{part}.npy", mmap_mode="r") for part in PARTS))

    def batch(self, size: int, rng: np.random.Generator, *, crop: bool = False) -> tuple[Tensor, ...]:
        """Random rows; with `crop` only a square of cells around a subject, where most of the work is."""
        pieces = 4
        picked: list[list[NDArray[np.generic]]] = [[], [], [], []]
        for _ in range(pieces):
            file = self.files[rng.integers(len(self.files))]
            rows = rng.integers(len(file[0]), size=size // pieces)
            for kind in range(4):
                picked[kind].append(file[kind][rows])
        row, z, layout, latents = (np.concatenate(part) for part in picked)
        if crop:
            layout, latents = _crops(layout, latents, rng)
        form = torch.channels_last
        maps = (torch.from_numpy(part.astype(np.float32)).contiguous(memory_format=form) for part in (layout, latents))
        return torch.from_numpy(row), torch.from_numpy(z), *maps


def _crops(
    layout: NDArray[np.generic], latents: NDArray[np.generic], rng: np.random.Generator
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Squares around a random cell of a subject; corners are even, so that the stride-2 level stays aligned."""
    cut: list[tuple[NDArray[np.generic], NDArray[np.generic]]] = []
    for maps, truth in zip(layout, latents, strict=True):
        inside = np.argwhere(maps[0] > 0)
        i, j = inside[rng.integers(len(inside))] if len(inside) else (0, 0)
        corner = [
            int(np.clip(centre - rng.integers(0, CROP_CELLS), 0, side - CROP_CELLS)) // 2 * 2
            for centre, side in zip((i, j), maps.shape[1:], strict=True)
        ]
        window = (slice(None), slice(corner[0], corner[0] + CROP_CELLS), slice(corner[1], corner[1] + CROP_CELLS))
        cut.append((maps[window], truth[window]))
    return np.stack([pair[0] for pair in cut]), np.stack([pair[1] for pair in cut])
