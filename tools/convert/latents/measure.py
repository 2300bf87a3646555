"""What a reconstruction is worth: PSNR, PSNR where something moves, flicker where nothing does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.convert.latents.config import Config

MOVING = 10 / 255
STILL = 1.5 / 255


def figures(config: Config, truth: NDArray[np.uint8], made: NDArray[np.floating]) -> dict[str, float]:
    """Figures for blocks [clips, slots, keys * block, rows, columns]: uint8 originals, reconstructions in 0..1.

    A luma sample moves where it changes by more than MOVING within a slot, and is still where it changes by less than
    STILL. `flicker_ratio` is the mean change from frame to frame of still samples, plus half a level so that nothing
    is divided by zero, against that of the originals.
    """
    shape = (-1, config.slot_frames, 96, *truth.shape[-2:])
    want = truth.reshape(shape).astype(np.float32) / 255
    have = np.clip(made.reshape(shape), 0, 1).astype(np.float32)
    error = (want - have) ** 2
    luma, luma_error = want[:, :, :64], error[:, :, :64].mean(axis=1)
    span = np.ptp(luma, axis=1)
    still = span < STILL
    change_want = np.abs(np.diff(luma, axis=1)).mean(axis=1)[still].mean()
    change_have = np.abs(np.diff(have[:, :, :64], axis=1)).mean(axis=1)[still].mean()
    half = 0.5 / 255
    return {
        "psnr_db": _psnr(error),
        "moving_psnr_db": _psnr(luma_error[span > MOVING]),
        "flicker_ratio": float((change_have + half) / (change_want + half)),
    }


def _psnr(error: NDArray[np.floating]) -> float:
    return float(-10 * np.log10(np.mean(error)))
