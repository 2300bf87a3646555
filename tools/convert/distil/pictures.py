"""What things look like, taken from clips: the scenery of each as it is, and each subject out of all that show it.

A subject is cut out by triangulation (Smith and Blinn 1996, "Blue screen matting"): the same spot of it stands before
many backgrounds, and how far these shine through, and what it adds to them, is least squares. What it adds is an
affine function of the clip's own colour of the subject, so that one picture serves all colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.video.places import at
from edge.video.slot_map import FAR_X, NEAR_X
from edge.video.textures import BODY, POSES
from tools.convert.distil.scenery import seen_from
from tools.convert.distil.sight import Sight

Bytes = NDArray[np.uint8]
Array = NDArray[np.float32]
LOOKS = 8  # frames of a clip that a subject is learnt from
QUARTERS = 12  # red, green and blue of the four quarters of a texel
UNKNOWNS = 13  # what shines through; what is added: three colours, and how each grows with the clip's three
DOUBT = (0.3, 1e-3, 1e-3, 1e-3) + (0.05,) * 9  # frames that speak against each unknown to begin with


def places(pictures: Sequence[Sequence[Bytes]], rows: int) -> tuple[Array, Array]:
    """Far [tiles, 1, 12, rows, columns] of the panoramas of each place; nothing is near."""
    size = 2 * round(rows * (FAR_X[1] - FAR_X[0])), 2 * rows
    far = [_quarters(cv2.resize(one, size, interpolation=cv2.INTER_AREA)) for place in pictures for one in place]
    near = np.zeros((len(far), 1, QUARTERS, rows, round(rows * (NEAR_X[1] - NEAR_X[0]))), np.float32)
    return np.stack(far)[:, None], near


def subjects(names: Sequence[str], shown: Iterable[tuple[str, Sight, Bytes]], texels: int) -> Array:
    """[subjects, POSES, 13, texels, texels], the same in every pose: what it adds, how that grows, and how it covers."""
    sums = {name: Sums(texels) for name in names}
    for name, sight, video in shown:
        for number in np.unique(np.linspace(0, len(video) - 1, LOOKS).round().astype(int)):
            sums[name].add(*cut_out(sight, video[number], int(number), texels), sight.colour)
    return np.stack([np.repeat(one.solved()[None], POSES, axis=0) for one in sums.values()])


def _quarters(rgb: Bytes) -> Array:
    """[2 * rows, 2 * columns, 3] to [12, rows, columns], 0..1."""
    rows, columns = rgb.shape[0] // 2, rgb.shape[1] // 2
    cut = rgb.reshape(rows, 2, columns, 2, 3).transpose(1, 3, 4, 0, 2)
    return cut.reshape(QUARTERS, rows, columns).astype(np.float32) / 255


def cut_out(sight: Sight, i420: Bytes, number: int, texels: int) -> tuple[Array, Array, Array]:
    """A subject's square in its own coordinates: what is seen and what is behind it [texels, texels, 3] (0..1), and
    which of it is on the frame."""
    rgb = cv2.cvtColor(np.ascontiguousarray(i420), cv2.COLOR_YUV2RGB_I420)
    height, width = rgb.shape[:2]
    track = sight.tracks[0]
    x, y, radius, angle = (at(getattr(track, name), number) for name in ("x", "y", "radius", "angle"))
    flip = float(track.flip[number])
    behind = seen_from(sight.scenery, sight.camera[number], height=height)
    # From a texel's own u, v (-1..1 over the picture) to the frame, as edge.video.slot_map has it backwards.
    u = ((np.arange(texels) + 0.5) / texels * 2 - 1) * BODY * radius
    across, down = np.meshgrid(flip * u, u)
    columns = ((np.cos(angle) * across - np.sin(angle) * down + x) * height - 0.5).astype(np.float32)
    rows = ((np.sin(angle) * across + np.cos(angle) * down + y) * height - 0.5).astype(np.float32)
    finer = max(1.0, 2 * BODY * radius * height / texels)
    soft = [
        cv2.GaussianBlur(one, (0, 0), 0.5 * finer) if finer > 1.5 else one for one in (rgb.astype(np.float32), behind)
    ]
    front, back = (
        cv2.remap(one, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / 255 for one in soft
    )
    inside = (columns > 0) & (columns < width - 1) & (rows > 0) & (rows < height - 1)
    return front, back, inside.astype(np.float32)


class Sums:
    """The normal equations of every texel of one subject."""

    grown = 0.3  # what a colour varies by, so that all that is solved for is of one size

    def __init__(self, texels: int) -> None:
        self.texels = texels
        self.left = np.zeros((texels**2, UNKNOWNS, UNKNOWNS)) + np.diag(DOUBT)
        self.right = np.zeros((texels**2, UNKNOWNS))
        self.right[:, 0] = DOUBT[0]  # where nothing is known, everything shines through

    def add(self, front: Array, back: Array, inside: Array, colour: Array) -> None:
        """One frame: front = shine * back + added + grows @ colour, a row for each of red, green and blue."""
        weight = inside.reshape(-1)[:, None]
        for channel in range(3):
            row = np.zeros((self.texels**2, UNKNOWNS))
            row[:, 0] = back[..., channel].reshape(-1)
            row[:, 1 + channel] = 1
            row[:, 4 + 3 * channel : 7 + 3 * channel] = colour - 0.5
            self.left += (weight * row)[:, :, None] * row[:, None]
            self.right += weight * row * front[..., channel].reshape(-1)[:, None]

    def solved(self) -> Array:
        """[13, texels, texels]: red, green, blue that it adds, how they grow with the clip's colour, how it covers."""
        found = np.linalg.solve(self.left, self.right[..., None])[..., 0]
        cover = np.clip(1 - found[:, :1], 0, 1)
        made = np.concatenate([found[:, 1:4], self.grown * found[:, 4:], cover], axis=1)
        return made.T.reshape(UNKNOWNS, self.texels, self.texels).astype(np.float32)
