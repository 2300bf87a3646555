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
        self, found: NDArray[np.float32], layout: NDArray[np.float32], films: Sequence[NDArray[np.float32]], *,
        check: Callable[[], None],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Latents float32 [1, c, h, w] of one slot, with one film [1, f, 1, 1] per step.

        `found` float32 [1, features, samples * h, w] is what the textures hold, `layout` float32 [1, l, h, w] what
        `slot_map` says. `check` is called before each step and may raise to stop.
        """
        latents = np.zeros((1, self._channels, *layout.shape[2:]), np.float32)
        for film in films:
            check()
            inputs = {"found": found, "layout": layout, "latents": latents, "film": film}
            latents = np.asarray(self._session.run(["x0"], inputs)[0], np.float32)
        return latents
