"""Latents -> frames: slot by slot, key by key, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.manifest import Latent
from edge.part import Canvas, Part

Planes = NDArray[np.uint8]


class Decoder:
    """The decoder's trunk and tail. It remembers what was before, so slots must come in order; `reset` at a cut."""

    def __init__(self, trunk: ort.InferenceSession, tail: ort.InferenceSession, part: Part, latent: Latent) -> None:
        self._trunk, self._tail, self._part, self._latent = trunk, tail, part, latent
        self._tail_inputs = [item.name for item in tail.get_inputs()]
        self._states: dict[str, NDArray[np.float32]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget what was before."""
        self._states = {
            name: np.zeros([int(size) for size in self._part.inputs[name].shape], np.float32)
            for name in self._part.states
        }

    def frames(self, latents: NDArray[np.float32]) -> Iterator[list[Planes]]:
        """Yield the packed frames (`to_i420`) of each key of one slot's latents: [keys, c, h, w] or [1, c, h, w]."""
        slot = latents.reshape(1, -1, *latents.shape[2:])
        names = list(self._part.outputs)
        made = dict(zip(names, self._trunk.run(names, {"latents": slot, **self._states}), strict=True))
        self._states = {state: made[after] for state, after in self._part.states.items()}
        made["latents"] = latents
        for key in range(self._latent.keys):
            given = {name: made[name][key : key + 1] for name in self._tail_inputs}
            yield list(self._tail.run(["frames"], given)[0])


def to_i420(packed: Planes, canvas: Canvas) -> Planes:
    """Packed blocks to planar 4:2:0 uint8 [out_height * 3 / 2, out_width].

    A block is s x s pixels: packed is [s * s * 3 / 2, h / s, w / s] with the samples of Y, then U, then V, row by row.
    The planes are enlarged `scale` times and the edges cropped alike on both sides.
    """
    side = isqrt(packed.shape[0] * 2 // 3)
    luma, quarter = side * side, side * side // 4
    y = _unpack(packed[:luma], side)
    chroma = [_unpack(packed[luma + c * quarter : luma + (c + 1) * quarter], side // 2) for c in range(2)]
    half = (canvas.out_height // 2, canvas.out_width // 2)
    planes = [
        _fit(y, canvas.scale, canvas.out_height, canvas.out_width),
        *(_fit(c, canvas.scale, *half) for c in chroma),
    ]
    return np.concatenate([plane.reshape(-1) for plane in planes]).reshape(canvas.out_height * 3 // 2, canvas.out_width)


def _unpack(blocks: Planes, side: int) -> Planes:
    _, rows, columns = blocks.shape
    plane = np.empty((rows * side, columns * side), np.uint8)
    for channel in range(side * side):  # strided writes: several times faster than one transpose
        plane[channel // side :: side, channel % side :: side] = blocks[channel]
    return plane


def _fit(plane: Planes, scale: int, height: int, width: int) -> Planes:
    if scale > 1:
        size = (plane.shape[1] * scale, plane.shape[0] * scale)
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    return plane[top : top + height, left : left + width]
