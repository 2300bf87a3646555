"""A pack's pictures, each compressed by itself: a clip unpacks the one or two that it shows."""

from __future__ import annotations

import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError

KEPT = 2  # pictures in memory; a clip shows two subjects at most
HINT = "`edgereel models verify` checks the pack."
Picture = NDArray[np.int8]


class Tiles:
    """The int8 pictures [features, rows, columns] of a .npz file, named by their numbers from 0, read when asked for.

    Raises ModelError for a file that is missing, torn, or holds anything else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._get = lru_cache(KEPT)(self._read)
        self[0]

    def __getitem__(self, number: int) -> Picture:
        return self._get(number)

    def _read(self, number: int) -> Picture:
        try:
            with zipfile.ZipFile(self._path) as pictures, pictures.open(f"{number}.npy") as file:
                picture = np.lib.format.read_array(file, allow_pickle=False)
        except (KeyError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
            raise ModelError(f"{self._path}: picture {number}: {exc}.", hint=HINT) from exc
        if picture.dtype != np.int8 or picture.ndim != 3:
            raise ModelError(f"{self._path}: picture {number} is no int8 [features, rows, columns].", hint=HINT)
        return np.asarray(picture, np.int8)
