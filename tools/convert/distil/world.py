"""The world of one's own clips: what the autoencoder's and the generator's phases learn from in the renderer's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.manifest import Slot
from edge.video.layout import FPS, Layout
from tools.convert.clips.shards import ShardSource
from tools.convert.distil.pictures import places, subjects
from tools.convert.distil.sight import Sight, load_sight, turned
from tools.convert.tinyvideo.world import Example, Pictures

Bytes = NDArray[np.uint8]
FILE = "world.json"
CLIPS, SIGHT = "clips", "sight"
WAVES_PER_SECOND = 0.25  # as edge.video.layout has it


class Entry(msgspec.Struct, frozen=True):
    """A clip that is learnt from: its number among the clips, a value for every slot, which picture of its place it is, and
    whether its subject faces the other way than its sight says."""

    number: int
    slots: dict[str, str]
    variant: int
    mirrored: bool = False


class Record(msgspec.Struct, frozen=True):
    """What `world.json` holds."""

    vocabulary: dict[str, Slot]
    entries: list[Entry]
    source: str
    licence: str


class OwnWorld:
    """See `tools.convert.tinyvideo.world.World`. Its only noise value says which clip's scenery a place shows."""

    noise, chooser = 1, 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._record = msgspec.json.decode((folder / FILE).read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError) as exc:
            raise ModelError(
                f"{folder} is no world to learn from: {FILE}: {exc}.",
                hint="Make one: python -m tools.convert distil ... --only world",
            ) from exc
        self.source, self.licence = self._record.source, self._record.licence

    @property
    def vocabulary(self) -> Mapping[str, Slot]:
        """Of what was seen."""
        return self._record.vocabulary

    @property
    def variants(self) -> int:
        """As many as the place with the most clips has."""
        return 1 + max(entry.variant for entry in self._record.entries)

    def __len__(self) -> int:
        return len(self._record.entries)

    def example(self, number: int) -> Example:
        """Clip `number`; after the last one they begin anew."""
        entry = self._record.entries[number % len(self)]
        sight, clip = self._sight(entry), self._shards.clip(entry.number)

        def frames(numbers: Sequence[int], height: int) -> Iterator[Bytes]:
            if clip.video.shape[1] * 2 != height * 3:
                raise ModelError(
                    f"{self.folder} holds clips {clip.video.shape[1] * 2 // 3} pixels high; {height} are wanted.",
                    hint="Make the world anew with this config.",
                )
            return (np.asarray(clip.video[index]) for index in numbers)

        time = np.arange(clip.frames, dtype=np.float32) / FPS
        layout = Layout(
            tracks=tuple(replace(track, colour=entry.slots["colour"]) for track in sight.tracks), camera=sight.camera,
            particles=np.zeros((clip.frames, 0, 3), np.float32), ambient=2 * np.pi * WAVES_PER_SECOND * time,
        )  # fmt: skip
        share = (entry.variant + 0.5) / self.variants
        z = np.array([NormalDist().inv_cdf(share)], np.float32)
        return Example(slots=entry.slots, layout=layout, z=z, frames=frames, stage=frames)

    def pictures(self, *, rows: int, texels: int) -> Pictures:
        """Each place as its clips show it, and each subject as all of its clips together do."""
        sights = [self._sight(entry) for entry in self._record.entries]
        kinds = {name: list(self.vocabulary[name].values) for name in ("background", "subject")}
        tiles: dict[tuple[str, int], Bytes] = {
            (entry.slots["background"], entry.variant): sight.scenery
            for entry, sight in zip(self._record.entries, sights, strict=True)
        }
        far, near = places([self._tiles(tiles, name) for name in kinds["background"]], rows)
        shown = [
            (entry.slots["subject"], sight, self._shards.clip(entry.number).video)
            for entry, sight in zip(self._record.entries, sights, strict=True)
            if len(sight.tracks) == 1
        ]
        return Pictures(far, near, subjects(kinds["subject"], shown, texels))

    def _tiles(self, tiles: Mapping[tuple[str, int], Bytes], place: str) -> list[Bytes]:
        """The pictures of a place, again from the first on where it has fewer than others."""
        own = [tiles[key] for key in sorted(tiles) if key[0] == place]
        return [own[index % len(own)] for index in range(self.variants)]

    def _sight(self, entry: Entry) -> Sight:
        sight = load_sight(self.folder / SIGHT / f"{entry.number:06d}.npz")
        return turned(sight) if entry.mirrored else sight

    @cached_property
    def _shards(self) -> ShardSource:
        return ShardSource(self.folder / CLIPS)
