"""Random batches out of whatever shards are complete."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tools.convert.tinyvideo.shards import PARTS

ANYWHERE = 0.3  # of the crops; the others lie around a subject
HELD = 1  # the first shard is only looked at


class Shards:
    """Batches of attributes int64 [n, slots], z, layout, focus float 0..1 and latents, all but the first float32."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[NDArray[np.generic], ...]] = []
        self._names: set[str] = set()
        while len(self.files) <= HELD:
            self.refresh()
            if len(self.files) <= HELD:
                time.sleep(2)

    def refresh(self) -> None:
        """Take up shards that were finished since."""
        for path in sorted(self.folder.glob("*.latents.npy")):
            number = path.name.split(".")[0]
            if number not in self._names:
                self._names.add(number)
                self.files.append(tuple(np.load(self.folder / f"{number}.{part}.npy", mmap_mode="r") for part in PARTS))

    def batch(self, size: int, rng: np.random.Generator, *, crop: int = 0, held: bool = False) -> tuple[Tensor, ...]:
        """Random rows; with `crop` only squares of so many cells, most of them around a subject."""
        rows = []
        for _ in range(size):
            file = self.files[0 if held else rng.integers(HELD, len(self.files))]
            index = int(rng.integers(len(file[0])))
            row = tuple(part[index] for part in file)
            rows.append(cropped(row, crop, rng) if crop else row)
        attributes, z, layout, focus, latents = (np.stack(part) for part in zip(*rows, strict=True))
        form = torch.channels_last
        maps = [torch.from_numpy(part.astype(np.float32)).contiguous(memory_format=form) for part in (layout, latents)]
        return (
            torch.from_numpy(attributes),
            torch.from_numpy(z),
            maps[0],
            torch.from_numpy(focus).float() / 255,
            maps[1],
        )


def cropped(
    row: tuple[NDArray[np.generic], ...], side: int, rng: np.random.Generator
) -> tuple[NDArray[np.generic], ...]:
    """A square around a random cell of a subject, or anywhere."""
    limits = row[3].shape[1:]
    inside = np.argwhere(row[3][0] > 127)
    middle = [int(rng.integers(limit)) for limit in limits]
    if len(inside) and rng.uniform() > ANYWHERE:
        middle = list(inside[rng.integers(len(inside))])
    i, j = (
        int(np.clip(at - rng.integers(side // 4, side - side // 4), 0, limit - side))
        for at, limit in zip(middle, limits, strict=True)
    )
    return *row[:2], *(part[:, i : i + side, j : j + side] for part in row[2:])
