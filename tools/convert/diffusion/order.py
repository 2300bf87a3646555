"""What is asked of a conversion, and all that is known of it before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import RequestError
from edge.memory import available_mib
from tools.convert.diffusion.estimate import Estimate, estimate
from tools.convert.diffusion.folder import Pipeline, read_pipeline
from tools.convert.diffusion.networks import Shape, enlargement
from tools.convert.room import free_bytes, need_disk, need_memory
from tools.convert.target import OnePack

MIB = 1 << 20
FRAMES, FPS = 16, 8  # of a film
STEPS = {"lcm": (2, 4), "euler": (4, 8), "ddim": (8,)}  # where nobody says how many
GUIDANCE = {"lcm": 1.0, "euler": 7.5, "ddim": 7.5}
DISTILLED_GUIDANCE = 8.0  # of a UNet that is told how far to go


@dataclass(frozen=True, kw_only=True)
class Order(OnePack):
    """What is asked for; what is 0 or empty is chosen. The pack goes to `out`/`name`; the work lies beside it till then."""

    folder: Path
    width: int = 0
    height: int = 0
    frames: int = 0
    fps: int = FPS
    steps: Sequence[int] = ()
    guidance: float | None = None
    negative: str = ""
    scheduler: str = ""
    title: str = ""
    licence: str = ""
    vae: Path | None = None
    motion: Path | None = None
    calibrate: int = 4
    keep_fp32: bool = False
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Look:
    """The pipeline, what will be drawn with it and how, and what its conversion takes."""

    pipeline: Pipeline
    shape: Shape
    steps: tuple[int, ...]
    guidance: float
    needs: Estimate

    @property
    def asks_twice(self) -> bool:
        """Whether each step also asks for what is not to be seen; a distilled UNet has that built in."""
        return self.guidance > 1


def look(order: Order, *, root: Path = Path("/")) -> Look:
    """Read what is small and say what it takes. Raises ModelError, RequestError or ResourceError: nothing is written."""
    pipeline = read_pipeline(
        order.folder, licence=order.licence, scheduler=order.scheduler, vae=order.vae, motion=order.motion
    )
    kind = pipeline.scheduler.kind
    distilled = pipeline.unet.config.get("time_cond_proj_dim") is not None
    wanted = GUIDANCE[kind] if order.guidance is None else order.guidance
    inside = (DISTILLED_GUIDANCE if order.guidance is None else order.guidance) if distilled else 1.0
    shape = _shape(order, pipeline, guidance=inside)
    guidance = 1.0 if distilled else wanted
    steps = tuple(sorted(set(order.steps or STEPS[kind])))
    memory = int(available_mib(root) * MIB)
    needs = estimate(
        pipeline,
        shape,
        prompts=order.calibrate + 1,
        runs=max(steps) * (2 if guidance > 1 else 1),
        threads=order.threads,
        keep_fp32=order.keep_fp32,
    )
    _check_room(needs, order, memory_free=memory)
    return Look(pipeline=pipeline, shape=shape, steps=steps, guidance=guidance, needs=needs)


def _shape(order: Order, pipeline: Pipeline, *, guidance: float) -> Shape:
    down = enlargement(pipeline.vae)
    usual = int(pipeline.unet.config.get("sample_size") or 64) * down
    width, height = order.width or usual, order.height or usual
    most = int(_motion(pipeline).get("motion_max_seq_length", FRAMES)) if pipeline.moves else 1
    frames = order.frames or min(FRAMES, most)
    if not 1 <= frames <= most:
        said = "draws single pictures" if most == 1 else f"was made for at most {most} frames"
        raise RequestError(f"--frames {frames}: this pipeline {said}.", hint=f"Use 1 to {most}.")
    unit = down * 2 ** (len(pipeline.unet.config.get("block_out_channels", [1] * 4)) - 1)
    if width % unit or height % unit or min(width, height) < unit:
        raise RequestError(
            f"--size {width}x{height}: this pipeline draws in steps of {unit} pixels.",
            hint=f"Use multiples of {unit}, such as {-(-width // unit) * unit}x{-(-height // unit) * unit}.",
        )
    tokens = int(pipeline.text_encoder.config.get("max_position_embeddings", 77))
    return Shape(width=width, height=height, frames=frames, tokens=tokens, guidance=guidance)


def _motion(pipeline: Pipeline) -> dict[str, object]:
    return (pipeline.motion or pipeline.unet).config


def _check_room(needs: Estimate, order: Order, *, memory_free: int) -> None:
    held = sum(path.stat().st_size for path in order.work.rglob("*") if path.is_file())  # of a run that is gone on with
    need_disk(
        needs.disk, free=free_bytes(order.out) + held, where=str(order.out),
        why="the largest part in fp32 twice, beside the result",
        hint="Free some space, or give --out on a larger disk.",
    )  # fmt: skip
    need_memory(
        needs.memory, free=memory_free, why="most of it to quantise the largest part",
        hint="Close other programs, use a machine with more memory, or a smaller --size.",
    )  # fmt: skip
