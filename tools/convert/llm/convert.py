"""The order of a conversion: look, prove, convert, compare, and only then let a pack be seen. Every step is done once."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from edge.manifest import MANIFEST, file_sha256
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.order import Look, Order
from tools.convert.llm.pack import read_head, write_manifest
from tools.convert.llm.report import write_report
from tools.convert.llm.work import Work
from tools.convert.soundness import HALF_MOST
from tools.convert.steps import Facts, Progress, Steps

Basis = tuple[object, ...]


def convert(order: Order, seen: Look, *, source: Source, steps: Steps) -> dict[str, Path]:
    """Make every pack that was asked for; returns their folders by type.

    Raises ModelError, ResourceError, EngineError or OutputError; what is finished then stays for the next run.
    """
    order.work.mkdir(parents=True, exist_ok=True)
    work = Work(order=order, seen=seen, source=source)
    inputs = steps.do("hash the checkpoint", lambda _: work.hashes(), of=work.stamps())
    basis: Basis = (*sorted(inputs.items()), source.sha256, order.pre, order.template)
    sound = steps.do("read every weight", work.sound, of=basis)
    tokens = steps.do("compare the tokens", lambda _: work.tokens(), of=basis)
    kind = "f16" if sound["largest"] <= HALF_MOST else "f32"
    exact = order.work / f"model-{kind}.gguf"
    steps.do(
        "to GGUF", lambda tell: work.to_gguf(exact, kind=kind, pre=tokens["pre"], tell=tell), of=basis, files=(exact,)
    )
    basis = (*basis, order.text and file_sha256(order.text), order.text_tokens)
    steps.do("run the checkpoint", work.reference, of=basis, files=(work.saved,))
    cache = read_head(exact, source=source)["kv_type"]
    same = steps.do(
        f"compare {kind.upper()}",
        lambda tell: work.parity(exact, kind=kind.upper(), cache=cache, tell=tell),
        of=basis,
    )
    facts = {"inputs": inputs, "sound": sound, "tokens": tokens, "exact": same, "cache": cache}
    for one in order.kinds:
        steps.do(
            f"pack {one}",
            partial(_pack, work=work, kind=one, exact=exact, facts=facts, basis=basis, steps=steps),
            of=(*basis, order.name, order.licence, order.title),
            files=(order.pack(one) / MANIFEST,),
        )
    shutil.rmtree(order.work)
    return {one: order.pack(one) for one in order.kinds}


def _pack(_tell: Progress, *, work: Work, kind: str, exact: Path, facts: Facts, basis: Basis, steps: Steps) -> Facts:
    """Quantise, compare, describe; the folder gets its name when all of it is there."""
    order, seen, source = work.order, work.seen, work.source
    target, making = order.pack(kind), order.work / order.pack(kind).name
    making.mkdir(exist_ok=True)
    model = making / f"{target.name}.gguf"
    steps.do(f"quantise to {kind}", lambda _: work.quantise(exact, model, kind), of=basis, files=(model,))
    groups = steps.do(f"errors of {kind}", lambda _: work.errors(exact, model), of=basis)
    same = steps.do(
        f"compare {kind}", lambda tell: work.parity(model, kind=kind, cache=facts["cache"], tell=tell), of=basis
    )
    manifest = write_manifest(
        making, model, name=target.name, title=order.title or order.folder.resolve().name, kind=kind,
        licence=seen.checkpoint.licence, chat=seen.speech.chat, source=source,
    )  # fmt: skip
    write_report(
        making, checkpoint=seen.checkpoint, speech=seen.speech, needs=seen.needs, manifest=manifest, kind=kind,
        facts={**facts, "groups": groups["rows"], "parity": same}, seconds=steps.seconds, source=source,
    )  # fmt: skip
    if target.exists():  # of an earlier run of the same work, or check_names had refused it
        shutil.rmtree(target)
    making.replace(target)
    return {}
