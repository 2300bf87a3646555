"""What the parts of a pack are given while it draws: real inputs to look at ranges with, and others to compare on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import RequestError
from edge.manifest import AnyVideoManifest, VideoManifest
from edge.mode import Mode
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.diffusion.generator import DiffusionGenerator
from edge.video.generator import Generator
from edge.video.session import open_session
from edge.video.textures import open_textures
from tools.convert.diffusion.texts import CALIBRATION, HELD_OUT
from tools.convert.quantize import Feed

Feeds = dict[str, list[Feed]]
Frames = NDArray[np.uint8]
# Ranges are seen on some inputs, layers are weighed on others, and what comes of it is compared on others still: whatever
# leaves a range that was seen is cut off, and must be counted.
USES = ("ranges", "weigh", "held")
MOST = {"ranges": 32, "weigh": 6, "held": 6}  # of one part
CLIPS = {"weigh": 2, "held": 2}
SEEDS = {"ranges": 0, "weigh": 1 << 20, "held": 1 << 21}
SECONDS = 1.0  # of a clip: a decoder with states has seen something before


def drawn(folder: Path, manifest: AnyVideoManifest, *, use: str, clips: int, threads: int) -> tuple[Feeds, Frames]:
    """Draw clips; gives at most `MOST` inputs of each part, spread over all of them, and every frame.

    Clips of another `use` show other things with other seeds.
    """
    seen: Feeds = {part: [] for part in manifest.parts}
    plans = _plans(manifest, use=use, clips=clips)
    if isinstance(manifest, DiffusersManifest):
        row = Mode.THINK.row
        generator: Any = _Watched(Pack(folder, manifest), seen=seen, threads=threads)
    else:
        row = Mode.DIRECT.row
        generator = _watched_generator(folder, manifest, seen=seen, threads=threads)
    frames = [
        frame for seed, plan in enumerate(plans, SEEDS[use]) for frame in generator.frames(plan, row=row, seed=seed, stop=Stop())
    ]  # fmt: skip
    return {part: _spread(feeds, most=MOST[use]) for part, feeds in seen.items()}, np.stack(frames)


def save_feeds(path: Path, feeds: Sequence[Feed]) -> None:
    """As `load_feeds` reads them."""
    np.savez(path, allow_pickle=False, **{name: np.stack([feed[name] for feed in feeds]) for name in feeds[0]})


def load_feeds(path: Path) -> list[Feed]:
    """An .npz with an array for each input, all feeds of it along a first axis. Raises RequestError."""
    try:
        with np.load(path) as file:
            stacked = dict(file)
    except (OSError, ValueError) as exc:
        raise RequestError(f"{path} is no .npz file: {exc}.", hint=HOW) from exc
    counts = {len(one) if one.ndim else 0 for one in stacked.values()}
    if len(counts) != 1 or not min(counts):
        raise RequestError(f"{path} does not hold the same number of every input.", hint=HOW)
    return [{name: one[number] for name, one in stacked.items()} for number in range(counts.pop())]


HOW = "np.savez(path, latents=np.stack(latents), ...): for each input its values of every run, real ones."


def _plans(manifest: AnyVideoManifest, *, use: str, clips: int) -> Iterator[Plan]:
    texts = {"ranges": CALIBRATION, "weigh": CALIBRATION[::-1], "held": HELD_OUT}[use]
    for number in range(clips):
        if isinstance(manifest, DiffusersManifest):
            slots = {"prompt": texts[number % len(texts)]}
        else:
            rng = random.Random(SEEDS[use] + number)
            slots = {name: rng.choice(list(slot.values)) for name, slot in manifest.vocabulary.items()}
        yield Plan(shots=(Shot(slots=slots, seconds=SECONDS),), caption="", coverage=1.0)


def _spread(feeds: list[Feed], *, most: int) -> list[Feed]:
    """At most so many of them, evenly."""
    return feeds[:: -(-len(feeds) // most)]


class _Session:
    """A session that remembers what it was given."""

    def __init__(self, session: ort.InferenceSession, seen: list[Feed]) -> None:
        self._session, self._seen = session, seen

    def get_inputs(self) -> list[Any]:
        return list(self._session.get_inputs())

    def run(self, names: Sequence[str], feed: Feed) -> list[Any]:
        self._seen.append(dict(feed))
        return list(self._session.run(names, feed))


def _watched_generator(folder: Path, manifest: VideoManifest, *, seen: Feeds, threads: int) -> Generator:
    """As `open_generator` of the board."""
    opened: dict[str, Any] = {
        name: _Session(open_session(folder / part.file, part, threads=threads)[0], seen[name])
        for name, part in manifest.parts.items()
    }
    return Generator(manifest, open_textures(folder, manifest.textures), opened)


class _Watched(DiffusionGenerator):
    """A generator whose parts remember what they were given."""

    def __init__(self, pack: Pack[DiffusersManifest], *, seen: Feeds, threads: int) -> None:
        super().__init__(pack, threads=threads)
        self._seen = seen

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        with super()._opened(name) as network:

            def watched(feed: Feed) -> NDArray[np.float32]:
                self._seen[name].append(dict(feed))
                return network(feed)

            yield watched
