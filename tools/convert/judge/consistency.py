"""Whether subject and scenery stay themselves: the recogniser's frame features against those of the first frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tools.convert.tinyvideo.recogniser import Recogniser, scale

Bytes = NDArray[np.uint8]
GREY = 128


@torch.no_grad()
def consistency(recogniser: Recogniser, view: Bytes, near: Sequence[NDArray[np.bool_]]) -> dict[str, float]:
    """Mean cosine to the first frame, as subject_consistency and background_consistency.

    `view` is one judge view uint8 [frames, 6, 60, 108], `near` masks [60, 108] of what is near a subject in each frame;
    the rest is made grey for the one figure, the masks for the other.
    """
    mask = np.stack(near)[:, None]
    parts = {"subject": np.where(mask, view, GREY), "background": np.where(mask, GREY, view)}
    return {f"{name}_consistency": _cosine(recogniser, part.astype(np.uint8)) for name, part in parts.items()}


def _cosine(recogniser: Recogniser, frames: Bytes) -> float:
    features = recogniser.content(scale(torch.from_numpy(frames)))
    unit = torch.nn.functional.normalize(features, dim=1)
    return float((unit[1:] @ unit[0]).mean())
