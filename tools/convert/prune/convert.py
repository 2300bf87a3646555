"""The order of a pruning: read, look, then for each share cut, tune, export and compare; only then is a pack seen."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from edge.manifest import MANIFEST
from tools.convert.prune.order import Look, Order, label
from tools.convert.prune.report import write_report
from tools.convert.prune.work import Work
from tools.convert.steps import Facts, Progress, Steps

Basis = tuple[object, ...]


def title(share: float) -> str:
    """The step that makes a pack."""
    return f"pack {label(share)}"


def prune(order: Order, seen: Look, *, steps: Steps) -> dict[float, Path]:
    """Make a pack for every share; returns their folders.

    Raises ModelError, RequestError, ResourceError, EngineError or OutputError; what is finished then stays for the next run.
    """
    work = Work(order=order, seen=seen)
    work.check()
    order.work.mkdir(parents=True, exist_ok=True)
    inputs = {name: file.sha256 for name, file in seen.manifest.files.items()}
    basis: Basis = (*sorted(inputs.items()),)
    before = steps.do("read the networks back", lambda _: work.read(), of=basis)
    basis = (*basis, order.scenes)
    steps.do("look at scenes", work.observe, of=basis, files=(work.moments,))
    facts: Facts = {"inputs": inputs, "before": before, "judged": _judged(work, order.folder, "the pack", basis, steps)}
    for share in order.shares:
        steps.do(
            title(share),
            partial(_pack, work=work, share=share, facts=facts, basis=basis, steps=steps),
            of=(*basis, order.name, share, order.linear, order.minutes, order.clips),
            files=(order.pack(share) / MANIFEST,),
        )
    shutil.rmtree(order.work)
    return {share: order.pack(share) for share in order.shares}


def _pack(_tell: Progress, *, work: Work, share: float, facts: Facts, basis: Basis, steps: Steps) -> Facts:
    """Cut, tune, export, compare, describe; the folder gets its name when all of it is there."""
    order, name = work.order, label(share)
    target, making = order.pack(share), work.making(share)
    basis = (*basis, share, order.linear)
    start, tuned = work.start(share), work.tuned(share)
    cut = steps.do(f"cut {name}", lambda _: work.cut(share), of=basis, files=(start,))
    basis = (*basis, order.minutes, order.shards)
    tuning = steps.do(f"tune {name}", lambda tell: work.tune(share, tell), of=basis, files=(tuned,))
    basis = (*basis, order.calibrate)
    parity = steps.do(f"export {name}", lambda _: work.export(share), of=basis, files=(making / MANIFEST,))
    same = steps.do(f"compare {name}", lambda tell: work.compare(share, tell), of=basis)
    judged = _judged(work, making, name, basis, steps)
    made = {**facts, "share": share, "cut": cut, "tuning": tuning, "parity": parity, "compared": same, "after": judged}
    write_report(making, order=order, manifest=work.seen.manifest, facts=made, seconds=steps.seconds)
    if target.exists():  # of an earlier run of the same work, or check_target had refused it
        shutil.rmtree(target)
    making.replace(target)
    return {}


def _judged(work: Work, folder: Path, name: str, basis: Basis, steps: Steps) -> Facts:
    """What the judges see, if they are asked."""
    clips = work.order.clips
    return steps.do(f"judge {name}", lambda tell: work.judge(folder, tell), of=(*basis, clips)) if clips else {}
