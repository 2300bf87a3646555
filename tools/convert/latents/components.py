"""The encoder in closed form: principal components of 16 x 16 x 12 cells of 4:2:0 video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.convert.latents.config import Config
from tools.convert.latents.data import read_crops
from tools.convert.tinyvideo.loop import log_line

Floats = NDArray[np.float32]
SAMPLES = 60_000
AT_ONCE = 4096  # of them


@dataclass(frozen=True)
class Components:
    """`mean` [d] and `basis` [d, c] of a cell, scaled so that a coefficient has variance 1; d = keys * block * 2 * 2."""

    mean: Floats
    basis: Floats

    @property
    def std(self) -> Floats:
        """What a step of one in each coefficient is worth in pixels, as a norm: float32 [c], falling."""
        return np.asarray(np.linalg.norm(self.basis, axis=0), np.float32)


def encoder(config: Config, out: Path) -> None:
    """Fit the components on the crops, unless that was done: `encoder.npz`, and what they are worth to `encoder.log`."""
    path = out / "encoder.npz"
    if path.exists():
        return
    files = read_crops(out)[:12]
    step = 4 if len(files) > 4 else 1
    slots = np.concatenate([np.concatenate(list(file[::step])) for file in files])
    fitted, psnr = fit(slots, channels=config.channels, samples=SAMPLES, seed=config.seed)
    np.savez(path, mean=fitted.mean, basis=fitted.basis)
    log_line(out / "encoder.log", {"channels": config.channels, "psnr_db": psnr})


def load_components(out: Path) -> Components:
    """What `encoder` wrote, or `tinyreel.npz`, which holds the components of the shipped pack as float16."""
    with np.load(out / "encoder.npz") as file:
        return Components(file["mean"].astype(np.float32), file["basis"].astype(np.float32))


def fit(slots: NDArray[np.uint8], *, channels: int, samples: int, seed: int) -> tuple[Components, float]:
    """Principal components of cells of slots uint8 [n, keys * block, 2h, 2w]; also the PSNR in dB on the sample."""
    rng = np.random.default_rng(seed)
    cells = np.concatenate([_cells(slot)[:: int(rng.integers(3, 6))] for slot in slots])
    cells = cells[rng.permutation(len(cells))[:samples]]
    mean = (cells.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)
    spread = np.zeros((len(mean), len(mean)), np.float32)
    for first in range(0, len(cells), AT_ONCE):  # as floats all of them would be more than a gigabyte
        centred = cells[first : first + AT_ONCE].astype(np.float32) / 255 - mean
        spread += centred.T @ centred / len(cells)
    values, vectors = np.linalg.eigh(spread)
    kept = values[::-1][:channels]
    left = (np.trace(spread) - kept.sum()) / len(mean)
    basis = vectors[:, ::-1][:, :channels].astype(np.float32)
    return Components(mean, basis * np.sqrt(kept).astype(np.float32)), float(-10 * np.log10(left))


def _cells(slot: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One slot [d / 4, 2h, 2w] to its cells [h * w, d], in the order of a 2 x 2 convolution's weight."""
    depth, rows, columns = slot.shape
    cut = slot.reshape(depth, rows // 2, 2, columns // 2, 2)
    return cut.transpose(1, 3, 0, 2, 4).reshape(-1, depth * 4)
