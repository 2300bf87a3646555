"""The scheduler of a pipeline folder, as the manifest names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from edge.diffusers_manifest import Scheduler
from edge.errors import ModelError

CLASSES = {"LCMScheduler": "lcm", "EulerDiscreteScheduler": "euler", "DDIMScheduler": "ddim"}
SPACINGS = {"lcm": "leading", "euler": "linspace", "ddim": "leading"}  # of each class, where its config says none
HINT = "Say which to use: --scheduler lcm, euler or ddim."


def read_scheduler(folder: Path, *, wanted: str = "") -> Scheduler:
    """The scheduler of a folder, or the `wanted` kind with that one's noise. Raises ModelError for what cannot be done."""
    path = folder / "scheduler_config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelError(
            f"{path} cannot be read: {exc}. Nothing was written.", hint="Fetch the pipeline again."
        ) from exc
    own = str(config.get("_class_name", ""))
    kind = wanted or CLASSES.get(own, "")
    if not kind:
        raise ModelError(f"{path}: {own} is not known here. Nothing was written.", hint=HINT)
    _check(config, kind, own=CLASSES.get(own) == kind, path=path)
    try:
        return msgspec.convert(
            {
                "kind": kind, "prediction": config.get("prediction_type", "epsilon"),
                "beta_schedule": config.get("beta_schedule", "linear"), "beta_start": config.get("beta_start", 0.0001),
                "beta_end": config.get("beta_end", 0.02), "train_steps": config.get("num_train_timesteps", 1000),
                "spacing": config.get("timestep_spacing", SPACINGS[kind]), "steps_offset": config.get("steps_offset", 0),
                "karras": bool(config.get("use_karras_sigmas")), "final_alpha_one": config.get("set_alpha_to_one", True),
                "original_steps": config.get("original_inference_steps", 50),
                "timestep_scaling": config.get("timestep_scaling", 10.0),
            },
            Scheduler,
        )  # fmt: skip
    except msgspec.ValidationError as exc:
        raise ModelError(f"{path}: {exc}. Nothing was written.", hint=HINT) from exc


def _check(config: dict[str, Any], kind: str, *, own: bool, path: Path) -> None:
    """What a board does not do between two steps; diffusers' DDIM clips unless it is told not to."""
    clips = config.get("clip_sample", own and kind == "ddim")
    names = ("thresholding", "rescale_betas_zero_snr", "use_exponential_sigmas", "use_beta_sigmas", "trained_betas")
    wrong = [name for name in names if config.get(name)] + (["clip_sample"] if clips and kind != "euler" else [])
    wrong += ["final_sigmas_type"] if config.get("final_sigmas_type", "zero") != "zero" else []
    wrong += ["interpolation_type"] if config.get("interpolation_type", "linear") != "linear" else []
    wrong += ["timestep_type"] if config.get("timestep_type", "discrete") != "discrete" else []
    if wrong:
        raise ModelError(
            f"{path} asks for {', '.join(wrong)}, which a board does not do. Nothing was written.",
            hint=f"Where the model does without, set it to false in that file. {HINT}",
        )
