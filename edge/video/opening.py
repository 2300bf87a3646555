"""Opens a video pack, of whichever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import RequestError
from edge.manifest import AnyVideoManifest
from edge.mode import ModeRow
from edge.packs import Pack
from edge.plan import Plan
from edge.request import Request
from edge.stop import Stop
from edge.video.diffusion.generator import DiffusionGenerator
from edge.video.generator import open_generator
from edge.video.loop import Loop


class Drawer(Protocol):
    """An opened pack: `edge.video.generator.Generator` and `edge.video.diffusion.generator.DiffusionGenerator`."""

    weights: Sequence[Path]
    timings_s: dict[str, float]
    steps: int
    ahead: float

    def count(self, plan: Plan) -> int:
        """How many frames `frames` will yield."""

    def frames(
        self, plan: Plan, *, row: ModeRow, seed: int, stop: Stop, photo: NDArray[np.uint8] | None, loop: Loop | None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames of a plan."""

    def takes(self, plan: Plan, *, seed: int, loop: Loop | None) -> list[NDArray[np.float64]]:
        """Where the subjects are in them."""


@contextmanager
def open_drawer(
    pack: Pack[AnyVideoManifest], *, threads: int, cache: Path, progress: Callable[[float], None]
) -> Iterator[Drawer]:
    """Open a video pack; `progress` hears how far the work is that comes before the first frame. Raises ModelError."""
    if isinstance(pack.manifest, DiffusersManifest):
        cv2.setNumThreads(threads)
        yield DiffusionGenerator(Pack(pack.folder, pack.manifest), threads=threads, progress=progress)
    else:
        with open_generator(pack, threads=threads, cache=cache) as generator:
            yield generator


def check_can_draw(request: Request, manifest: AnyVideoManifest) -> None:
    """Raise RequestError for what a pack of this kind has no use for."""
    if not isinstance(manifest, DiffusersManifest):
        return
    for given, name in ((request.image, "photo"), (request.path, "path")):
        if given:
            raise RequestError(
                f"The pack {manifest.name} draws from words alone, and takes no {name}.",
                hint=f"Leave the {name} out, or use a pack of kind video such as tinyreel.",
            )
