"""What diffusers and transformers compute, as tables: live for the tests of the workshop, and as files for those of a board.

`PYTHONPATH=. python tests/convert/references.py` writes the files anew.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, LCMScheduler
from transformers import CLIPTokenizerFast

from edge.diffusers_manifest import Scheduler

DATA = Path(__file__).resolve().parents[1] / "data"
CLASSES: dict[str, Any] = {"lcm": LCMScheduler, "euler": EulerDiscreteScheduler, "ddim": DDIMScheduler}
TEXTS = (
    "a red balloon, it's 12 o'clock", "", "Ünïcödé café, ½ of ² — “quotes”…", "一只小猫 🎈", "we'll see 1234 boats!!'s",
    "  odd \t spaces\u00a0and e\u0301", "word " * 90,
)  # fmt: skip


def schedulers() -> Iterator[Scheduler]:
    """Every kind with every setting that changes what it does."""
    choices = (
        ("lcm", "euler", "ddim"), ("epsilon", "v_prediction", "sample"), ("scaled_linear", "linear", "squaredcos_cap_v2"),
        ("leading", "trailing", "linspace"), (0, 1), (False, True), (False, True),
    )  # fmt: skip
    for kind, prediction, betas, spacing, offset, karras, one in itertools.product(*choices):
        plain = (spacing, offset, one) == ("leading", 0, True)
        if (kind != "lcm" or plain) and (kind == "euler" or not karras) and (kind == "ddim" or one):
            yield Scheduler(
                kind=kind, prediction=prediction, beta_schedule=betas, beta_start=0.00085, beta_end=0.012,
                spacing=spacing, steps_offset=offset, karras=karras, final_alpha_one=one,
            )  # fmt: skip


def factors(scheduler: Scheduler, steps: int) -> tuple[float, list[list[float]]]:
    """How diffusers' scheduler starts, and of each step: timestep, scale of the input, share of each of the three."""
    theirs = CLASSES[scheduler.kind](**_options(scheduler))
    theirs.set_timesteps(steps)
    start, rows = float(theirs.init_noise_sigma), []
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    for number, timestep in enumerate(theirs.timesteps):
        theirs._step_index = number
        scale = float(theirs.scale_model_input(one, timestep))
        shares = [_step(theirs, number, timestep, sample, said)[0] for sample, said in ((one, zero), (zero, one))]
        noise, drawn = _step(theirs, number, timestep, zero, zero)
        rows.append([float(timestep), scale, shares[0] - noise, shares[1] - noise, noise / drawn])
    return start, rows


def _step(theirs: Any, number: int, timestep: Any, sample: torch.Tensor, said: torch.Tensor) -> tuple[float, float]:
    """The next sample, and the noise that was drawn for it."""
    theirs._step_index = number
    options = {"generator": torch.Generator().manual_seed(1)} if isinstance(theirs, LCMScheduler) else {}
    drawn = torch.randn((1, 1), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return float(theirs.step(said, timestep, sample, **options).prev_sample), float(drawn)


def _options(scheduler: Scheduler) -> dict[str, Any]:
    options: dict[str, Any] = {
        "num_train_timesteps": scheduler.train_steps, "beta_start": scheduler.beta_start, "beta_end": scheduler.beta_end,
        "beta_schedule": scheduler.beta_schedule, "prediction_type": scheduler.prediction,
    }  # fmt: skip
    if scheduler.kind != "lcm":
        options |= {"timestep_spacing": scheduler.spacing, "steps_offset": scheduler.steps_offset}
    if scheduler.kind == "euler":
        options["use_karras_sigmas"] = scheduler.karras
    if scheduler.kind == "ddim":
        options |= {"clip_sample": False, "set_alpha_to_one": scheduler.final_alpha_one}
    return options


def main() -> None:
    """Write the files."""
    import msgspec

    chosen = [
        (one, steps) for one in schedulers() for steps in (1, 4)
        if one.prediction != "sample" and one.beta_schedule != "linear" and one.final_alpha_one and one.steps_offset == 0
        and (steps > 1 or not one.karras)
    ]  # fmt: skip
    rows = [
        {"scheduler": msgspec.to_builtins(one), "steps": steps, "factors": factors(one, steps)} for one, steps in chosen
    ]
    (DATA / "schedules.json").write_text(json.dumps(rows, separators=(",", ":")) + "\n")
    tokenizer = CLIPTokenizerFast(
        tokenizer_file=str(DATA / "tinydiffusers/tokenizer.json"), model_max_length=77, pad_token="<|endoftext|>"
    )
    found = {text: tokenizer(text, padding="max_length", truncation=True)["input_ids"] for text in TEXTS}
    (DATA / "clip_tokens.json").write_text(json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
