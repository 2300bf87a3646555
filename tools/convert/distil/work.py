"""The single steps of a distillation; distil.py has their order."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from edge.errors import RequestError
from edge.video.group import COUNT
from edge.whole_file import whole_file
from tools.convert.clips.clip import ClipError
from tools.convert.clips.shards import ShardSource, shard_path, write_shard
from tools.convert.distil.order import Look, Order
from tools.convert.distil.settle import Known, settle
from tools.convert.distil.sides import mirrored
from tools.convert.distil.sight import Unseen, load_sight, look, save_sight, save_unseen
from tools.convert.distil.spread import spread
from tools.convert.distil.world import CLIPS, FILE, SIGHT
from tools.convert.steps import Facts, Progress
from tools.convert.tinyvideo.config import Config

SEEN, BEGAN = "seen.json", "began"


@dataclass(frozen=True, kw_only=True)
class Work:
    """One distillation: what was asked for, and what was seen."""

    order: Order
    seen: Look

    @property
    def clips(self) -> Path:
        """The shards of the clips, one clip in each."""
        return self.order.work / CLIPS

    def sight(self, number: int) -> Path:
        """The file of what was seen in a clip."""
        return self.order.work / SIGHT / f"{number:06d}.npz"

    def begin(self) -> None:
        """The work folder; an empty one where anything that clips and sizes depend on has changed since."""
        given, config = self.seen.given, self.seen.config
        sizes = msgspec.structs.replace(
            config, minutes=0.0, autoencoder=msgspec.structs.replace(config.autoencoder, minutes=0.0)
        )  # what is trained longer goes on
        stats = [(path.name, path.stat()) for path in given.inputs]
        stamps = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
        of = repr((stamps, list(given.captions), given.clip_s, self.seen.vocabulary, sizes, self.order.teacher))
        digest, path = hashlib.sha256(of.encode()).hexdigest(), self.order.work / BEGAN
        if self.order.work.exists() and (not path.is_file() or path.read_text() != digest):
            shutil.rmtree(self.order.work)
        self.order.work.mkdir(parents=True, exist_ok=True)
        path.write_text(digest)

    def missing_clips(self) -> list[int]:
        """The clips that are not there yet."""
        return [number for number in range(len(self.seen.given.source)) if not shard_path(self.clips, number).exists()]

    def missing_sights(self) -> list[int]:
        """The clips that were not looked at yet."""
        return [number for number in range(len(self.seen.given.source)) if not self.sight(number).exists()]

    def gather(self, tell: Progress) -> Facts:
        """Read the videos, or ask the teacher: every clip is there whole or not at all."""
        self.clips.mkdir(parents=True, exist_ok=True)

        def one(number: int) -> None:
            try:
                write_shard(self.clips, number, [self.seen.given.source.clip(number)])
            except ClipError as exc:
                raise RequestError(str(exc)) from exc

        spread(self.missing_clips(), one, tell=tell)
        return {}

    def look(self, tell: Progress) -> Facts:
        """Find camera, scenery and subject of every clip."""
        self.sight(0).parent.mkdir(parents=True, exist_ok=True)
        shards = ShardSource(self.clips)

        def one(number: int) -> None:
            clip = shards.clip(number)
            count = COUNT[clip.stated.get("count", "one")]
            try:
                save_sight(self.sight(number), look(clip, subjects=[(clip.stated["subject"], "")] * count))
            except Unseen as exc:
                save_unseen(self.sight(number), str(exc))

        spread(self.missing_sights(), one, tell=tell)
        return {}

    def world(self) -> Facts:
        """What can be learnt from, written as a world; and of each clip that cannot, why."""
        shards = ShardSource(self.clips)
        known, unseen = list[Known](), dict[str, str]()
        for number in range(len(shards)):
            about = shards.about(number)
            try:
                known.append(Known(number=number, stated=about["stated"], sight=load_sight(self.sight(number))))
            except Unseen as exc:
                unseen[about["origin"]] = str(exc)
        with whole_file(self.order.work / SEEN) as part:
            told = {"caption names no subject": self.seen.given.left_out, "not seen": unseen}
            part.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        source = f"tools/convert/distil, from {len(known)} clips of {self.order.folder.resolve().name} ({self.seen.given.kind})"
        sides = mirrored([one.sight for one in known], [shards.clip(one.number).video for one in known])
        known = [replace(one, mirrored=side) for one, side in zip(known, sides, strict=True)]
        made = settle(known, self.seen.vocabulary, source=source, licence=self.seen.given.licence)
        with whole_file(self.order.work / FILE) as part:
            part.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1))
        return {
            "clips": len(made.entries),
            "unseen": unseen,
            "residue": float(np.median([one.sight.residue for one in known])),
        }

    def config(self, clips: int) -> Config:
        """The config for a world of that many clips: each is learnt from once in a round, none is drawn twice."""
        config = self.seen.config
        per_shard = max(1, min(config.clips_per_shard, clips // 4))
        ae = msgspec.structs.replace(config.autoencoder, clips=max(clips, 2 * config.autoencoder.batch))
        return msgspec.structs.replace(config, autoencoder=ae, clips_per_shard=per_shard, shards=clips // per_shard)
