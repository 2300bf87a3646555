"""The contact sheet of a judged pack: a row per clip with its prompt, what the judges saw, and mistakes in red."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.convert.judge.verdicts import Seen

Bytes = NDArray[np.uint8]
COLUMNS, WIDTH = 6, 176
STRIP = 20
INK, ALARM = (30, 30, 30), (20, 20, 200)


class Thumbnails:
    """Small pictures of the first `most` clips."""

    def __init__(self, *, most: int = 60) -> None:
        self.most = most
        self.rows: list[Bytes] = []

    def add(self, label: str, frames: Sequence[Bytes], seen: Seen) -> None:
        """Add a clip: some of its planar 4:2:0 frames, and the verdict on it."""
        if len(self.rows) >= self.most:
            return
        chosen = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, COLUMNS)]
        pictures = np.concatenate([_small(frame) for frame in chosen], axis=1)
        wrong = list(seen.wrong)
        if seen.motion_rule != seen.asked["motion"]:
            wrong.append(f"tracker: {seen.motion_rule}")
        if seen.camera_rule != seen.asked["camera"]:
            wrong.append(f"tracker: {seen.camera_rule}")
        self.rows.append(np.concatenate([_strip(label, wrong, pictures.shape[1]), pictures]))

    def save(self, path: Path) -> None:
        """Write the sheet as PNG, in two columns; nothing when there is nothing to show."""
        if not self.rows:
            return
        rows = [*self.rows, np.full_like(self.rows[0], 255)][: (len(self.rows) + 1) // 2 * 2]
        half = len(rows) // 2
        gap = np.full((rows[0].shape[0] * half, 8, 3), 255, np.uint8)
        sheet = np.concatenate([np.concatenate(rows[:half]), gap, np.concatenate(rows[half:])], axis=1)
        cv2.imwrite(str(path), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _small(i420: Bytes) -> Bytes:
    bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
    size = (WIDTH, round(WIDTH * bgr.shape[0] / bgr.shape[1]))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _strip(label: str, wrong: Sequence[str], width: int) -> Bytes:
    """The prompt, and to its right what the judges saw wrong. OpenCV draws no Chinese: such letters become marks."""
    strip = np.full((STRIP, width, 3), 255, np.uint8)
    alarm = "  ".join(wrong) if wrong else "all right"
    (taken, _), _ = cv2.getTextSize(alarm, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    cv2.putText(strip, label, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    strip[:, max(width - taken - 12, 0) :] = 255
    place = (max(width - taken - 4, 0), 14)
    cv2.putText(strip, alarm, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, ALARM if wrong else INK, 1, cv2.LINE_AA)
    return strip
