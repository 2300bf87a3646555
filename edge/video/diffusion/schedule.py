"""The schedules of diffusers as tables: a step is a timestep and four factors, whatever the scheduler's name is.

Why that is enough: without clipping, LCM, Euler and DDIM (without noise of its own) are linear in the sample, in what
the network predicts and in fresh noise. With alpha the share of the picture that is left at a timestep, the picture is
taken to be `sample * a + prediction * b` for each way of predicting, and the next sample is a mixture of all three.
Papers: https://arxiv.org/abs/2010.02502 (DDIM), https://arxiv.org/abs/2206.00364 (Euler), https://arxiv.org/abs/2310.04378 (LCM).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.diffusers_manifest import Scheduler

Doubles = NDArray[np.float64]
SIGMA_DATA = 0.5  # of consistency models
RHO = 7.0  # of Karras' spacing
MOST_BETA = 0.999


@dataclass(frozen=True, kw_only=True)
class Step:
    """The network sees `sample * scale` at `timestep`; the next sample is the sum of these shares of the three."""

    timestep: float
    scale: float
    sample: float
    prediction: float
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The noise that it begins with is N(0, I) times `start`."""

    start: float
    steps: tuple[Step, ...]


def make_schedule(scheduler: Scheduler, steps: int) -> Schedule:
    """The schedule of that many steps."""
    alphas: Doubles = np.cumprod(1 - _betas(scheduler), dtype=np.float64)
    match scheduler.kind:
        case "ddim":
            return _ddim(scheduler, alphas, steps)
        case "lcm":
            return _lcm(scheduler, alphas, steps)
        case "euler":
            return _euler(scheduler, alphas, steps)


def _betas(scheduler: Scheduler) -> Doubles:
    first, last, count = scheduler.beta_start, scheduler.beta_end, scheduler.train_steps
    match scheduler.beta_schedule:
        case "linear":
            return np.linspace(first, last, count)
        case "scaled_linear":
            return np.square(np.linspace(first**0.5, last**0.5, count))
        case "squaredcos_cap_v2":
            bar = np.cos((np.arange(count + 1) / count + 0.008) / 1.008 * np.pi / 2) ** 2
            return np.minimum(np.asarray(1 - bar[1:] / bar[:-1], np.float64), MOST_BETA)


def _timesteps(scheduler: Scheduler, steps: int) -> Doubles:
    count = scheduler.train_steps
    match scheduler.spacing:
        case "linspace":
            return np.linspace(0, count - 1, steps)[::-1]
        case "leading":
            return (np.arange(steps) * (count // steps))[::-1].astype(np.float64) + scheduler.steps_offset
        case "trailing":
            return np.round(np.arange(count, 0, -count / steps)) - 1


def _picture(scheduler: Scheduler, alpha: float) -> tuple[float, float]:
    """The picture as shares of the sample and of the prediction."""
    signal, noise = float(alpha) ** 0.5, (1 - float(alpha)) ** 0.5
    match scheduler.prediction:
        case "epsilon":
            return 1 / signal, -noise / signal
        case "v_prediction":
            return signal, -noise
        case "sample":
            return 0.0, 1.0


def _ddim(scheduler: Scheduler, alphas: Doubles, steps: int) -> Schedule:
    final = 1.0 if scheduler.final_alpha_one else float(alphas[0])
    made = []
    for timestep in np.round(_timesteps(scheduler, steps)).astype(int):
        before = timestep - scheduler.train_steps // steps
        alpha, after = float(alphas[timestep]), float(alphas[before]) if before >= 0 else final
        of_sample, of_prediction = _picture(scheduler, alpha)
        # What is left of the noise points from the picture to the sample; it shrinks to the next timestep's share.
        shrink = ((1 - after) / (1 - alpha)) ** 0.5
        kept = after**0.5 - shrink * alpha**0.5
        made.append(
            Step(timestep=float(timestep), scale=1.0, sample=kept * of_sample + shrink, prediction=kept * of_prediction)
        )
    return Schedule(start=1.0, steps=tuple(made))


def _lcm(scheduler: Scheduler, alphas: Doubles, steps: int) -> Schedule:
    trained = np.arange(1, scheduler.original_steps + 1) * (scheduler.train_steps // scheduler.original_steps) - 1
    chosen = trained[::-1][np.floor(np.linspace(0, len(trained), steps, endpoint=False)).astype(int)]
    made = []
    for index, timestep in enumerate(chosen):
        of_sample, of_prediction = _picture(scheduler, alphas[timestep])
        scaled = float(timestep) * scheduler.timestep_scaling
        skip = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
        out = scaled / (scaled**2 + SIGMA_DATA**2) ** 0.5
        last = index == steps - 1
        after = 1.0 if last else float(alphas[chosen[index + 1]])
        made.append(
            Step(
                timestep=float(timestep), scale=1.0, sample=after**0.5 * (out * of_sample + skip),
                prediction=after**0.5 * out * of_prediction, noise=(1 - after) ** 0.5,
            )
        )  # fmt: skip
    return Schedule(start=1.0, steps=tuple(made))


def _euler(scheduler: Scheduler, alphas: Doubles, steps: int) -> Schedule:
    """Samples here are the picture plus sigma times noise, not shrunk to unit variance; the network sees them shrunk."""
    every = ((1 - alphas) / alphas) ** 0.5
    timesteps = _timesteps(scheduler, steps)
    sigmas = np.interp(timesteps, np.arange(len(every)), every)
    if scheduler.karras:
        high, low = sigmas[0] ** (1 / RHO), sigmas[-1] ** (1 / RHO)
        sigmas = (high + np.linspace(0, 1, steps) * (low - high)) ** RHO
        timesteps = np.interp(np.log(sigmas), np.log(every), np.arange(len(every)))
    largest = float(sigmas.max())
    start = (largest**2 + 1) ** 0.5 if scheduler.spacing == "leading" else largest
    return Schedule(start=start, steps=tuple(_euler_steps(scheduler, timesteps, sigmas)))


def _euler_steps(scheduler: Scheduler, timesteps: Sequence[float] | Doubles, sigmas: Doubles) -> list[Step]:
    made = []
    for timestep, sigma, after in zip(timesteps, sigmas, [*sigmas[1:], 0.0], strict=True):
        scale = 1 / (float(sigma) ** 2 + 1) ** 0.5
        of_sample, of_prediction = _picture(scheduler, scale**2)
        left = float(after / sigma)
        made.append(
            Step(
                timestep=float(timestep), scale=scale, sample=left + (1 - left) * of_sample * scale,
                prediction=(1 - left) * of_prediction,
            )
        )  # fmt: skip
    return made
