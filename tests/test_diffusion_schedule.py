"""The schedules are those of diffusers: their factors in `tests/data/schedules.json` were asked of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.diffusers_manifest import Scheduler
from edge.video.diffusion.schedule import make_schedule

DATA = Path(__file__).resolve().parent / "data"
ROWS = json.loads((DATA / "schedules.json").read_text())


@pytest.mark.parametrize("kind", ["lcm", "euler", "ddim"])
def test_every_step_has_the_factors_that_diffusers_has(kind: str) -> None:
    rows = [row for row in ROWS if row["scheduler"]["kind"] == kind]
    assert len(rows) >= 4
    for row in rows:
        made = make_schedule(msgspec.convert(row["scheduler"], Scheduler), row["steps"])
        start, factors = row["factors"]
        assert made.start == pytest.approx(start, rel=1e-3), row["scheduler"]
        ours = [[one.timestep, one.scale, one.sample, one.prediction, one.noise] for one in made.steps]
        np.testing.assert_allclose(ours, factors, rtol=2e-3, atol=2e-3, err_msg=str(row["scheduler"]))


@pytest.mark.parametrize("kind", ["euler", "ddim"])
def test_a_network_that_knows_the_noise_gets_the_picture_back(kind: str) -> None:
    scheduler = Scheduler(
        kind=kind, prediction="epsilon", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
        spacing="trailing",
    )  # fmt: skip
    rng = np.random.default_rng(1)
    picture, noise = rng.standard_normal((2, 4, 8))
    schedule = make_schedule(scheduler, 8)
    share = 0.0047  # of the picture that is left at the last timestep of training, see the alphas of SD 1.5
    sample = picture + noise * schedule.start if kind == "euler" else share**0.5 * picture + (1 - share) ** 0.5 * noise
    for step in schedule.steps:
        sample = step.sample * sample + step.prediction * noise
    np.testing.assert_allclose(sample, picture, atol=0.02)
