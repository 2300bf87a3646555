"""The single steps of a quantisation; convert.py has their order. Each gives facts for the report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from edge.manifest import VideoManifest, file_sha256
from edge.part import Part
from edge.video.session import open_session
from tools.convert.mixed.choose import Option
from tools.convert.mixed.compare import answers, cost, likeness, psnr
from tools.convert.mixed.feeds import CLIPS, USES, drawn, load_feeds, save_feeds
from tools.convert.mixed.layers import FULL, KINDS, Group, Layer, find_layers, in_groups
from tools.convert.mixed.order import Look, Order
from tools.convert.mixed.storage import write
from tools.convert.mixed.twin import write_twin
from tools.convert.quantize import Ranges, calibrate, ranges_of, tensors_data
from tools.convert.steps import Facts, Progress, Steps

LARGEST_INLINE = 1 << 30  # bytes of a network whose weights lie in its own file


@dataclass(frozen=True, kw_only=True)
class Work:
    """One quantisation: what was asked for, and what was seen. What will be the pack grows in the folder `making`."""

    order: Order
    seen: Look

    @property
    def making(self) -> Path:
        """The pack that is not finished."""
        return self.order.work / self.order.pack.name

    @property
    def twins(self) -> Path:
        """The source in fp32, as far as it will change."""
        return self.order.work / "fp32"

    @property
    def together(self) -> bool:
        """Whether a board has all networks open at once, from a cache and with an arena: those of our own generator."""
        return isinstance(self.seen.source.manifest, VideoManifest)

    def point(self, name: str) -> Path:
        """A whole pack with every layer stored as `name` that can be."""
        return self.order.work / "points" / name

    def networks(self, folder: Path) -> tuple[Path, ...]:
        """The files in a folder of all networks that change."""
        return tuple(folder / self.part(name).file for name in self.seen.parts)

    def feeds(self, part: str, use: str) -> Path:
        """What a network is given, by what that is used for."""
        return self.order.work / use / f"{part}.npz"

    def part(self, name: str) -> Part:
        """What the manifest will say of it."""
        was = self.seen.source.parts[name]
        large = self.seen.parts[name].full > LARGEST_INLINE
        return Part(was.file, was.inputs, was.outputs, was.states, was.data or (f"{name}.data" if large else ""))

    def stamps(self) -> tuple[object, ...]:
        """What tells that no file has changed since it was hashed."""
        stats = ((path.name, path.stat()) for path in self.seen.source.files)
        return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)

    def hashes(self) -> Facts:
        """Sha256 of every input."""
        return {path.name: file_sha256(path) for path in self.seen.source.files}

    def twin(self, name: str, _tell: Progress) -> Facts:
        """A network in fp32, and how much had to be undone for that."""
        source = self.seen.source
        return {"undone": write_twin(source.folder / source.parts[name].file, self.twins / source.parts[name].file)}

    def look_on(self, tell: Progress) -> Facts:
        """Have the source work in fp32, and write down what each network is given and what is seen of it."""
        source = self.seen.source
        for use in USES:
            (self.order.work / use).mkdir(exist_ok=True)
        if source.manifest is None:
            for part in self.seen.parts:
                feeds = load_feeds(source.feeds(part))
                for number, use in enumerate(USES):
                    save_feeds(self.feeds(part, use), feeds[number :: len(USES)])
            return {}
        self.link(self.twins)
        for number, use in enumerate(USES):
            clips = CLIPS.get(use, self.order.clips)
            given, frames = drawn(self.twins, source.manifest, use=use, clips=clips, threads=self.order.threads)
            for part in self.seen.parts:
                save_feeds(self.feeds(part, use), given[part])
            tell((number + 1) / len(USES))
        np.save(self.order.work / "frames.npy", frames)
        return {}

    def ranges(self, name: str, _tell: Progress) -> Facts:
        """The range of every tensor of a network."""
        return dict(ranges_of(calibrate(self._twin(name), load_feeds(self.feeds(name, "ranges")))))

    def groups(self, name: str) -> list[Group]:
        """The layers of a network that are measured together."""
        graph = onnx.load(str(self._twin(name)), load_external_data=False).graph
        return in_groups(find_layers(graph), most=self.order.groups)

    def weigh(self, name: str, ranges: Ranges, tell: Progress, *, of: tuple[object, ...]) -> Facts:
        """Of every group stored in every way, alone: its bytes, and the error of what the network then says.

        Each of them is a step of its own `of` the same things: in a large network all of them take hours.
        """
        part, feeds, groups = self.part(name), load_feeds(self.feeds(name, "weigh")), self.groups(name)
        folder = self.order.work / "candidates" / name
        folder.mkdir(parents=True, exist_ok=True)
        steps, target = Steps(folder), folder / part.file
        wanted = answers(self._twin(name), part, feeds, threads=self.order.threads)
        base = self._write(name, target, {}, ranges)

        def stored(_tell: Progress, *, group: Group, kind: str) -> Facts:
            size = self._write(name, target, dict.fromkeys(group.layers, kind), ranges)
            made = answers(target, part, feeds, threads=self.order.threads)
            return asdict(Option(kind, 4 * group.weights + size - base, likeness(made, wanted).error))

        found = {}
        for number, group in enumerate(groups):
            tell(number / len(groups))
            found[group.name] = [asdict(Option(FULL, 4 * group.weights, 0.0))] + [
                steps.do(f"{group.name} {kind}", partial(stored, group=group, kind=kind), of=of)
                for kind in self.order.types
                if kind in KINDS[group.operator]
            ]
        rest = base - sum(4 * group.weights for group in groups)
        return {"rest": rest, "groups": found, "operators": {group.name: group.operator for group in groups}}

    def store(self, folder: Path, name: str, kinds: Mapping[str, str], ranges: Ranges) -> Facts:
        """Write a network with its groups stored as `kinds` says, and compare it on what nothing was looked at with."""
        part = self.part(name)
        choice = {
            layer: kinds[group.name] for group in self.groups(name) for layer in group.layers if group.name in kinds
        }
        folder.mkdir(parents=True, exist_ok=True)
        size = self._write(name, folder / part.file, choice, ranges)
        return {"bytes": size, **self.likeness(folder, name)}

    def likeness(self, folder: Path, name: str) -> Facts:
        """How like its twin in fp32 a network of `folder` is."""
        part, feeds = self.part(name), load_feeds(self.feeds(name, "held"))
        wanted = answers(self._twin(name), part, feeds, threads=self.order.threads)
        return asdict(likeness(answers(folder / part.file, part, feeds, threads=self.order.threads), wanted))

    def link(self, folder: Path) -> None:
        """Put everything into a folder that is not stored anew."""
        source = self.seen.source
        kept = [file for name, part in source.parts.items() if name not in self.seen.parts for file in part.files]
        for name in (*source.others, *kept):
            (folder / name).unlink(missing_ok=True)
            shutil.copyfile(source.folder / name, folder / name)

    def clip_db(self, folder: Path) -> float | None:
        """PSNR of the frames that a pack draws against those of fp32; None where it is no pack."""
        manifest = self.seen.source.manifest
        if manifest is None:
            return None
        wanted = np.load(self.order.work / "frames.npy")
        made = drawn(folder, manifest, use="held", clips=CLIPS["held"], threads=self.order.threads)[1]
        return psnr(float(np.mean((made.astype(np.float32) - wanted) ** 2)) / 255**2)

    def costs(self, points: Mapping[str, Path], tell: Progress) -> Facts:
        """Seconds and MiB of every network of every point, one after the other and again: the medians and the least."""
        spent: dict[tuple[str, str], list[Mapping[str, float]]] = {}
        for turn in range(self.order.rounds):
            for number, (point, folder) in enumerate(points.items()):
                for name in self.seen.parts:
                    path, part = folder / self.part(name).file, self.part(name)
                    cache = self.order.work / "cache" / point if self.together else None
                    if not turn:
                        open_session(path, part, threads=1, cache=cache, arena=self.together)  # written into the cache
                    one = cost(path, part, self.feeds(name, "held"), arena=self.together, cache=cache)
                    spent.setdefault((point, name), []).append(one)
                tell((turn + (number + 1) / len(points)) / self.order.rounds)
        found: Facts = {point: {} for point in points}
        for (point, name), costs in spent.items():
            seconds = sorted(one["seconds"] for one in costs)
            found[point][name] = {"seconds": seconds[len(seconds) // 2], "mib": min(one["mib"] for one in costs)}
        return found

    def _twin(self, name: str) -> Path:
        return self.twins / self.seen.source.parts[name].file

    def _write(self, name: str, target: Path, choice: Mapping[Layer, str], ranges: Ranges) -> int:
        return write(self._twin(name), target, choice, ranges=tensors_data(ranges), data=self.part(name).data)
