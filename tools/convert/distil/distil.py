"""The order of a distillation: clips, what is seen in them, textures, autoencoder, generator; only then is the pack seen."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.manifest import MANIFEST
from tools.convert.distil.order import Look, Order
from tools.convert.distil.report import write_report
from tools.convert.distil.spread import state
from tools.convert.distil.work import Work
from tools.convert.distil.world import FILE, OwnWorld
from tools.convert.latents import components, data, train
from tools.convert.latents import export as decoder_export
from tools.convert.steps import Facts, Progress, Say, Steps
from tools.convert.tinyvideo import bake, export, shards, student_phase
from tools.convert.tinyvideo.config import Config

TITLE = "pack"


def distil(order: Order, seen: Look, *, say: Say, world_only: bool = False) -> Path | None:
    """Make the pack that was asked for; returns its folder, or None in a process that only helped to make clips.

    Raises RequestError, ModelError, ResourceError or EngineError; what is finished then stays for the next run.
    """
    work = Work(order=order, seen=seen)
    here = state()
    if here.is_main_process:
        work.begin()
    here.wait_for_everyone()
    shared = (
        ("gather the clips", work.missing_clips, work.gather), ("look at the clips", work.missing_sights, work.look),
    )  # fmt: skip
    if not here.is_main_process:
        for _, _, help_with in shared:
            help_with(lambda _: None)
        return None
    steps = Steps(order.work, say=say)
    for title, missing, do in shared:
        steps.do(title, do, of=(len(missing()), time.time_ns()))  # never skipped: others may be at it
    facts = steps.do("settle the world", lambda _: work.world(), files=(order.work / FILE,))
    if world_only:
        return order.work
    config, world = work.config(facts["clips"]), OwnWorld(order.work)
    _learn(order.work, config, world, steps)
    steps.do(
        TITLE, partial(_finish, work=work, config=config, facts=facts, steps=steps), of=(config, order.name),
        files=(order.pack / MANIFEST,),
    )  # fmt: skip
    shutil.rmtree(order.work)
    return order.pack


def _learn(run: Path, config: Config, world: OwnWorld, steps: Steps) -> None:
    """The phases of tools/convert/latents and tools/convert/tinyvideo; each goes on from where it was by itself."""
    ae = config.autoencoder
    pack = run / ae.name
    phases: list[tuple[str, Callable[[], None], Path]] = [
        ("bake the textures", lambda: bake.bake(config, run, world=world), run / "textures.npz"),
        ("cut crops", lambda: data.write_crops(ae, run, world=world), run / "crops" / "0000.npy"),
        ("find the components", lambda: components.encoder(ae, run), run / "encoder.npz"),
        ("train the decoder", lambda: train.decoder(ae, run, world=world), run / "decoder.pt"),
        ("export the decoder", lambda: decoder_export.export(ae, run, world=world), run / "parts" / "parity.json"),
        (
            "write shards",
            lambda: shards.write_shards(config, run, run, world=world),
            run / "shards" / "0000.latents.npy",
        ),
        ("train the generator", lambda: student_phase.student(config, run, run, world=world), run / "student.pt"),
        ("export the generator", lambda: export.export(config, run, run, pack, world=world), pack / MANIFEST),
    ]
    for title, phase, file in phases:
        steps.do(title, lambda _, phase=phase: phase() or {}, of=(config,), files=(file,))  # type: ignore[misc]


def _finish(_tell: Progress, *, work: Work, config: Config, facts: Facts, steps: Steps) -> Facts:
    """Describe it all; the folder gets its name when all of it is there."""
    order = work.order
    making = order.work / config.autoencoder.name
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    write_report(making, work=work, facts={**facts, "peak_mib": peak}, seconds=steps.seconds)
    if order.pack.exists():  # of an earlier run of the same work, or check_target had refused it
        shutil.rmtree(order.pack)
    making.replace(order.pack)
    return {}
