"""Looking at a pack: a contact sheet of prompts. What it is worth is for `tools/convert/judge` to say."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.manifest import VideoManifest, load_manifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.generator import Generator, open_generator

Picture = NDArray[np.uint8]


def open_pack(folder: Path) -> Pack[VideoManifest]:
    """A video pack in any folder."""
    return Pack(folder, cast(VideoManifest, load_manifest(folder)))


def clip(generator: Generator, shot: Shot, *, seed: int, mode: Mode = Mode.DIRECT) -> list[Picture]:
    """All frames of one shot, planar 4:2:0 at the output size."""
    plan = Plan(shots=(shot,), caption="", coverage=1.0)
    return list(generator.frames(plan, row=mode.row, seed=seed, stop=Stop()))


def contact_sheet(pack: Path, shots: list[tuple[str, Shot]], *, columns: int, seed: int, path: Path) -> None:
    """Write a PNG with one row per shot: its label and `columns` frames spread over the clip."""
    rows = []
    with open_generator(open_pack(pack), threads=2) as generator:
        for label, shot in shots:
            frames = clip(generator, shot, seed=seed)
            chosen = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, columns)]
            small = [_small(frame) for frame in chosen]
            rows += [_caption(label, sum(picture.shape[1] for picture in small)), np.concatenate(small, axis=1)]
    cv2.imwrite(str(path), np.concatenate(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _small(frame: Picture, width: int = 144) -> Picture:
    rgb = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    size = (width, round(width * rgb.shape[0] / rgb.shape[1]))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _caption(text: str, width: int) -> Picture:
    strip = np.full((18, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (6, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (30, 30, 30), 1, cv2.LINE_AA)
    return strip
