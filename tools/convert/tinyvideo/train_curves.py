"""Training logs as pictures: one panel per figure, drawn with OpenCV so that training needs no plotting library."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

PANEL_WIDTH, PANEL_HEIGHT, EDGE = 360, 200, 34
INK, LINE, GRID = (40, 40, 40), (200, 90, 30), (225, 225, 225)
Picture = NDArray[np.uint8]


def draw_curves(log: Path, picture: Path, *, columns: int = 3) -> None:
    """Draw every figure of a JSON-lines log against its minutes; does nothing while there are fewer than two lines."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    if len(rows) < 2:
        return
    names = [name for name in dict.fromkeys(key for row in rows for key in row) if name not in {"step", "seconds"}]
    panels = [_panel(name, rows) for name in names]
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % columns)
    lines = [np.concatenate(panels[i : i + columns], axis=1) for i in range(0, len(panels), columns)]
    cv2.imwrite(str(picture), np.concatenate(lines))


def _panel(name: str, rows: list[dict[str, float]]) -> Picture:
    points = np.array([(row["seconds"] / 60, row[name]) for row in rows if name in row])
    panel = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 255, np.uint8)
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, 1e-9)
    room = np.array([PANEL_WIDTH - 2 * EDGE, PANEL_HEIGHT - 2 * EDGE])
    where = (points - low) / span * room
    places = np.stack([EDGE + where[:, 0], PANEL_HEIGHT - EDGE - where[:, 1]], axis=1).round().astype(np.int32)
    cv2.rectangle(panel, (EDGE, EDGE), (PANEL_WIDTH - EDGE, PANEL_HEIGHT - EDGE), GRID, 1)
    cv2.polylines(panel, [places], False, LINE, 1, cv2.LINE_AA)
    _write(panel, f"{name}: {points[-1, 1]:.4g}", (EDGE, 22))
    _write(panel, f"{high[1]:.4g}", (2, EDGE + 4))
    _write(panel, f"{low[1]:.4g}", (2, PANEL_HEIGHT - EDGE + 4))
    _write(panel, f"{high[0]:.0f} min", (PANEL_WIDTH - EDGE - 30, PANEL_HEIGHT - 14))
    return panel


def _write(panel: Picture, text: str, place: tuple[int, int]) -> None:
    cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
