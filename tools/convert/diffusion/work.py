"""The single steps of a conversion; convert.py has their order. Each gives facts for the report."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge.diffusers_manifest import Tokens
from edge.errors import ModelError
from edge.manifest import file_sha256
from edge.video.diffusion.clip_tokens import ClipTokenizer
from tools.convert.diffusion import parity
from tools.convert.diffusion.measure import measure
from tools.convert.diffusion.networks import OPEN, Network
from tools.convert.diffusion.order import Look, Order
from tools.convert.diffusion.pack import read_part
from tools.convert.diffusion.quantise import export, keep, quantise
from tools.convert.diffusion.sample import Array, Sample, answer, denoise
from tools.convert.diffusion.texts import CALIBRATION, HELD_OUT
from tools.convert.diffusion.tokens import FILE, write_tokenizer
from tools.convert.soundness import check_weights
from tools.convert.steps import Facts, Progress
from tools.convert.target import drop_work


@dataclass(frozen=True, kw_only=True)
class Work:
    """One conversion: what was asked for, and what was seen. What will be the pack grows in the folder `making`."""

    order: Order
    seen: Look

    @property
    def making(self) -> Path:
        """The pack that is not finished."""
        return self.order.work / self.order.pack.name

    @property
    def exported(self) -> Path:
        """The part in fp32 that is being quantised; there is one at a time."""
        return self.order.work / "fp32" / "model.onnx"

    def answers(self, part: str) -> Path:
        """The file of what a part said in torch."""
        return self.order.work / f"{part}.npz"

    def stamps(self) -> tuple[object, ...]:
        """What tells that no file has changed since it was hashed."""
        stats = ((str(path), path.stat()) for path in self.seen.pipeline.files)
        return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)

    def hashes(self) -> Facts:
        """Sha256 of every input, by its path in the pipeline."""
        root = self.seen.pipeline.folder
        return {
            str(path.relative_to(root) if path.is_relative_to(root) else path.name): file_sha256(path)
            for path in self.seen.pipeline.files
        }

    def sound(self, tell: Progress) -> Facts:
        """Weights that are no numbers end the whole work: nothing of it is left."""
        try:
            return {
                one.kind: check_weights(one.weights, parameters=one.parameters, where=one.folder, progress=tell)
                for one in self.seen.pipeline.components
            }
        except ModelError:
            drop_work(self.order.work)
            raise

    def tokens(self) -> Facts:
        """The tokenizer's file, once it is proven; without it nothing of the work is left."""
        try:
            made = write_tokenizer(self.seen.pipeline.tokenizer, self.making / FILE)
        except ModelError:
            drop_work(self.order.work)
            raise
        return dict(msgspec.to_builtins(made))

    def run(self, part: str, *, tokens: Tokens, tell: Progress) -> Facts:
        """Run a part in torch on what the part before it made, and export it: it is in memory only in here."""
        network = OPEN[part](self.seen.pipeline, self.seen.shape)
        sample = self._sample(part, network, tokens, tell)
        _save(self.answers(part), sample)
        export(network, self.exported.parent)
        return {"ranges": sample.ranges}

    def quantise(self, part: str, ranges: Facts) -> Facts:
        """To INT8, unless it is to stay in fp32; what was exported is not needed any more."""
        if self.order.keep_fp32:
            return dict(keep(self.exported, self.making / f"{part}.onnx"))
        found = {name: (float(low), float(high)) for name, (low, high) in ranges.items()}
        made = quantise(self.exported, self.making / f"{part}.onnx", part=part, ranges=found)
        return dict(made)

    def compare(self, part: str) -> Facts:
        """Whether it still says what it said."""
        feeds, wanted, _ = _load(self.answers(part))
        described = read_part(self.making, part)
        found = parity.compare(
            self.making / f"{part}.onnx", described, feeds=feeds, wanted=wanted, threads=self.order.threads
        )
        parity.check(found, part=part)
        shutil.rmtree(self.exported.parent, ignore_errors=True)
        return asdict(found)

    def measure(self, part: str) -> Facts:
        """What it takes on a board."""
        return {"mib": measure(self.making, part, threads=self.order.threads)}

    def _sample(self, part: str, network: Network, tokens: Tokens, tell: Progress) -> Sample:
        if part == "text_encoder":
            tokenizer = ClipTokenizer(self.making / tokens.file, tokens)
            texts = [self.order.negative, *CALIBRATION[: self.order.calibrate], HELD_OUT[0]]
            return answer(network, [{"tokens": tokenizer.framed(text)} for text in texts], held=1, tell=tell)
        if part == "unet":
            against, *texts = _load(self.answers("text_encoder"))[2]
            return denoise(
                network, texts, against if self.seen.asks_twice else None, scheduler=self.seen.pipeline.scheduler,
                steps=max(self.seen.steps), guidance=self.seen.guidance, held=1, tell=tell,
            )  # fmt: skip
        latents = [one[:, :, 0] if one.ndim > 4 else one for one in _load(self.answers("unet"))[2]]
        return answer(network, [{"latents": one} for one in latents], held=1, tell=tell)


def _save(path: Path, sample: Sample) -> None:
    arrays = {f"made{number}": one for number, one in enumerate(sample.made)}
    arrays |= {f"wanted{number}": one for number, one in enumerate(sample.wanted)}
    arrays |= {f"feed{number}.{name}": one for number, feed in enumerate(sample.feeds) for name, one in feed.items()}
    names = json.dumps([list(feed) for feed in sample.feeds])
    np.savez(path, allow_pickle=False, names=np.array(names), **arrays)


def _load(path: Path) -> tuple[list[dict[str, Array]], list[Array], list[Array]]:
    """Feeds, what was wanted of them, and all that was made."""
    with np.load(path) as file:
        names = json.loads(str(file["names"]))
        feeds = [{name: file[f"feed{number}.{name}"] for name in one} for number, one in enumerate(names)]
        wanted = [file[f"wanted{number}"] for number in range(len(names))]
        made = [file[f"made{number}"] for number in range(sum(name.startswith("made") for name in file))]
    return feeds, wanted, made
