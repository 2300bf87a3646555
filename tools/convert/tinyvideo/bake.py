"""Textures of every place and subject of a world, baked from its pictures: what the student looks up.

A texel holds what a world knows of it (the renderer: the colours that it has in all styles, and for a subject in a few
base colours) as a few principal components, which all places, or all subjects, share: what one of them teaches about a
style serves the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.loop import write_whole
from tools.convert.tinyvideo.world import RENDERER, World

LEVELS = 127
LEAST = 1e-12  # of a power: what is always 0 stays 0
Array = NDArray[np.float32]
Bytes = NDArray[np.int8]


@dataclass(frozen=True)
class Textures:
    """int8 [tiles, features, rows, columns] of the places' far and near layers, variant after variant of each, and
    [subjects, features * POSES, rows, columns]; a network multiplies the features of all three, one after the other,
    by `scale` float32 [3 * features], after which each has power 1. `photo` float32 [features, 4] makes the features of
    what is far from red, green, blue (0..1) and 1, as they are on average where a cartoon has that colour."""

    far: Bytes
    near: Bytes
    subjects: Bytes
    scale: Array
    photo: Array


def bake(config: Config, out: Path, *, world: World = RENDERER) -> None:
    """Write `textures.npz`."""
    pictures = world.pictures(rows=config.rows, texels=config.texels)
    arrays: dict[str, NDArray[np.generic]] = {}
    scales = []
    for name in ("subjects", "far", "near"):
        arrays[name], scale = _quantised(_components(getattr(pictures, name), config.features))
        scales.append(scale)
    arrays |= {"scale": np.concatenate(scales), "photo": _photo(pictures.far, arrays["far"])}
    write_whole(out / "textures.npz", lambda file: np.savez(file, **arrays))


def load_textures(out: Path) -> Textures:
    """The textures of a run."""
    with np.load(out / "textures.npz") as arrays:
        return Textures(**{name: arrays[name] for name in ("far", "near", "subjects", "scale", "photo")})


def _components(pictures: Array, features: int) -> Array:
    """The `features` strongest components, each of power 1, of pictures [tiles, poses, dims, rows, columns]."""
    rows = np.moveaxis(pictures, 2, 4)
    flat = rows.reshape(-1, rows.shape[-1]).astype(np.float64)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    order = np.argsort(values)[::-1][:features]
    made = rows @ (vectors[:, order] / np.sqrt(np.maximum(values[order], LEAST))).astype(np.float32)
    return np.moveaxis(made, 4, 2)


def _photo(far: Array, features: Bytes) -> Array:
    """Least squares from a far picture's red, green and blue to the features."""
    colours = np.moveaxis(far[:, 0, :3], 1, 3).reshape(-1, 3)
    wanted = np.moveaxis(features, 1, 3).reshape(len(colours), -1).astype(np.float64)
    return np.linalg.lstsq(np.column_stack([colours, np.ones(len(colours))]), wanted, rcond=None)[0].T.astype(
        np.float32
    )


def _quantised(pictures: Array) -> tuple[Bytes, Array]:
    """Pictures [tiles, poses, features, rows, columns] as int8 with poses behind features, and each feature's scale."""
    scale = np.maximum(np.abs(pictures).max(axis=(0, 1, 3, 4)), LEAST) / LEVELS
    whole = np.rint(pictures / scale[:, None, None]).astype(np.int8).transpose(0, 2, 1, 3, 4)
    return whole.reshape(len(whole), -1, *whole.shape[3:]), scale.astype(np.float32)
