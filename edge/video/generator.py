"""Plan -> frames: conditioner, layout, denoiser, decoder and painter joined; frames come out as they are made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.manifest import ModelManifest, VideoManifest
from edge.mode import ModeRow
from edge.packs import Pack
from edge.plan import Plan, Shot
from edge.stop import Stop
from edge.video.backdrop import FADE_FRAMES, Backdrop
from edge.video.chain import goes_on, make_layouts, make_loop
from edge.video.conditioner import Conditioner
from edge.video.decoder import Decoder, to_i420
from edge.video.denoiser import Denoiser
from edge.video.focus import takes
from edge.video.layout import Layout, faced
from edge.video.loop import Loop, meet, overlap
from edge.video.painter import Painter
from edge.video.scheduler import choose_steps, draw_noise, timesteps
from edge.video.session import give_back, open_session
from edge.video.sharpen import Sharpener
from edge.video.slot_map import slot_channels, slot_map
from edge.video.steady import Steady
from edge.video.textures import Place, Textures, open_textures
from edge.weights import locked, room_to_lock_mib

FADE = 6  # frames over which a cut shows the last frame of the shot before
AWAY = 20.0  # canvas heights: further than anything is seen


class Generator:
    """An opened video pack. `timings_s` sums the seconds of the parts text, denoise and decode over all calls.

    `steps` counts the steps of the denoiser, `weights` are the files that its networks map their weights from. `ahead` is
    the share of the work that is done before the first frame comes.
    """

    ahead = 0.0

    def __init__(
        self, manifest: VideoManifest, textures: Textures, sessions: Mapping[str, ort.InferenceSession], *,
        weights: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        self.manifest = manifest
        self.weights = weights
        self.timings_s = {"text": 0.0, "denoise": 0.0, "decode": 0.0}
        self.steps = 0
        self._conditioner = Conditioner(sessions["conditioner"], manifest.vocabulary)
        self._denoiser = Denoiser(sessions["denoiser"], channels=manifest.latent.channels)
        self._decoder = Decoder(sessions["trunk"], sessions["tail"], manifest.parts["trunk"], manifest.latent)
        painter = sessions.get("painter")
        self._painter = Painter(painter, textures, self._conditioner, manifest.canvas) if painter is not None else None
        self._steady, self._sharpener = Steady(), Sharpener()
        self._textures = textures

    def count(self, plan: Plan) -> int:
        """How many frames `frames` will yield."""
        return sum(self._shot_frames(shot) for shot in plan.shots)

    def frames(
        self, plan: Plan, *, row: ModeRow, seed: int, stop: Stop, photo: NDArray[np.uint8] | None = None,
        loop: Loop | None = None,
    ) -> Iterator[NDArray[np.uint8]]:  # fmt: skip
        """Yield planar 4:2:0 frames uint8 [out_height * 3 / 2, out_width], BT.601 limited range.

        With a `photo`, which is such a frame, the clip begins with it, and it is the scenery of every shot. In a `loop`
        the first frame goes on from the last one, and nothing fades in before a photo.
        The same plan, row and seed give the same frames on the same machine. Raises Cancelled or Preempted at the
        next step once `stop` was asked for, and ModelError for a slot value that the pack does not know.
        """
        drawn = self._drawn(plan, row=row, seed=seed, stop=stop, photo=photo, loop=loop)
        if loop:
            over = overlap(self.count(plan))
            drawn = meet(islice(drawn, self.count(plan) + over), over=over)
        yield from drawn

    def takes(self, plan: Plan, *, seed: int, loop: Loop | None) -> list[NDArray[np.float64]]:
        """Where the subjects are in the frames that `frames` yields: see `edge.video.focus`."""
        canvas, total = self.manifest.canvas, self.count(plan)
        shots = self._layouts(plan, seed=seed, loop=loop)
        return takes(shots, aspect=canvas.out_width / canvas.out_height, frames=total, loop=loop is not None)

    def _layouts(self, plan: Plan, *, seed: int, loop: Loop | None) -> Iterator[tuple[Shot, Layout]]:
        """The shots that are drawn, in order, with where everything is in them."""
        totals = [self._shot_frames(shot) for shot in plan.shots]
        turning = {name for name, words in self.manifest.vocabulary["subject"].values.items() if words.faces}
        drawn: Iterable[tuple[Shot, Layout]]
        if loop:
            drawn = make_loop(plan.shots, seed=seed, frames=totals, loop=loop)
        else:
            drawn = zip(plan.shots, make_layouts(plan.shots, seed=seed, frames=totals), strict=True)
        yield from ((shot, faced(layout, turning)) for shot, layout in drawn)

    def _drawn(
        self, plan: Plan, *, row: ModeRow, seed: int, stop: Stop, photo: NDArray[np.uint8] | None, loop: Loop | None
    ) -> Iterator[NDArray[np.uint8]]:
        noise = draw_noise(seed, self.manifest.noise.size)
        place = backdrop = shown = None
        number = FADE_FRAMES if loop else 0.0
        for index, (shot, layout) in enumerate(self._layouts(plan, seed=seed, loop=loop)):
            with _timed(self.timings_s, "text"):
                steps = timesteps(choose_steps(row.steps, self.manifest.steps))
                films = [self._conditioner.film(shot.slots, noise, step) for step in steps]
            if photo is None:
                place = self._textures.place(self._conditioner.number("background", shot.slots), noise)
            elif place is None:
                place = self._textures.photo(photo, layout.camera[0])
                bare = self._bare(layout, place, films, stop=stop)
                backdrop = Backdrop(photo, bare, layout.camera[0])
            assert place is not None
            cut = index in {0, len(plan.shots)} or not goes_on(plan.shots[index - 1], shot)
            if cut:
                self._decoder.reset()
                self._steady.reset()
            frames = self._shot(layout, place, films, row=row, stop=stop)
            for at, (camera, frame) in enumerate(zip(layout.camera, frames, strict=True), 1):
                made = frame if backdrop is None else backdrop.compose(frame, camera=camera, number=number)
                if self._painter is not None:
                    share = 1.0 if backdrop is None else min(1.0, number / FADE_FRAMES)
                    with _timed(self.timings_s, "decode"):
                        made = self._painter.paint(made, layout, at - 1, shot.slots, noise, share=share)
                number += 1
                if cut and shown is not None and at <= FADE:
                    yield np.asarray(cv2.addWeighted(made, at / (FADE + 1), shown, 1 - at / (FADE + 1), 0), np.uint8)
                else:
                    yield made
            shown = made

    def _bare(self, layout: Layout, place: Place, films: list[NDArray[np.float32]], *, stop: Stop) -> NDArray[np.uint8]:
        """The first frame of a shot with nobody in it."""
        away = tuple(replace(track, x=track.x + AWAY) for track in layout.tracks)
        empty = replace(layout, tracks=away, particles=np.zeros_like(layout.particles))
        self._decoder.reset()
        latents = self._latents(empty, 0, place, films, stop=stop)
        return to_i420(next(self._decoder.frames(latents))[0], self.manifest.canvas)

    def _shot(
        self, layout: Layout, place: Place, films: list[NDArray[np.float32]], *, row: ModeRow, stop: Stop
    ) -> Iterator[NDArray[np.uint8]]:
        left = layout.frames
        for slot in range(-(-layout.frames // self.manifest.latent.frames)):
            keys = self._decoder.frames(self._latents(layout, slot, place, films, stop=stop))
            for _ in range(self.manifest.latent.keys):
                stop.check()
                with _timed(self.timings_s, "decode"):
                    pictures = self._pictures(next(keys), row)
                yield from pictures[:left]
                left -= len(pictures[:left])

    def _latents(
        self, layout: Layout, slot: int, place: Place, films: list[NDArray[np.float32]], *, stop: Stop
    ) -> NDArray[np.float32]:
        with _timed(self.timings_s, "denoise"):
            seen = self._map(layout, slot)
            found = self._textures.look_up(seen, keys=self.manifest.latent.keys, place=place)
            self.steps += len(films)
            return self._denoiser.latents(found, seen, films, check=stop.check)

    def _map(self, layout: Layout, slot: int) -> NDArray[np.float32]:
        """The layout channels of one slot; a slot that reaches past the end repeats the last frame."""
        latent, vocabulary = self.manifest.latent, self.manifest.vocabulary
        per_key = latent.frames // latent.keys
        first = slot * latent.frames + (per_key - 1) / 2
        middle = [min(first + key * per_key, layout.frames - 1.0) for key in range(latent.keys)]
        return slot_map(
            layout, middle, height=latent.height, width=latent.width,
            subjects=list(vocabulary["subject"].values), colours=list(vocabulary["colour"].values),
        )  # fmt: skip

    def _pictures(self, packed: list[NDArray[np.uint8]], row: ModeRow) -> list[NDArray[np.uint8]]:
        """Every frame of a key, or in a cheap mode one frame in `frame_step`, shown that many times."""
        step = row.frame_step
        made = [
            self._steady.show(self._sharpener.sharpen(to_i420(frame, self.manifest.canvas))) for frame in packed[::step]
        ]
        return [made[index // step] for index in range(len(packed))]

    def _shot_frames(self, shot: Shot) -> int:
        return max(1, round(shot.seconds * self.manifest.canvas.fps))


@contextmanager
def open_generator(pack: Pack[ModelManifest], *, threads: int, cache: Path | None = None) -> Iterator[Generator]:
    """Open a video pack; its sessions are freed when the block ends. A `cache` keeps its networks as they are run.

    Raises ModelError when the pack is not a video pack, or one of its parts is missing or does not fit.
    """
    manifest = pack.manifest
    if not isinstance(manifest, VideoManifest):
        raise ModelError(f"{pack.folder} is not a video pack.", hint="Set models.video to a pack of kind video.")
    if manifest.noise.kind != "vector":
        raise ModelError(
            f"{pack.folder}: this version draws vector noise, the pack wants {manifest.noise.kind}.",
            hint="Update edgereel or the pack.",
        )
    _check_layout(manifest)
    cv2.setNumThreads(threads)
    opened = {
        name: open_session(pack.file(part.file), part, threads=threads, cache=cache)
        for name, part in manifest.parts.items()
    }
    sessions = {name: session for name, (session, _) in opened.items()}
    weights = [file for _, file in opened.values() if file is not None]
    try:
        with locked(weights, room_mib=room_to_lock_mib()):
            yield Generator(manifest, open_textures(pack.folder, manifest.textures), sessions, weights=weights)
    finally:
        give_back(sessions["conditioner"], manifest.parts["conditioner"].inputs)


def _check_layout(manifest: VideoManifest) -> None:
    drawn = slot_channels(*(len(manifest.vocabulary[name].values) for name in ("subject", "colour")),
                          keys=manifest.latent.keys)  # fmt: skip
    if manifest.layout_channels != drawn:
        raise ModelError(
            f"Pack {manifest.name}: this version draws {drawn} layout channels, the pack wants {manifest.layout_channels}.",
            hint="Update edgereel or the pack.",
        )


@contextmanager
def _timed(timings_s: dict[str, float], part: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        timings_s[part] += time.perf_counter() - began
