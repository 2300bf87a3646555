"""The manifest of a pack that was a diffusers pipeline: a text encoder, a UNet and a decoder, run after each other."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.part import Canvas, Part, WeightFile

PARTS = ("text_encoder", "unet", "decoder")


class Scheduler(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How noise becomes latents: the names and values are those of the scheduler of that `kind` in diffusers.

    `final_alpha_one` is its set_alpha_to_one; `original_steps` and `timestep_scaling` are of `lcm` alone.
    """

    kind: Literal["lcm", "euler", "ddim"]
    prediction: Literal["epsilon", "v_prediction", "sample"]
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"]
    beta_start: float
    beta_end: float
    train_steps: int = 1000
    spacing: Literal["leading", "trailing", "linspace"] = "leading"
    steps_offset: int = 0
    karras: bool = False
    final_alpha_one: bool = True
    original_steps: int = 50
    timestep_scaling: float = 10.0


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text encoder's tokenizer: a `file` as the tokenizers library writes it, and the frame around every text."""

    file: str
    length: int
    begin: int
    end: int
    pad: int


class DiffusersManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="diffusers"):
    """A pack that reads the prompt itself and draws `frames` frames at the canvas' rate, all of them together.

    It may be run with each number of `steps`. With a `guidance` above 1 every step asks the network twice, for the prompt
    and for `negative`. `memory_mib` is what a process takes that runs this part, libraries included, for the memory plan.
    """

    format: Literal[1]
    name: str
    version: str
    description: str
    licence: str
    source: str
    opset: int
    canvas: Canvas
    frames: int
    tokens: Tokens
    scheduler: Scheduler
    steps: list[int]
    guidance: float
    negative: str
    memory_mib: dict[str, float]
    parts: dict[str, Part]
    files: dict[str, WeightFile]

    @property
    def process_mib(self) -> float:
        """What generating takes, libraries included: one part is open at a time."""
        return max(self.memory_mib.values())

    @property
    def seconds(self) -> float:
        """How long its frames last when each is shown once; 0 for a single picture."""
        return self.frames / self.canvas.fps if self.frames > 1 else 0.0
