"""Contact sheets: pictures with labels in rows under headings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

PAGE = (250, 248, 243)
INK = (44, 42, 56)
LABEL, HEADING, GAP = 15, 30, 4  # pixels
DEPTH = 4  # colours are rounded to multiples of this, which nobody sees and which halves the file


def height_of(columns: int, *, width: int) -> int:
    """How high a picture of a screen's shape is when `columns` of them fill a page."""
    return int(((width - GAP) / columns - GAP) / 1.8)


def cell(picture: Frame, label: str) -> Frame:
    """A picture with its name below."""
    strip = np.full((LABEL, picture.shape[1], 3), PAGE, np.uint8)
    _write(strip, label, 2, 11, 0.36)
    return np.concatenate([picture, strip])


def strip(pictures: Sequence[Frame]) -> Frame:
    """Pictures side by side with a thin line between, as moments of one clip."""
    line = np.full((pictures[0].shape[0], 1, 3), PAGE, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, line)][:-1], axis=1)


def section(title: str, cells: Sequence[Frame], *, columns: int, width: int) -> Frame:
    """A heading and rows of equal cells on a page `width` wide."""
    head = np.full((HEADING, width, 3), PAGE, np.uint8)
    _write(head, title, 4, 22, 0.56)
    return np.concatenate([head, *(_row(cells[k : k + columns], width) for k in range(0, len(cells), columns))])


def _row(cells: Sequence[Frame], width: int) -> Frame:
    page = np.full((cells[0].shape[0], width, 3), PAGE, np.uint8)
    left = GAP
    for one in cells:
        page[:, left : left + one.shape[1]] = one
        left += one.shape[1] + GAP
    return page


def _write(page: Frame, text: str, x: int, y: int, size: float) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)


def write_png(sheet: Frame, path: Path) -> None:
    """Write an RGB sheet, its colours rounded a little so that the file stays small. Raises OSError."""
    rounded = np.minimum((sheet.astype(np.uint16) + DEPTH // 2) // DEPTH * DEPTH, 255).astype(np.uint8)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED]
    good, data = cv2.imencode(".png", cv2.cvtColor(rounded, cv2.COLOR_RGB2BGR), options)
    if not good:
        raise OSError(f"The sheet could not be encoded as PNG for {path}.")
    path.write_bytes(data.tobytes())
