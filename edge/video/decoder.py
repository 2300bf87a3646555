"""Latents -> frames: slot by slot, key by key, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.manifest import Canvas, Latent, Part

Planes = NDArray[np.uint8]


class Decoder:
    """The decoder's trunk and tail. It remembers the key before, so slots must come in order; `reset` at a cut."""

    def __init__(self, trunk: ort.InferenceSession, tail: ort.InferenceSession, part: Part, latent: Latent) -> None:
        self._trunk, self._tail, self._part, self._latent = trunk, tail, part, latent
        self._states: dict[str, NDArray[np.float32]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what was before."""
        self._states = {
            name: np.zeros([int(size) for size in self._part.inputs[name].shape], np.float32)
            for name in self._part.states
        }

    def frames(self, latents: NDArray[np.float32]) -> Iterator[list[Planes]]:
        """Yield the packed frames uint8 [24, h / 4, w / 4] of each key of one slot's latents [keys, c, h, w]."""
        slot = latents.reshape(1, -1, *latents.shape[2:])
        names = ["features", *self._part.states.values()]
        features, *states = self._trunk.run(names, {"latents": slot, **self._states})
        self._states = dict(zip(self._part.states, states, strict=True))
        for key in range(self._latent.keys):
            inputs = {"features": features[key : key + 1], "latents": latents[key : key + 1]}
            yield list(self._tail.run(["frames"], inputs)[0])


def to_i420(packed: Planes, canvas: Canvas) -> Planes:
    """Packed [24, h / 4, w / 4] (16 of Y, 4 of U, 4 of V) to planar 4:2:0 uint8 [out_height * 3 / 2, out_width].

    The planes are enlarged `scale` times and the edges cropped alike on both sides.
    """
    _, rows, columns = packed.shape
    y = np.empty((rows * 4, columns * 4), np.uint8)
    for channel in range(16):
        y[channel // 4 :: 4, channel % 4 :: 4] = packed[channel]
    chroma = np.empty((2, rows * 2, columns * 2), np.uint8)
    for channel in range(8):
        chroma[channel // 4, channel % 4 // 2 :: 2, channel % 2 :: 2] = packed[16 + channel]
    half = (canvas.out_height // 2, canvas.out_width // 2)
    planes = [
        _fit(y, canvas.scale, canvas.out_height, canvas.out_width),
        *(_fit(c, canvas.scale, *half) for c in chroma),
    ]
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(canvas.out_height * 3 // 2, canvas.out_width)


def _fit(plane: Planes, scale: int, height: int, width: int) -> Planes:
    if scale > 1:
        size = (plane.shape[1] * scale, plane.shape[0] * scale)
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    return plane[top : top + height, left : left + width]
