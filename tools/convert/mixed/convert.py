"""The order of a quantisation: look, weigh every layer, choose, store, compare; only then is the pack seen. Every step is done once."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from edge.errors import ModelError
from tools.convert.mixed.compare import check_twin
from tools.convert.mixed.feeds import USES
from tools.convert.mixed.layers import FULL, KINDS
from tools.convert.mixed.order import Look, Order
from tools.convert.mixed.pack import finish
from tools.convert.mixed.report import REPORT, write_report
from tools.convert.mixed.settle import curve, settle
from tools.convert.mixed.work import Work
from tools.convert.quantize import Ranges
from tools.convert.steps import Facts, Progress, Steps
from tools.convert.target import drop_work

TITLE = "pack"
SOURCE, MIXED = "as it is", "mixed"
Basis = tuple[object, ...]


def convert(order: Order, seen: Look, *, steps: Steps) -> Path:
    """Make what was asked for; returns its folder.

    Raises ModelError, ResourceError, EngineError or OutputError; what is finished then stays for the next run.
    """
    order.work.mkdir(parents=True, exist_ok=True)
    work = Work(order=order, seen=seen)
    inputs = steps.do("hash the source", lambda _: work.hashes(), of=work.stamps())
    basis: Basis = (*sorted(inputs.items()), order.parts, order.clips)
    twins = _twins(work, basis, steps)
    feeds = tuple(work.feeds(part, use) for part in seen.parts for use in USES)
    steps.do("see what it is given", work.look_on, of=basis, files=feeds)
    was = steps.do("compare what it is", lambda _: _point(work, seen.source.folder, {}), of=basis)
    for part, found in was["parts"].items():
        check_twin(part, found["psnr_db"], exact=not twins[part]["undone"])
    ranges = {part: steps.do(f"look at {part}", partial(work.ranges, part), of=basis) for part in seen.parts}
    basis = (*basis, order.groups, order.types)
    weighed = {
        part: steps.do(f"weigh {part}", partial(work.weigh, part, ranges[part], of=basis), of=basis)
        for part in seen.parts
    }
    points = _points(work, was, weighed, ranges, basis=basis, steps=steps)
    facts = {
        "inputs": inputs, "undone": {part: found["undone"] for part, found in twins.items()}, "points": points,
        "weighed": weighed, "curve": curve(weighed, kept=seen.kept),
    }  # fmt: skip
    steps.do(
        TITLE, partial(_finish, work=work, facts=facts, steps=steps), of=(*basis, order.name, order.most_mb, order.least_db),
        files=(order.pack / REPORT,),
    )  # fmt: skip
    shutil.rmtree(order.work)
    return order.pack


def _twins(work: Work, basis: Basis, steps: Steps) -> dict[str, Facts]:
    """Every network that changes, in fp32. Weights that are no numbers end the whole work: nothing of it is left."""
    twins = dict(zip(work.seen.parts, work.networks(work.twins), strict=True))
    try:
        return {
            part: steps.do(f"{part} in fp32", partial(work.twin, part), of=basis, files=(path,))
            for part, path in twins.items()
        }
    except ModelError:
        drop_work(work.order.work)
        raise


def _points(
    work: Work, was: Facts, weighed: dict[str, Facts], ranges: dict[str, Ranges], *, basis: Basis, steps: Steps
) -> dict[str, Facts]:  # fmt: skip
    """Every way to store the whole, what it is like and what it costs; the last one is what was chosen."""
    order, folders = work.order, {SOURCE: work.seen.source.folder}
    points = {SOURCE: was}
    for kind in (FULL, *order.types):
        folders[kind] = work.point(kind)
        points[kind] = steps.do(
            f"all in {kind}", partial(_all_in, work=work, kind=kind, ranges=ranges), of=basis, files=work.networks(folders[kind])
        )  # fmt: skip
    folders[MIXED] = work.making
    basis = (*basis, order.most_mb, order.least_db)
    points[MIXED] = steps.do(
        "choose", lambda _: _mixed(work, weighed, ranges), of=basis, files=work.networks(work.making)
    )
    costs = steps.do("time and memory", partial(work.costs, folders), of=(*basis, order.rounds))
    for point, facts in points.items():
        for part, cost in costs[point].items():
            facts["parts"][part] |= cost
        held = [one["mib"] for one in costs[point].values()]
        facts["mib"] = sum(held) if work.together else max(held)
    return points


def _all_in(_tell: Progress, *, work: Work, kind: str, ranges: dict[str, Ranges]) -> Facts:
    """Every layer of every network stored as one kind, where its operator allows it."""
    folder, parts = work.point(kind), {}
    for part in work.seen.parts:
        able = {group.name: kind for group in work.groups(part) if kind in KINDS[group.operator]}
        parts[part] = work.store(folder, part, able, ranges[part])
    return _point(work, folder, parts)


def _mixed(work: Work, weighed: dict[str, Facts], ranges: dict[str, Ranges]) -> Facts:
    made = settle(
        weighed, lambda part, kinds: work.store(work.making, part, kinds, ranges[part]), kept=work.seen.kept,
        most_mb=work.order.most_mb, least_db=work.order.least_db,
    )  # fmt: skip
    return _point(work, work.making, made)


def _point(work: Work, folder: Path, parts: dict[str, Facts]) -> Facts:
    """What a folder of networks is like; of the source itself nothing is known yet."""
    source = work.seen.source
    if not parts:
        parts = {part: {"bytes": source.bytes(part), **work.likeness(folder, part)} for part in work.seen.parts}
    else:
        work.link(folder)
    return {
        "parts": parts,
        "clip_db": work.clip_db(folder),
        "bytes": work.seen.kept + sum(one["bytes"] for one in parts.values()),
    }


def _finish(_tell: Progress, *, work: Work, facts: Facts, steps: Steps) -> Facts:
    """Describe it all; the folder gets its name when all of it is there."""
    order = work.order
    costlier = facts["points"][MIXED]["mib"] - facts["points"][SOURCE]["mib"]
    manifest = finish(work, costlier_mib=costlier) if work.seen.source.manifest else None
    write_report(work.making, order=order, seen=work.seen, manifest=manifest, facts=facts, seconds=steps.seconds)
    if order.pack.exists():  # of an earlier run of the same work, or check_target had refused it
        shutil.rmtree(order.pack)
    work.making.replace(order.pack)
    return {}
