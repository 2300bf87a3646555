"""Subjects painted on the finished frames: each as one picture in the phase it is in, laid where its track has it.

The latents hold twelve frames in few numbers, which is enough for scenery and for what moves slowly; what crosses
several cells within a slot comes out of them as a smear. So a small network turns the textures of a subject into its
picture, in the colour, style and light of the shot, and that is moved, turned and scaled like the track, as sharp in
every frame. Pictures are kept: a subject repeats its phases, and those of a group share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import cos, log2, pi, sin

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.part import Canvas
from edge.video.conditioner import Conditioner
from edge.video.layout import Layout, Track
from edge.video.textures import BODY, POSES, Textures

Bytes = NDArray[np.uint8]
Array = NDArray[np.float32]
Look = tuple[tuple[str, str], ...]  # slots and their values

PHASES = 2 * POSES  # pictures of a subject over its phase
KEPT = 2 * PHASES  # pictures, of 200 kB each
SIZES = 4  # to an octave of radii: lines are as broad on a large subject as on a small one, so each has its own picture
LEAST = 1e-3  # canvas heights: no radius is smaller


class Painter:
    """The painter part of a pack."""

    def __init__(
        self, session: ort.InferenceSession, textures: Textures, conditioner: Conditioner, canvas: Canvas
    ) -> None:
        self._session, self._textures, self._conditioner, self._canvas = session, textures, conditioner, canvas
        self._pictures = lru_cache(maxsize=KEPT)(self._painted)

    def paint(
        self, frame: Bytes, layout: Layout, number: int, slots: Mapping[str, str], noise: Array, *, share: float = 1.0
    ) -> Bytes:
        """A planar 4:2:0 frame uint8 [h * 3 / 2, w] with the subjects of frame `number` of a layout on it, as by `share`."""
        made = frame.copy()
        for track in layout.tracks:
            size = round(SIZES * log2(max(float(track.radius[number]), LEAST)))
            phase = round(float(track.phase[number]) / (2 * pi) * PHASES) % PHASES
            look = tuple(sorted({**slots, "subject": track.subject, "colour": track.colour}.items()))
            self._lay(made, self._pictures(look, noise.tobytes(), size, phase), track, number, share)
        return made

    def _painted(self, look: Look, noise: bytes, size: int, phase: int) -> list[Bytes]:
        """Premultiplied Y, U, V and alpha [side, side, 4], and the same in half the size, again and again."""
        slots = dict(look)
        inputs = {
            "features": self._textures.subject(self._conditioner.number("subject", slots), phase / PHASES * POSES),
            "attributes": self._conditioner.row(slots),
            "noise": np.frombuffer(noise, np.float32)[None],
            "radius": np.array([[2 ** (size / SIZES)]], np.float32),
        }
        made = self._session.run(["picture"], inputs)[0][0].transpose(1, 2, 0)
        pictures = [np.ascontiguousarray(made)]
        while len(pictures[-1]) > 1:
            half = len(pictures[-1]) // 2
            pictures.append(np.asarray(cv2.resize(pictures[-1], (half, half), interpolation=cv2.INTER_AREA), np.uint8))
        return pictures

    def _lay(self, frame: Bytes, pictures: list[Bytes], track: Track, number: int, share: float) -> None:
        canvas = self._canvas
        height, width = canvas.out_height, canvas.out_width
        pixels = canvas.height * canvas.scale  # of a canvas height
        left, top = (canvas.width * canvas.scale - width) / 2, (pixels - height) / 2
        place = (
            float(track.x[number]) * pixels - left, float(track.y[number]) * pixels - top,
            BODY * float(track.radius[number]) * pixels, float(track.angle[number]), float(track.flip[number]),
        )  # fmt: skip
        lay([frame[:height]], (0,), pictures, place, share=share)
        chroma = list(frame[height:].reshape(2, height // 2, width // 2))
        lay(chroma, (1, 2), pictures, (*(side / 2 for side in place[:3]), *place[3:]), share=share)


def lay(
    planes: Sequence[Bytes], channels: Sequence[int], pictures: Sequence[Bytes], place: tuple[float, ...], *, share: float
) -> None:  # fmt: skip
    """Lay channels of a picture over planes uint8 [h, w], one over each, in place.

    `place` is the picture's middle (x, y) and half its side in samples, its angle, and 1 or -1 for a mirrored one. Of the
    `pictures` [side, side, 4], each half as large as the one before, it takes that which is nearest to the size shown.
    """
    x, y, reach, angle, flip = place
    far = reach * (abs(cos(angle)) + abs(sin(angle)))
    rows, columns = planes[0].shape
    (x0, x1), (y0, y1) = ((max(0, int(at - far)), min(end, int(at + far) + 2)) for at, end in ((x, columns), (y, rows)))
    if x1 <= x0 or y1 <= y0:
        return
    level = round(log2(max(1.0, len(pictures[0]) / (2 * reach))))
    picture = pictures[min(level, len(pictures) - 1)]
    texels = len(picture) / (2 * reach)
    across, down = texels * cos(angle), texels * sin(angle)
    turn = np.array([[flip * across, flip * down], [-down, across]])
    matrix = np.column_stack([turn, turn @ (x0 + 0.5 - x, y0 + 0.5 - y) + len(picture) / 2 - 0.5])
    seen = cv2.warpAffine(picture, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    *above, alpha = cv2.split(seen if share == 1 else cv2.convertScaleAbs(seen, alpha=share))
    keep = cv2.bitwise_not(alpha)
    for plane, channel in zip(planes, channels, strict=True):
        window = plane[y0:y1, x0:x1]
        cv2.add(cv2.multiply(window, keep, scale=1 / 255), above[channel], dst=window)
