"""Two packs side by side: how far what they make differs, how long a processor takes here, and what the judges see."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch

from edge.manifest import VideoManifest
from edge.plan import Shot
from edge.video.generator import open_generator
from edge.video.session import open_session
from edge.video.textures import open_textures
from tools.convert.judge.clips import direct_row, generated
from tools.convert.judge.judge import SEED, SEEN_SET
from tools.convert.judge.prompts import load_set, plan_tasks
from tools.convert.judge.verdicts import Seen, named
from tools.convert.parity import sqnr
from tools.convert.quantize import Feed
from tools.convert.tinyvideo.data import random_scene
from tools.convert.tinyvideo.evaluate import clip, open_pack
from tools.convert.tinyvideo.networks import real_feeds
from tools.convert.tinyvideo.recogniser import R_EVAL, judge_view, load_recogniser
from tools.convert.tinyvideo.restore import sizes_of
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.world import RendererWorld

FIRST = (1 << 30) + 60_000  # no scene that anything was learnt or calibrated on
SCENES, CLIPS, CLIP_SECONDS = 12, 4, 1.0
WARM, ROUNDS, CLIP_ROUNDS = 2, 25, 5
JUDGED = ("subject", "colour", "motion", "background", "camera", "style")
Facts = dict[str, Any]


def compare(before: Path, after: Path, manifest: VideoManifest, *, tell: Callable[[float], None]) -> Facts:
    """PSNR in dB of what `after` makes against what `before` does; median processor seconds of both, taken in turns, and the
    median of how many times as fast `after` was.

    `manifest` is that of `before`. One thread, as on a board.
    """
    feeds = [_feeds(folder, manifest) for folder in (before, after)]
    sessions = [_session(folder, manifest) for folder in (before, after)]
    made = [[session.run(None, feed)[0] for feed in some] for session, some in zip(sessions, feeds, strict=True)]
    span = max(float(np.ptp(one)) for one in made[0])
    errors = [float(np.mean((one - two) ** 2)) for one, two in zip(*made, strict=True)]
    tell(0.3)
    slots = _spent([lambda k=k: sessions[k].run(None, feeds[k][0]) for k in (0, 1)], rounds=ROUNDS)  # type: ignore[misc]
    tell(0.5)
    frames_db, clips = _clips(before, after, manifest)
    return {"x0_db": _db(span**2, errors), "frames_db": frames_db, "slot": slots, "clip": clips}


def read_back(folder: Path, manifest: VideoManifest, student: Student) -> float:
    """Signal to noise in dB of a pack's INT8 denoiser against torch with the weights that were read back from it."""
    feed = _feeds(folder, manifest, scenes=1)[0]
    with torch.no_grad():
        wanted = student.denoiser(*(torch.from_numpy(value) for value in feed.values())).numpy()
    return sqnr(wanted, _session(folder, manifest).run(None, feed)[0])


def judge(pack: Path, *, clips: int, threads: int, tell: Callable[[float], None]) -> Facts:
    """Shares of the first `clips` prompts in which the recogniser sees what was asked, slot by slot.

    Prompts, seeds and clips are those of `make judge`, the same for every pack.
    """
    recogniser = load_recogniser(R_EVAL)
    seen = []
    with open_generator(open_pack(pack), threads=threads) as generator:
        for number, task in enumerate(plan_tasks(SEEN_SET, load_set(SEEN_SET), generator.manifest, seed=SEED)[:clips]):
            made = generated(generator, task.plan.shots[0], seed=SEED + number, row=direct_row(None))
            verdict = recogniser.verdict(judge_view(made.evenly())[None])
            found = named(verdict, recogniser.shape.values)[0]
            seen.append(Seen(asked=task.asked, seen=found, motion_rule="", camera_rule=""))
            tell((number + 1) / clips)
    return {slot: float(np.mean([one.right(slot) for one in seen])) for slot in JUDGED}


def _feeds(folder: Path, manifest: VideoManifest, *, scenes: int = SCENES) -> list[Feed]:
    return real_feeds(
        folder, config=sizes_of(manifest), world=RendererWorld(manifest.vocabulary), steps=max(manifest.steps),
        textures=open_textures(folder, manifest.textures), numbers=range(FIRST, FIRST + scenes),
    )["denoiser"]  # fmt: skip


def _session(folder: Path, manifest: VideoManifest) -> ort.InferenceSession:
    part = manifest.parts["denoiser"]
    return open_session(folder / part.file, part, threads=1)[0]


def _spent(runs: Sequence[Callable[[], object]], *, rounds: int) -> Facts:
    """Median processor seconds of each, one after the other in every round: what else the machine does hardly counts."""
    spent = np.zeros((WARM + rounds, len(runs)))
    for row in spent:
        for number, run in enumerate(runs):
            began = time.process_time()
            run()
            row[number] = time.process_time() - began
    seconds = spent[WARM:]
    return {"seconds": np.median(seconds, axis=0).tolist(), "speed": float(np.median(seconds[:, 0] / seconds[:, 1]))}


def _clips(before: Path, after: Path, manifest: VideoManifest) -> tuple[float, Facts]:
    """The PSNR of the frames of some clips, and the seconds of one clip of CLIP_SECONDS."""
    shots = [random_scene(manifest.vocabulary, seed=FIRST + number).shot for number in range(CLIPS)]
    shots = [Shot(slots=shot.slots, seconds=CLIP_SECONDS) for shot in shots]
    with open_generator(open_pack(before), threads=1) as one, open_generator(open_pack(after), threads=1) as two:
        errors = []
        for number, shot in enumerate(shots):
            frames = [np.stack(clip(pack, shot, seed=FIRST + number)).astype(np.float32) for pack in (one, two)]
            errors.append(float(np.mean((frames[0] - frames[1]) ** 2)))
        runs = [lambda pack=pack: clip(pack, shots[0], seed=FIRST) for pack in (one, two)]  # type: ignore[misc]
        return _db(255.0**2, errors), _spent(runs, rounds=CLIP_ROUNDS)


def _db(power: float, errors: Sequence[float]) -> float:
    return 10 * float(np.log10(power / max(float(np.mean(errors)), 1e-20)))
