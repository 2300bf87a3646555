"""Layout -> latents: a few steps of one small network, one latent slot at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


class Denoiser:
    """The denoiser part of a pack."""

    def __init__(self, session: ort.InferenceSession, *, channels: int) -> None:
        self._session = session
        self._channels = channels

    def latents(
        self, layout: NDArray[np.float32], films: Sequence[NDArray[np.float32]], *, check: Callable[[], None]
    ) -> NDArray[np.float32]:
        """Latents float32 [n, c, h, w] from layout float32 [n, l, h, w] and one film [1, f, 1, 1] per step.

        n is the number of keys, or 1 where the pack makes a slot at once.

        `check` is called before each step and may raise to stop.
        """
        n, _, height, width = layout.shape
        latents = np.zeros((n, self._channels, height, width), np.float32)
        for film in films:
            check()
            inputs = {"layout": layout, "latents": latents, "film": film}
            latents = np.asarray(self._session.run(["x0"], inputs)[0], np.float32)
        return latents
