"""Tuning of a pruned student: the network that it was is its teacher, on scenes of which nothing is rendered.

Self-distillation: see Hinton et al. 2015 (arXiv 1503.02531). With the shards of a training run the renderer is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge.video.scheduler import timesteps
from tools.convert.prune.scenes import Scenes
from tools.convert.tinyvideo.loop import Average, cosine, descend, resume, run_loop, set_rate
from tools.convert.tinyvideo.store import Shards
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import REFINE_SHARE, Loss

RATE, WARM_UP = 6e-4, 30  # steps
CROPS, CELLS = 12, 14
HELD, HELD_FIRST = 4, (1 << 30) + 40_000
CHECK_EVERY = 8  # log lines
Batch = tuple[Tensor, ...]  # attributes, noise, timestep, layout, latents before, focus, and the truth


class Lessons:
    """What a pruned student learns from: its `teacher` on random scenes, or the truth of rendered `shards`."""

    def __init__(self, teacher: Student, scenes: Scenes, *, steps: int, shards: Path | None) -> None:
        self._teacher, self._scenes, self._steps = teacher, scenes, steps
        self._shards = None if shards is None else Shards(shards)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Squares of scenes; a quarter of them stand at a later step, if the pack takes several."""
        if self._shards is None:
            given, truth = self._scenes.batch(CROPS, rng, crop=CELLS), None
        else:
            *given, truth = self._shards.batch(CROPS, rng, crop=CELLS)
        later = self._steps > 1 and rng.uniform() < REFINE_SHARE
        return self._asked(tuple(given), later=later, truth=truth)

    def held(self) -> list[Batch]:
        """Whole slots that nothing is learnt from, as the teacher answers them."""
        return [self._asked(self._scenes.whole(HELD_FIRST + number), later=False, truth=None) for number in range(HELD)]

    @torch.no_grad()
    def _asked(self, given: tuple[Tensor, ...], *, later: bool, truth: Tensor | None) -> Batch:
        row, noise, layout, focus = given
        before = torch.zeros(len(row), self._teacher.shape.latent, *layout.shape[2:])
        times = [torch.full((len(row),), time) for time in timesteps(2)]
        if later:
            before = self._teacher(row, noise, times[0], layout, before)
        time = times[later]
        wanted = self._teacher(row, noise, time, layout, before) if truth is None else truth
        return row, noise, time, layout, before, focus, wanted


def tune(
    path: Path, student: Student, lessons: Lessons, loss_of: Loss, *, minutes: float, tell: Callable[[float], None]
) -> Student:  # fmt: skip
    """Tune until that many minutes are spent, over all resumes; returns the average of its weights.

    The checkpoint is `path`, its log beside it. A run that is stopped loses nothing.
    """
    model = student.to(memory_format=torch.channels_last)
    average = Average(model)
    progress = resume(path, average.model)
    model.load_state_dict(progress.extra.get("raw", average.model.state_dict()))
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    if progress.extra:
        optimiser.load_state_dict(progress.extra["optimiser"])
    rng = np.random.default_rng([1, progress.step])
    held, checked = lessons.held(), [0]

    def step(share: float) -> float:
        tell(share)
        set_rate(optimiser, RATE * min(1.0, (progress.step + 1) / WARM_UP) * cosine(share))
        *given, focus, truth = lessons.batch(rng)
        loss = loss_of(model(*given), truth, focus)
        return descend(loss, model, optimiser, average, progress.step)

    def check() -> dict[str, float]:
        checked[0] += 1
        return {"held_db": closeness(average.model, held)} if checked[0] % CHECK_EVERY == 1 else {}

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict(), "optimiser": optimiser.state_dict()}

    run_loop(path, average.model, progress, minutes=minutes, step=step, check=check, extra=extra)
    return average.model.eval()  # type: ignore[no-any-return]


@torch.no_grad()
def closeness(student: Student, batches: list[Batch]) -> float:
    """PSNR of a student's answers in dB: the range of the wanted ones against the error."""
    made = [(student(*given), truth) for *given, _, truth in batches]
    span = max(float(truth.max() - truth.min()) for _, truth in made)
    error = float(np.mean([float((one - truth).square().mean()) for one, truth in made]))
    return 10 * float(np.log10(span**2 / max(error, 1e-20)))
