"""One tuning run: its numbers, and the manifest of the pack that comes of it, read from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edge.manifest import LlmManifest, Sampling, Thinking, TunedSource, WeightFile

RECIPE = Path(__file__).with_name("tune.yaml")
DELTA = "delta.npz"
RUN = Path("runs/expander")
BASE = RUN / "base.gguf"


class PackRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the tuned pack is called, and where it differs from its `base`."""

    base: str
    name: str
    version: str
    description: str
    file: str
    quantised: Literal["q4_0", "q4_1", "q8_0"]
    think_hint: str
    thinking: Thinking
    sampling: Sampling
    glosses: bool


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every number of a run; `alpha / rank` is the scale of the change, `rate` the highest learning rate."""

    pack: PackRecipe
    seed: int
    rank: int
    alpha: float
    minutes: float
    glances: float
    batch: int
    rate: float
    warm_up_steps: int
    decay: float
    clip: float
    round_from: float
    round_every: int
    held_out: int
    check_minutes: float


def load_recipe(path: Path = RECIPE) -> Recipe:
    """Read a recipe; an unknown key is an error that names it."""
    return msgspec.yaml.decode(path.read_bytes(), type=Recipe)


def tuned_manifest(
    base: LlmManifest, recipe: PackRecipe, *, delta_sha256: str = "", weights: WeightFile | None = None
) -> LlmManifest:
    """The manifest of the tuned pack. Before there are weights it says only how the model is spoken to."""
    return msgspec.structs.replace(
        base,
        name=recipe.name,
        version=recipe.version,
        description=recipe.description,
        file=recipe.file,
        files={recipe.file: weights} if weights else {},
        source=TunedSource(base=base.name, delta=DELTA, delta_sha256=delta_sha256, quantised=recipe.quantised),
        prompt="short",
        template=msgspec.structs.replace(base.template, think_hint=recipe.think_hint),
        thinking=recipe.thinking,
        sampling=recipe.sampling,
        glosses=recipe.glosses,
    )
