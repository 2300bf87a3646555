"""The parts of a pipeline at work in torch: what they are given, what they answer, and the ranges between their layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edge.diffusers_manifest import Scheduler
from edge.video.diffusion.schedule import make_schedule
from tools.convert.diffusion.networks import Network
from tools.convert.diffusion.observe import Ranges, observed
from tools.convert.steps import Progress

Array = NDArray[np.generic]
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Inputs and answers of a part on what it was not calibrated with, the ranges seen before, and what comes of it."""

    feeds: list[dict[str, Array]]
    wanted: list[Array]
    ranges: Ranges
    made: list[Array]


def answer(network: Network, inputs: Sequence[dict[str, Array]], *, held: int, tell: Progress) -> Sample:
    """Run every one of `inputs`; the last `held` of them are for the comparison. What is made are all answers."""
    made: list[Array] = []
    with torch.inference_mode(), observed(network.module) as ranges:
        for number, feed in enumerate(inputs):
            if number == len(inputs) - held:
                known = dict(ranges)
            made.append(_run(network, feed))
            tell((number + 1) / len(inputs))
    return Sample(feeds=list(inputs[-held:]), wanted=made[-held:], ranges=known, made=made)


def denoise(
    network: Network, texts: Sequence[Array], against: Array | None, *, scheduler: Scheduler, steps: int,
    guidance: float, held: int, tell: Progress,
) -> Sample:  # fmt: skip
    """Draw the latents of every text in torch, with the pack's own schedule; all steps of the last `held` are compared."""
    schedule = make_schedule(scheduler, steps)
    feeds, wanted, made = [], [], []
    known: Ranges = {}
    with torch.inference_mode(), observed(network.module) as ranges:
        for number, text in enumerate(texts):
            if number == len(texts) - held:
                known = dict(ranges)
            rng = np.random.default_rng([SEED, number])
            sample = rng.standard_normal(network.inputs["latents"][0]) * schedule.start
            for at, step in enumerate(schedule.steps):
                seen = {"latents": np.float32(sample * step.scale), "timestep": np.array([step.timestep], np.float32)}
                said = _run(network, {**seen, "text": text})
                if number >= len(texts) - held:
                    feeds.append({**seen, "text": text})
                    wanted.append(said)
                if against is not None:
                    other = _run(network, {**seen, "text": against})
                    said = other + guidance * (said - other)
                sample = step.sample * sample + step.prediction * said
                if step.noise:
                    sample += step.noise * rng.standard_normal(sample.shape)
                tell((number + (at + 1) / len(schedule.steps)) / len(texts))
            made.append(np.float32(sample))
    return Sample(feeds=feeds, wanted=wanted, ranges=known, made=made)


def _run(network: Network, feed: dict[str, Array]) -> Array:
    return network.module(*(torch.from_numpy(feed[name]) for name in network.inputs)).numpy()
