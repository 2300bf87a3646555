"""The order of a conversion: look, prove, then part after part; only then is the pack seen. Every step is done once."""

from __future__ import annotations

import resource
import shutil
from functools import partial
from pathlib import Path

import msgspec

from edge.diffusers_manifest import PARTS, Tokens
from edge.manifest import MANIFEST
from tools.convert.diffusion.order import Look, Order
from tools.convert.diffusion.pack import write_manifest
from tools.convert.diffusion.report import write_report
from tools.convert.diffusion.tokens import FILE
from tools.convert.diffusion.work import Work
from tools.convert.steps import Facts, Progress, Steps

TITLE = "pack"


def convert(order: Order, seen: Look, *, steps: Steps) -> Path:
    """Make the pack that was asked for; returns its folder.

    Raises ModelError, ResourceError, EngineError or OutputError; what is finished then stays for the next run.
    """
    order.work.mkdir(parents=True, exist_ok=True)
    work = Work(order=order, seen=seen)
    inputs = steps.do("hash the pipeline", lambda _: work.hashes(), of=work.stamps())
    basis = (*sorted(inputs.items()), seen.shape, seen.pipeline.scheduler)
    steps.do("read every weight", work.sound, of=basis)
    made = steps.do("compare the tokens", lambda _: work.tokens(), of=basis, files=(work.making / FILE,))
    tokens = msgspec.convert(made, Tokens)
    basis = (*basis, seen.steps, seen.guidance, order.negative, order.calibrate, order.keep_fp32)
    facts = {"inputs": inputs, "parts": {part: _part(work, part, tokens, basis, steps) for part in PARTS}}
    write_manifest(work.making, order, seen, tokens=tokens)
    for part in PARTS:
        found = steps.do(f"measure {part}", lambda _, part=part: work.measure(part), of=basis)  # type: ignore[misc]
        facts["parts"][part]["board_mib"] = found["mib"]
    steps.do(
        TITLE,
        partial(_finish, work=work, tokens=tokens, facts=facts, steps=steps),
        of=(*basis, order.name, order.title, order.fps, seen.pipeline.licence),
        files=(order.pack / MANIFEST,),
    )
    shutil.rmtree(order.work)
    return order.pack


def _part(work: Work, part: str, tokens: Tokens, basis: tuple[object, ...], steps: Steps) -> Facts:
    """One part, from torch to INT8, compared; the files of the way are gone at the end."""
    result = tuple(work.making / f"{part}.{kind}" for kind in ("onnx", "data"))
    if all(path.is_file() for path in result) and steps.has(f"compare {part}"):
        between: tuple[Path, ...] = (work.answers(part),)  # what was exported is gone, and not needed
    else:
        between = (work.answers(part), work.exported)
    run = steps.do(
        f"run and export {part}", lambda tell: work.run(part, tokens=tokens, tell=tell), of=basis, files=between
    )
    layers = steps.do(f"quantise {part}", lambda _: work.quantise(part, run["ranges"]), of=basis, files=result)
    same = steps.do(f"compare {part}", lambda _: work.compare(part), of=basis)
    return {"layers": layers, "parity": same, "bytes": sum(path.stat().st_size for path in result)}


def _finish(_tell: Progress, *, work: Work, tokens: Tokens, facts: Facts, steps: Steps) -> Facts:
    """Describe it all; the folder gets its name when all of it is there."""
    order, seen = work.order, work.seen
    memory = {part: facts["parts"][part]["board_mib"] for part in PARTS}
    manifest = write_manifest(work.making, order, seen, tokens=tokens, memory_mib=memory)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    write_report(
        work.making, seen=seen, manifest=manifest, facts={**facts, "peak_mib": peak}, seconds=steps.seconds,
        keep_fp32=order.keep_fp32,
    )  # fmt: skip
    if order.pack.exists():  # of an earlier run of the same work, or check_target had refused it
        shutil.rmtree(order.pack)
    work.making.replace(order.pack)
    return {}
