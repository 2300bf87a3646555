"""Prompt -> frames with a pack that was a diffusers pipeline. Its parts are open one after the other, never two at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.diffusers_manifest import DiffusersManifest
from edge.memory import return_what_is_free
from edge.mode import FPS, ModeRow
from edge.packs import Pack
from edge.part import Part
from edge.plan import Plan
from edge.stop import Stop
from edge.video.diffusion.clip_tokens import ClipTokenizer
from edge.video.diffusion.film import approach, nearer, order
from edge.video.diffusion.schedule import make_schedule
from edge.video.loop import Loop
from edge.video.scheduler import choose_steps
from edge.video.session import open_session, run_session

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
NOISE_TAG = 0x3D
EVERYWHERE = (0.0, 0.0, 1.0, 1.0)


class DiffusionGenerator:
    """A pack of kind `diffusers`.

    `timings_s`, `steps` and `weights` are as those of `edge.video.generator.Generator`, with the time to open the parts.
    `ahead` is the share of the work that is done before the first frame comes; `progress` hears how far it is, 0 to `ahead`.
    """

    ahead = 0.85

    def __init__(
        self, pack: Pack[DiffusersManifest], *, threads: int, progress: Callable[[float], None] = lambda _: None
    ) -> None:
        self.manifest = pack.manifest
        self.weights: Sequence[Path] = ()
        self.timings_s = {"open": 0.0, "text": 0.0, "denoise": 0.0, "decode": 0.0}
        self.steps = 0
        self._pack, self._threads, self._progress = pack, threads, progress

    def count(self, plan: Plan) -> int:
        """How many frames `frames` will yield."""
        return max(1, round(plan.seconds * FPS))

    def frames(
        self, plan: Plan, *, row: ModeRow, seed: int, stop: Stop, photo: Picture | None = None, loop: Loop | None = None
    ) -> Iterator[Picture]:
        """Yield planar 4:2:0 frames uint8 [out_height * 3 / 2, out_width], BT.601 limited range.

        The same plan, row and seed give the same frames on the same machine. Raises Cancelled or Preempted at the next
        step once `stop` was asked for, and ModelError for a part that does not load. A `photo` is not looked at.
        """
        del photo
        texts = self.read([plan.shots[0].slots["prompt"], *self._against()], stop=stop)
        latents = self.denoise(texts, steps=choose_steps(row.steps, self.manifest.steps), seed=seed, stop=stop)
        yield from self._shown(latents, frames=self.count(plan), loop=loop is not None, stop=stop)

    def takes(self, plan: Plan, *, seed: int, loop: Loop | None) -> list[NDArray[np.float64]]:  # noqa: ARG002
        """As `edge.video.focus`: nobody knows where its subjects are, so they count as being everywhere."""
        return [np.tile(np.array(EVERYWHERE), (self.count(plan), 1))]

    def read(self, texts: Sequence[str], *, stop: Stop) -> list[Floats]:
        """What the text encoder makes of each text: float32 [1, length, features]."""
        stop.check()
        with self._opened("text_encoder") as encoder, self._timed("text"):
            tokenizer = ClipTokenizer(self._pack.file(self.manifest.tokens.file), self.manifest.tokens)
            return [encoder({"tokens": tokenizer.framed(text)}) for text in texts]

    def denoise(self, texts: Sequence[Floats], *, steps: int, seed: int, stop: Stop) -> Floats:
        """The latents that noise becomes; `texts` are what is to be seen and, with guidance, what is not."""
        part = self.manifest.parts["unet"]
        shape = [int(size) for size in part.inputs["latents"].shape]
        rng = np.random.default_rng([seed, NOISE_TAG])
        schedule = make_schedule(self.manifest.scheduler, steps)
        sample = rng.standard_normal(shape) * schedule.start
        with self._opened("unet") as network, self._timed("denoise"):
            for number, step in enumerate(schedule.steps, 1):
                stop.check()
                seen = {"latents": _floats(sample * step.scale), "timestep": np.array([step.timestep], np.float32)}
                said = self._guided([network({**seen, "text": text}) for text in texts])
                sample = step.sample * sample + step.prediction * said
                if step.noise:
                    sample += step.noise * rng.standard_normal(shape)
                self.steps += 1
                self._progress(self.ahead * number / len(schedule.steps))
        return _floats(sample)

    def pictures(self, latents: Floats, *, stop: Stop) -> Generator[Picture]:
        """Decode frame by frame: uint8 [height, width, 3], red, green, blue."""
        single = latents[:, :, None] if latents.ndim == 4 else latents
        with self._opened("decoder") as decoder:
            for number in range(single.shape[2]):
                stop.check()
                with self._timed("decode"):
                    made = decoder({"latents": single[:, :, number]})[0]
                yield np.clip(made.transpose(1, 2, 0) * 255 + 0.5, 0, 255).astype(np.uint8)

    def _against(self) -> list[str]:
        return [self.manifest.negative] if self.manifest.guidance > 1 else []

    def _guided(self, said: list[Floats]) -> Floats:
        """The prediction for the prompt, driven away from that for the negative one."""
        return said[0] if len(said) == 1 else said[1] + self.manifest.guidance * (said[0] - said[1])

    def _shown(self, latents: Floats, *, frames: int, loop: bool, stop: Stop) -> Iterator[Picture]:
        """The frames of the clip. Those of a film are decoded when they are first shown, and kept."""
        canvas, many = self.manifest.canvas, self.manifest.frames
        size = canvas.out_width, canvas.out_height
        with closing(self.pictures(latents, stop=stop)) as made:
            if many == 1:
                picture = next(made)
                made.close()
                yield from (_planar(nearer(picture, share=share), size) for share in approach(frames, loop=loop))
                return
            kept: list[Picture] = []
            for number in order(frames, pictures=many, rate=canvas.fps / FPS, loop=loop):
                while len(kept) <= number:
                    kept.append(_planar(next(made), size))
                yield kept[number]

    @contextmanager
    def _opened(self, name: str) -> Iterator[_Network]:
        """One part; its memory goes back to the board at the end."""
        part = self.manifest.parts[name]
        try:
            with self._timed("open"):
                network = _Network(self._pack.file(part.file), part, name=name, threads=self._threads)
            yield network
            network.close()
        finally:
            return_what_is_free()

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.timings_s[part] += time.perf_counter() - began


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)


class _Network:
    """An opened part as a function to its only output; whoever still holds it does not hold its memory."""

    def __init__(self, path: Path, part: Part, *, name: str, threads: int) -> None:
        self._session, _ = open_session(path, part, threads=threads, arena=False)
        self._name = name

    def __call__(self, inputs: dict[str, NDArray[Any]]) -> Floats:
        return _floats(run_session(self._session, inputs, name=self._name))

    def close(self) -> None:
        """Let go of the session."""
        del self._session


def _planar(picture: Picture, size: tuple[int, int]) -> Picture:
    if (picture.shape[1], picture.shape[0]) != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
