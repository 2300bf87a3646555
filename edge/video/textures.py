"""What the denoiser looks at: pictures of every subject and place, sampled where the layout says.

A picture holds features in the place of colours. Several samples a cell say where in the cell an edge runs. A subject
has pictures in several phases of its own movement; between two of them its features go straight from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import erf, sqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import manifest
from edge.video.layout import ASPECT
from edge.video.places import FAR_PARALLAX, REACH, to_scenery
from edge.video.slot_map import FAR_X, NEAR_X, PER_KEY
from edge.video.tiles import Picture, Tiles

Array = NDArray[np.float32]
Pictures = Tiles | Sequence[Picture] | NDArray[np.int8]

SAMPLES = 4  # in each direction of a cell
BODY = 1.5  # radii of a subject that its pictures show
POSES = 12  # pictures of a subject, evenly over its phase
OFFSETS = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES - 0.5  # cells
WAVES = ("sin_phase", "cos_phase")


@dataclass(frozen=True)
class Place:
    """The pictures [features, rows, columns] of one place's layers."""

    far: NDArray[np.number]
    near: NDArray[np.number]

    @cached_property
    def packed(self) -> tuple[Array, Array]:
        """Both as OpenCV samples them, float32 [rows, columns, features]: made once for all keys of a clip."""
        return _packed(self.far), _packed(self.near)


class Textures:
    """The pictures of a pack: int8 [features, rows, columns] of each place, [features * POSES, rows, columns] of subjects.

    `photo` [features, 4] makes the features of what is far from red, green, blue (0..1) and 1.
    """

    def __init__(
        self, far: Pictures, near: Pictures, subjects: Pictures, *, variants: int, chooser: int, photo: Array
    ) -> None:
        self._far, self._near, self._subjects = far, near, subjects
        self._variants, self._chooser = variants, chooser
        self._photo = photo

    def place(self, number: int, noise: Array) -> Place:
        """What a clip with this noise [k] shows of place `number`."""
        share = 0.5 * (1 + erf(float(noise[self._chooser]) / sqrt(2)))
        tile = number * self._variants + min(self._variants - 1, int(share * self._variants))
        return Place(self._far[tile], self._near[tile])

    def photo(self, picture: NDArray[np.uint8], camera: Array) -> Place:
        """A place that looks as a photo does, planar 4:2:0 at the output size, through a `camera` [2]: shift and zoom."""
        rows, columns = self._far[0].shape[1:]
        rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420), np.float32) / 255
        size = round(rows * rgb.shape[1] / rgb.shape[0]), rows
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        low, high = FAR_X
        x = low + (np.arange(columns) + 0.5) / columns * (high - low)
        y = (np.arange(rows) + 0.5) / rows
        (left, right), (top, bottom) = to_scenery(
            np.array([0.0, 1.0]), np.array([0.0, 1.0]), shift=float(camera[0]), zoom=float(camera[1]),
            parallax=FAR_PARALLAX,
        )  # fmt: skip
        across = ((x - left) / (right - left) - (ASPECT - rgb.shape[1] / rgb.shape[0]) / 2) * rows - 0.5
        down = (y - top) / (bottom - top) * rows - 0.5
        columns_of, rows_of = (side.astype(np.float32) for side in np.meshgrid(across, down))
        seen = cv2.remap(small, columns_of, rows_of, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        far = np.tensordot(self._photo, np.concatenate([seen, np.ones_like(seen[..., :1])], axis=2), axes=(1, 2))
        return Place(far, np.zeros_like(self._near[0]))

    def subject(self, number: int, at: float) -> Array:
        """The features float32 [1, features, rows, columns] of subject `number` in pose `at`, 0 to POSES."""
        return posed(self._subjects[number], at)[None]

    def look_up(self, layout: Array, *, keys: int, place: Place) -> Array:
        """The features float32 [1, features, keys * SAMPLES ** 2 * h, w] under every sample of a slot's layout map.

        Subjects come first, then the far and the near layer of the place.
        """
        height, width = layout.shape[2:]
        planes = layout[0, -keys * len(PER_KEY) :].reshape(keys, len(PER_KEY), height, width)
        found = []
        for key in planes:
            named = dict(zip(PER_KEY, key, strict=True))
            far, near = place.packed
            scenery = [_scenery(far, named, "far", FAR_X), _scenery(near, named, "near", NEAR_X)]
            found.append(np.concatenate([self._subject(named), *scenery]))
        return np.stack(found, axis=1).reshape(1, -1, keys * SAMPLES**2 * height, width)

    def _subject(self, key: dict[str, Array]) -> Array:
        """[features, SAMPLES ** 2, h, w]: zero where no subject is."""
        features = len(self._photo)
        out = np.zeros((features, SAMPLES**2, *key["u"].shape), np.float32)
        body = BODY / REACH
        near = [np.abs(key[axis]) - np.abs(key[f"{axis}_right"]) - np.abs(key[f"{axis}_down"]) for axis in ("u", "v")]
        rows, columns = np.nonzero(np.maximum(*near) < body)
        if not len(rows):
            return out
        cells = {name: plane[rows, columns] for name, plane in key.items()}
        dy, dx = (step.ravel() for step in np.meshgrid(OFFSETS, OFFSETS, indexing="ij"))
        u, v = (
            (cells[axis][:, None] + cells[f"{axis}_right"][:, None] * dx + cells[f"{axis}_down"][:, None] * dy) / body
            for axis in ("u", "v")
        )
        inside = ((np.abs(u) < 1) & (np.abs(v) < 1))[..., None]
        window = np.maximum(cells["window"], 0.1)
        poses = np.stack([cells["subject"], *(cells[name] / window for name in WAVES)], axis=1).round(4)
        kinds, members = np.unique(poses, axis=0, return_inverse=True)
        for number, (subject, sine, cosine) in enumerate(kinds):
            mine = members.ravel() == number
            shown = posed(self._subjects[int(subject)], float(np.arctan2(sine, cosine)) / (2 * np.pi) * POSES)
            sampled = _sampled(_packed(shown), u[mine], v[mine]) * inside[mine]
            out[:, :, rows[mine], columns[mine]] = sampled.transpose(2, 1, 0)
        return out


def open_textures(folder: Path, wanted: manifest.Textures) -> Textures:
    """The textures of a pack. Raises ModelError for a file that is missing or holds no such pictures."""
    pictures = (Tiles(folder / name) for name in (wanted.far, wanted.near, wanted.subjects))
    photo = np.array(wanted.photo, np.float32)
    return Textures(*pictures, variants=wanted.variants, chooser=wanted.chooser, photo=photo)


def posed(pictures: NDArray[np.int8], at: float) -> Array:
    """The features float32 [features, rows, columns] of a subject [features * POSES, rows, columns] in pose `at`."""
    poses = pictures.reshape(-1, POSES, *pictures.shape[1:])
    one, share = int(at % POSES), np.float32(at % 1)
    before, after = (poses[:, pose % POSES].astype(np.float32) for pose in (one, one + 1))
    return before + share * (after - before)


def _packed(picture: NDArray[np.number]) -> Array:
    """A picture [features, rows, columns] as float32 [rows, columns, features]."""
    return np.ascontiguousarray(picture.transpose(1, 2, 0), np.float32)


def _scenery(picture: Array, key: dict[str, Array], name: str, reach: tuple[float, float]) -> Array:
    """One layer of the place under every sample: [features, SAMPLES ** 2, h, w]."""
    height, width = key["u"].shape
    down = key[f"{name}_step"][0, 0] * OFFSETS
    x = key[f"{name}_x"][0][:, None] + down / (reach[1] - reach[0])
    y = key[f"{name}_y"][:, 0][:, None] + down
    fine = _sampled(picture, *np.meshgrid(x.ravel(), y.ravel()))
    return (
        fine.reshape(height, SAMPLES, width, SAMPLES, -1)
        .transpose(4, 1, 3, 0, 2)
        .reshape(-1, SAMPLES**2, height, width)
    )


def _sampled(picture: Array, x: Array, y: Array) -> Array:
    """[*x.shape, features] at places from -1 to 1 across a picture [rows, columns, features], bilinear."""
    rows, columns = picture.shape[:2]
    maps = ((side + 1) * (size / 2) - 0.5 for side, size in ((x, columns), (y, rows)))
    across, down = (side.astype(np.float32) for side in maps)
    found = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(*x.shape, picture.shape[2])
