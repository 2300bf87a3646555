"""A teacher's clips: a diffusers text-to-video pipeline draws one for every line of a file of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import EngineError
from edge.video.layout import FPS
from tools.convert.clips.clip import Clip
from tools.convert.clips.folder import language_of, on_canvas


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """How a pipeline's folder is asked: `frames` pictures of `width` x `height` that pass at `fps`, in `steps`."""

    folder: Path
    motion: Path | None
    width: int
    height: int
    frames: int
    fps: int
    steps: int
    guidance: float

    @property
    def seconds(self) -> float:
        """How long a clip of it is."""
        return self.frames / self.fps


@dataclass(frozen=True)
class TeacherSource:
    """One clip for each prompt, `height` pixels high, the same every time. `stated` are the slots of each prompt."""

    teacher: Teacher
    prompts: Sequence[str]
    stated: Sequence[dict[str, str]]
    height: int

    def __len__(self) -> int:
        return len(self.prompts)

    def clip(self, number: int) -> Clip:
        """Ask the teacher. Raises EngineError for frames that are no pictures."""
        import torch  # noqa: PLC0415 - seconds to import

        ask, prompt = self.teacher, self.prompts[number]
        made = self._pipeline(
            prompt, num_frames=ask.frames, width=ask.width, height=ask.height, num_inference_steps=ask.steps,
            guidance_scale=ask.guidance, generator=torch.Generator("cpu").manual_seed(number), output_type="np",
        ).frames[0]  # fmt: skip
        if not np.isfinite(made).all():
            raise EngineError(
                f"The teacher's clip for {prompt!r} holds values that are no numbers.",
                hint="Its weights may be damaged, or half precision too small for it.",
            )
        pictures = [on_canvas(np.rint(picture * 255).astype(np.uint8), self.height) for picture in made]
        shown = [min(int(at * ask.fps / FPS), len(pictures) - 1) for at in range(round(len(pictures) * FPS / ask.fps))]
        return Clip(
            video=np.stack([pictures[index] for index in shown]), caption=prompt, language=language_of(prompt),
            origin=f"{ask.folder.name}#{number}", stated=self.stated[number], seed=number,
        )  # fmt: skip

    @cached_property
    def _pipeline(self) -> Any:
        from diffusers import AnimateDiffPipeline, MotionAdapter  # noqa: PLC0415 - seconds to import

        from tools.convert.distil.spread import state  # noqa: PLC0415 - torch

        given = {"motion_adapter": MotionAdapter.from_pretrained(self.teacher.motion)} if self.teacher.motion else {}
        pipeline = AnimateDiffPipeline.from_pretrained(str(self.teacher.folder), local_files_only=True, **given)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to(state().device)
