"""The single steps of a pruning; convert.py has their order. Each gives facts for the report."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from edge.errors import ModelError
from edge.manifest import MANIFEST, load_manifest
from edge.packs import Pack, verify_pack
from edge.video.textures import open_textures
from edge.whole_file import whole_file
from tools.convert.latents.config import Config
from tools.convert.pack import part_of, weight_file
from tools.convert.prune import measure
from tools.convert.prune.choose import check_share, choose, orders_of
from tools.convert.prune.cut import cut
from tools.convert.prune.layers import counts_of, multiplications
from tools.convert.prune.observe import Moments, observe
from tools.convert.prune.order import Look, Order, label
from tools.convert.prune.scenes import Scenes
from tools.convert.prune.tune import Lessons, closeness, tune
from tools.convert.steps import Facts, Progress
from tools.convert.tinyvideo.networks import MADE, write_networks
from tools.convert.tinyvideo.restore import put_weights, read_components, read_student, sizes_of
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import Loss, channel_weights
from tools.convert.tinyvideo.world import RendererWorld

HEAD = "# {name}, pruned by `python -m tools.convert prune`; report.md beside this file says how.\n"


@dataclass(frozen=True, kw_only=True)
class Work:
    """One pruning: what was asked for, and what was seen."""

    order: Order
    seen: Look

    @property
    def moments(self) -> Path:
        """The file of what was observed."""
        return self.order.work / "moments.npz"

    def start(self, share: float) -> Path:
        """The file of the student as it was cut."""
        return self.order.work / f"cut-{label(share)}.pt"

    def tuned(self, share: float) -> Path:
        """The checkpoint of its tuning."""
        return self.order.work / f"tuned-{label(share)}.pt"

    def making(self, share: float) -> Path:
        """The pack that is not finished."""
        return self.order.work / self.order.pack(share).name

    def check(self) -> None:
        """Whether it can be done at all: every file as its manifest says, our own networks, weights that are numbers."""
        verify_pack(Pack(self.order.folder, self.seen.manifest))
        student = self.teacher()
        _check_sound(student, self.order.folder)
        for share in self.order.shares:
            check_share(student, share)

    def read(self) -> Facts:
        """How large the networks are, and whether torch says what the pack says."""
        student = self.teacher()
        near = measure.read_back(self.order.folder, self.seen.manifest, student)
        return {"read_db": near, "counts": counts_of(student), **_sizes(student, self.cells)}

    def observe(self, tell: Progress) -> Facts:
        """Second moments of all that may go."""
        weights = channel_weights(read_components(self.order.folder, self.seen.manifest))
        found = observe(
            self.teacher(), self.scenes, weights=weights, steps=self.steps, count=self.order.scenes, tell=tell
        )  # fmt: skip
        found.save(self.moments)
        return {}

    def cut(self, share: float) -> Facts:
        """Choose what goes, take it out, and fit the rest again; `cut_db` is how near it is without any tuning."""
        teacher, student, seen = self.teacher(), self.teacher(), Moments.load(self.moments)
        orders, curves = orders_of(student, seen)
        counts = choose(student, counts_of(student), curves, share=share)
        width = student.conditioner.mix.in_features
        cut(student, seen, orders, counts, linear=max(8, round((1 - self.order.linear) * width / 8) * 8))
        torch.save(student.state_dict(), self.start(share))
        for left in (self.tuned(share), self.tuned(share).with_suffix(".log")):
            left.unlink(missing_ok=True)  # of another cut
        held = self._lessons(teacher).held()
        return {"counts": counts, "cut_db": closeness(student, held), **_sizes(student, self.cells)}

    def tune(self, share: float, tell: Progress) -> Facts:
        """Gradient steps; the checkpoint keeps what was spent, so that more minutes go on from there."""
        lessons = self._lessons(self.teacher())
        loss_of = Loss(self.config, read_components(self.order.folder, self.seen.manifest))
        done = tune(
            self.tuned(share), self.student(self.start(share)), lessons, loss_of, minutes=self.order.minutes, tell=tell
        )
        made = torch.load(self.tuned(share), weights_only=True)
        return {"tuned_db": closeness(done, lessons.held()), "steps": made["step"], "minutes": made["seconds"] / 60}

    def export(self, share: float) -> Facts:
        """Both networks to INT8 and float16, and what else the pack has beside them."""
        making, manifest = self.making(share), self.seen.manifest
        making.mkdir(exist_ok=True)
        for name in manifest.files:
            shutil.copyfile(self.order.folder / name, making / name)
        student = self.student(self.start(share))
        student.load_state_dict(torch.load(self.tuned(share), weights_only=True)["model"])
        parity = write_networks(
            student, making, config=self.config, world=RendererWorld(manifest.vocabulary), steps=self.steps, clips=self.order.calibrate,
            textures=open_textures(making, manifest.textures),
        )  # fmt: skip
        self._write_manifest(share)
        return parity

    def compare(self, share: float, tell: Progress) -> Facts:
        """Against the pack that it was."""
        return measure.compare(self.order.folder, self.making(share), self.seen.manifest, tell=tell)

    def judge(self, folder: Path, tell: Progress) -> Facts:
        """What the judges see in a pack."""
        return measure.judge(folder, clips=self.order.clips, threads=self.order.threads, tell=tell)

    @property
    def config(self) -> Config:
        """The sizes of the pack."""
        return sizes_of(self.seen.manifest)

    @property
    def cells(self) -> int:
        """Of one slot."""
        return self.seen.manifest.latent.height * self.seen.manifest.latent.width

    @property
    def steps(self) -> int:
        """The most that the pack takes."""
        return max(self.seen.manifest.steps)

    @property
    def scenes(self) -> Scenes:
        """What the networks are shown."""
        return Scenes(self.config, self.seen.manifest.vocabulary)

    def teacher(self) -> Student:
        """The networks of the pack, in torch."""
        return read_student(self.order.folder, self.seen.manifest)

    def student(self, path: Path) -> Student:
        """The networks as they were cut."""
        student = self.teacher()
        put_weights(student, torch.load(path, weights_only=True))
        return student

    def _lessons(self, teacher: Student) -> Lessons:
        return Lessons(teacher, self.scenes, steps=self.steps, shards=self.order.shards)

    def _write_manifest(self, share: float) -> None:
        """As that of the pack, with the new networks and the new sha256 of every file."""
        old, making = self.seen.manifest, self.making(share)
        said = f"{share:.0%} of the denoiser's multiplications pruned"
        new = msgspec.structs.replace(
            old, name=making.name, description=f"{old.description.rstrip('.')}; {said}.",
            source=f"{old.source}; pruned by `python -m tools.convert prune`",
            parts=old.parts | {name: part_of(making / f"{name}.onnx") for name in MADE},
            files={name: weight_file(making / name) for name in old.files},
        )  # fmt: skip
        with whole_file(making / MANIFEST) as part:
            part.write_bytes(HEAD.format(name=old.name).encode() + msgspec.yaml.encode(new))
        load_manifest(making)


def _sizes(student: Student, cells: int) -> Facts:
    """Weights of both networks, and the denoiser's multiplications and additions for one slot, in thousand millions."""
    count = {name: sum(one.numel() for one in getattr(student, name).parameters()) for name in MADE}
    return {"parameters": count, "gflop": 2e-9 * cells * multiplications(student, counts_of(student))}


def _check_sound(student: Student, where: Path) -> None:
    broken = [name for name, weight in student.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise ModelError(
            f"{where} holds weights that are no numbers (NaN or infinite): {', '.join(broken[:3])}. Nothing was written.",
            hint="Fetch or export the pack again.",
        )
