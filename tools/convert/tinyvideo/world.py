"""What a generator learns from: a world of numbered clips of which everything is known. The renderer's has no end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot
from edge.video.layout import Layout
from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import NUISANCE, TONE_NOISE, VARIANT_NOISE
from tools.convert.scenes.scenery import VARIANTS
from tools.convert.tinyvideo.data import random_scene
from tools.convert.tinyvideo.paint import paint_places, paint_subjects
from tools.convert.tinyvideo.vocabulary import load_vocabulary

Bytes = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One clip: a value for every slot, where everything is, the noise `z` [k] that it stands for, and its pictures.

    `frames(numbers, height)` yields planar 4:2:0 uint8 [height * 3 / 2, width]; `stage` the same as it is before the painter
    adds what is left to it: without the bodies of subjects, or as `frames` where there is no painter.
    """

    slots: Mapping[str, str]
    layout: Layout
    z: Array
    frames: Callable[[Sequence[int], int], Iterator[Bytes]]
    stage: Callable[[Sequence[int], int], Iterator[Bytes]]


class Pictures(NamedTuple):
    """What things look like, [tiles, poses, dims, rows, columns]: `far` (its first dims are red, green and blue, 0..1)
    and `near` of every variant of every place, and the subjects in POSES poses; what is not there is 0."""

    far: Array
    near: Array
    subjects: Array


class World(Protocol):
    """Clips by number, and what is in them. Noise value `chooser` of `noise` says which of its `variants` a place shows.

    Any number is a clip; a world that ends begins anew then. `source` and `licence` are what a pack says of where it learnt.
    """

    noise: int
    chooser: int
    source: str
    licence: str

    @property
    def vocabulary(self) -> Mapping[str, Slot]: ...

    @property
    def variants(self) -> int: ...

    def example(self, number: int) -> Example: ...

    def pictures(self, *, rows: int, texels: int) -> Pictures: ...


class RendererWorld:
    """The world of `tools/convert/scenes`, in the words of a vocabulary: the repository's, or that of a pack made with it."""

    noise, chooser, variants = NUISANCE, VARIANT_NOISE, VARIANTS
    tones = TONE_NOISE
    licence = "Apache-2.0"
    source = "tools/convert/tinyvideo (simulator distillation from tools/convert/scenes)"

    def __init__(self, vocabulary: Mapping[str, Slot] | None = None) -> None:
        self._vocabulary = vocabulary

    @property
    def vocabulary(self) -> Mapping[str, Slot]:
        """Its slots and their values."""
        return self._vocabulary or load_vocabulary()

    def example(self, number: int) -> Example:
        """Scene number `number` of the endless training set."""
        scene = random_scene(self.vocabulary, seed=number)

        def drawn(numbers: Sequence[int], height: int, *, bodies: bool) -> Iterator[Bytes]:
            return map(to_i420, render(scene, numbers, height=height, bodies=bodies))

        return Example(
            slots=scene.shot.slots, layout=scene.layout, z=scene.z, frames=partial(drawn, bodies=True),
            stage=partial(drawn, bodies=False),
        )  # fmt: skip

    def pictures(self, *, rows: int, texels: int) -> Pictures:
        """Painted once, by the renderer's own hand."""
        far, near = paint_places(list(self.vocabulary["background"].values), rows)
        return Pictures(far, near, paint_subjects(list(self.vocabulary["subject"].values), texels))


RENDERER = RendererWorld()
