"""What tuning changed, as it travels: for each matrix a product of two thin ones in int8, with a scale for each row and column.

The change of a matrix [out, in] is `up_scale[out] * down_scale[in] * (up[out, rank] @ down[rank, in])`. The product of
the integers is exact in float32 in whatever order it is summed (rank x 127 x 127 stays below 2^24), so every machine
makes the same weights of it. Method: low-rank adaptation, Hu et al. 2021, https://arxiv.org/abs/2106.09685.

The file is a plain .npz: `base` is the sha256 of the file that it was made for (32 bytes), and NAME/up, NAME/down,
NAME/up_scale, NAME/down_scale for each tensor.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.tuned.blocks import Floats

PARTS = ("up", "down", "up_scale", "down_scale")
MOST_RANK = 1000


class Delta:
    """The changes of one file, read matrix by matrix."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises ModelError when it is missing or no such file."""
        try:
            self._file = np.load(path, allow_pickle=False)
            self.base = self._file["base"].tobytes().hex()
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as exc:
            raise ModelError(f"{path} holds no changes of a model: {exc!r}.", hint="Install edgereel anew.") from exc
        self._path = path
        self.names = frozenset(name.rpartition("/")[0] for name in self._file.files if "/" in name)

    def change(self, name: str, *, out: int, width: int) -> Floats:
        """What is added to the matrix of this name, [out, width]. Raises ModelError when it does not fit."""
        parts = {part: self._part(name, part) for part in PARTS}
        rank = parts["up"].shape[-1]
        shapes = {"up": (out, rank), "down": (rank, width), "up_scale": (out,), "down_scale": (width,)}
        if rank > MOST_RANK or {part: array.shape for part, array in parts.items()} != shapes:
            raise ModelError(f"{self._path}: the change of {name} does not fit.", hint="Install edgereel anew.")
        product = parts["up"].astype(np.float32) @ parts["down"].astype(np.float32)
        scaled = product * parts["up_scale"].astype(np.float32)[:, None]
        return np.asarray(scaled * parts["down_scale"].astype(np.float32)[None, :], np.float32)

    def _part(self, name: str, part: str) -> NDArray[np.generic]:
        wanted = np.int8 if part in ("up", "down") else np.float32
        try:
            array: NDArray[np.generic] = self._file[f"{name}/{part}"]
        except (KeyError, ValueError, zipfile.BadZipFile) as exc:
            raise ModelError(f"{self._path} has no whole {name}/{part}.", hint="Install edgereel anew.") from exc
        if array.dtype != wanted:
            raise ModelError(f"{self._path}: {name}/{part} is {array.dtype}.", hint="Install edgereel anew.")
        return array
