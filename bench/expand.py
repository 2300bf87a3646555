"""How well prompts are expanded: the lexicon alone, and a language model without and with thinking.

    python -m bench.expand                                  # the model of the settings, all held-out requests
    python -m bench.expand --limit 20 --answers             # 20 English and 20 Chinese ones, and what came of them
    python -m bench.expand --gguf runs/x.gguf --json        # a file that is no pack yet, with the template of --llm
    python -m bench.expand --pack runs/expander/pack        # a pack that lies in this folder, weights and all
    python -m bench.expand --hostile --mode no_think        # 1,000 requests that nobody hopes for: are the plans whole?

Requests are those of tools/convert/expander that no model is trained on, expanded by edge.expand as on a board. Columns:
said kept (slots named outright that every shot keeps), subject and others meant (first shot's values that please),
whole (valid, not empty, and thought where it should), pairs coherent (shots that may follow each other).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import EdgereelError
from edge.expand import Expander, open_expander
from edge.manifest import LlmManifest, WeightFile, file_sha256, load_manifest
from edge.mode import Mode
from edge.models import Models, models_of, pack_roots
from edge.packs import Pack, find_llm_pack
from edge.plan import Plan
from edge.settings import load_settings
from edge.stop import Stop
from edge.trust import Trust
from tools.convert.expander.book import LANGUAGES
from tools.convert.expander.cases import Case, cases
from tools.convert.expander.hostile import ANY, hostile
from tools.convert.expander.judge import Verdict, judge, summary

MODES = {"lexicon": Mode.DIRECT, "no_think": Mode.NO_THINK, "think": Mode.THINK}
NAMES = {"en": "English", "zh": "Chinese", ANY: "any"}
HOSTILE = "hostile"
SEED = 1


def main() -> None:
    """Measure and print."""
    args = _arguments()
    try:
        models = chosen_models(llm=args.llm, pack=args.pack, gguf=args.gguf, threads=args.threads)
        languages = (ANY,) if args.set_name == HOSTILE else LANGUAGES
        report = [_row(name, language, args, models) for name in args.mode for language in languages]
    except (EdgereelError, OSError) as exc:
        sys.exit(str(exc))
    if args.json:
        print(
            json.dumps({"model": models.llm.manifest.name if models.llm else "", "set": args.set_name, "rows": report})
        )
    else:
        _print(report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", default="", metavar="NAME", help="the pack (default: that of the settings)")
    parser.add_argument("--gguf", type=Path, metavar="FILE", help="take the weights from this file instead")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="take the pack in this folder instead")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--limit", type=int, metavar="N", help="so many requests of each language at most")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--held-out", dest="set_name", action="store_const", const="held out", default="held out",
                       help="what no model is trained on (the default)")  # fmt: skip
    which.add_argument("--hostile", dest="set_name", action="store_const", const=HOSTILE, help="what nobody hopes for")
    which.add_argument("--trained", dest="set_name", action="store_const", const="trained", help="what is trained on")
    parser.add_argument("--threads", type=int, metavar="N", help="fixed (default: as many cores as are free)")
    parser.add_argument("--answers", action="store_true", help="print each plan")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def chosen_models(
    *, llm: str = "", pack: Path | None = None, gguf: Path | None = None, threads: int | None = None
) -> Models:  # fmt: skip
    """The models of the settings with another language model: by name, in a folder, or a file that is no pack yet."""
    overrides = [f"engine.threads={threads}"] if threads else []
    settings = load_settings(None, overrides=overrides, env=os.environ)
    models = models_of(settings)
    chosen = find_llm_pack(llm, roots=pack_roots(settings)) if llm else models.llm
    if pack:
        manifest = load_manifest(pack)
        if not isinstance(manifest, LlmManifest):
            sys.exit(f"{pack} holds no language model.")
        chosen = Pack(pack.resolve(), manifest, trust=Trust.GIVEN)
    if gguf:
        chosen = _pack_of(gguf, chosen or find_llm_pack("smollm2-135m", roots=pack_roots(settings)))
    return replace(models, llm=chosen)


def _pack_of(path: Path, like: Pack[LlmManifest]) -> Pack[LlmManifest]:
    """A GGUF file as a pack with the manifest of another one."""
    entry = WeightFile(sha256=file_sha256(path), bytes=path.stat().st_size)
    manifest = msgspec.structs.replace(like.manifest, name=path.stem, file=path.name, files={path.name: entry})
    return Pack(path.resolve().parent, manifest, trust=Trust.GIVEN)


def _row(name: str, language: str, args: argparse.Namespace, models: Models) -> dict[str, Any]:
    verdicts = []
    for case, plan, verdict in _run(name, language, args, models):
        verdicts.append(verdict)
        if args.answers:
            _show(name, case, plan, verdict)
    return {"expander": name, "language": language, **summary(verdicts)}


def _run(
    name: str, language: str, args: argparse.Namespace, models: Models
) -> Iterator[tuple[Case, Plan, Verdict]]:  # fmt: skip
    mode = MODES[name]
    listed = _cases(args.set_name, language=language, limit=args.limit)
    with open_expander(
        mode, video=models.video.manifest, llm=models.llm, threads=models.threads, cores=models.cores,
        small_board=True, cache=models.cache, stop=Stop(),
    ) as expander:  # fmt: skip
        if mode.row.language_model:
            expander.expand("warm up", seconds=None, seed=SEED)  # the constant prompt is read once and kept
        for case in listed:
            plan, tokens, seconds = _timed(expander, case.request)
            yield case, plan, judge(
                case, plan, vocabulary=models.video.manifest.vocabulary, thinks=mode is Mode.THINK, tokens=tokens,
                seconds=seconds,
            )  # fmt: skip


def _cases(name: str, *, language: str, limit: int | None) -> list[Case]:
    if name == HOSTILE:
        return hostile()[:limit]
    return cases(held_out=name == "held out", language=language, limit=limit)


def _timed(expander: Expander, request: str) -> tuple[Plan, float, float]:
    before, began = expander.usage.get("tokens", 0.0), time.monotonic()
    plan = expander.expand(request, seconds=None, seed=SEED)
    return plan, expander.usage.get("tokens", 0.0) - before, time.monotonic() - began


def _show(name: str, case: Case, plan: Plan, verdict: Verdict) -> None:
    marks = f"said {verdict.kept} subject {verdict.subject} others {verdict.others} pairs {verdict.pairs}"
    print(f"\n{name}: {case.request!r} ({case.name})  {marks}", file=sys.stderr)
    if plan.reasoning:
        print(f"  thought: {plan.reasoning}", file=sys.stderr)
    for shot in plan.shots:
        print("  " + ", ".join(shot.slots.values()), file=sys.stderr)


def _print(report: list[dict[str, Any]]) -> None:
    shares = ("said kept", "subject meant", "others meant", "whole", "pairs coherent")
    counts = ("requests", "shots", "tokens", "seconds")
    heads = ["expander", "language", "requests", *shares, *counts[1:]]
    rows = [
        [row["expander"], NAMES[row["language"]], f"{row['requests']}",
         *("-" if row[name] is None else f"{row[name]:.1%}" for name in shares), *(f"{row[name]:g}" for name in counts[1:])]
        for row in report
    ]  # fmt: skip
    widths = [max(len(line[index]) for line in [heads, *rows]) for index in range(len(heads))]
    for line in [heads, *rows]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
