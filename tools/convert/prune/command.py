"""The verb `prune`: its options, what it prints, and nothing else."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge.errors import RequestError
from edge.packs import NAME_PATTERN
from tools.convert.prune.order import Look, Order, label, look
from tools.convert.room import default_threads
from tools.convert.steps import Steps
from tools.convert.target import check_target
from tools.convert.telling import name_of, say_on_stderr, tell_rows

SUMMARY = "a pack of edgereel's own generator to one with fewer channels, that is smaller and quicker"
EPILOG = """\
what happens
  The networks are read back from the pack into torch. Random scenes show how much each channel matters to what comes out;
  those that matter least for the work that they are go, whole blocks too, and the layer after them is fitted again. Then
  the network that it was teaches it what it said, scene after scene; nothing is rendered. Last comes what the trainer's
  own export does: INT8, parity, manifest. The pack is a folder OUT/NAME-pSHARE with a before/after table (report.md,
  report.json). A run that was stopped goes on where it was: give the same command again, with more --minutes if you like.

examples
  python -m tools.convert prune models/tinyreel --share 0.3 --dry-run
  python -m tools.convert prune models/tinyreel --share 0.3 --minutes 60 --judge 200
  python -m tools.convert prune models/tinyreel --share 0.2 --share 0.4 --share 0.6 --minutes 0     the curve, untuned
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.epilog = EPILOG
    parser.add_argument("pack", type=Path, metavar="PACK", help="a pack's folder, such as models/tinyreel")
    parser.add_argument(
        "--share", type=float, action="append", metavar="S",
        help="share of the denoiser's multiplications that goes; again for another pack (0.3)",
    )  # fmt: skip
    parser.add_argument(
        "--linear",
        type=float,
        default=0.0,
        metavar="S",
        help="share of the conditioner's hidden channels that goes (%(default)s)",
    )
    parser.add_argument("--minutes", type=float, default=60.0, metavar="N", help="tuning for each share (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("packs"), help="where the packs' folders go (%(default)s)")
    parser.add_argument("--name", help="what the packs' names begin with (that of the folder)")
    parser.add_argument("--scenes", type=int, default=48, metavar="N", help="scenes to choose by (%(default)s)")
    parser.add_argument("--calibrate", type=int, default=24, metavar="N", help="scenes for the ranges (%(default)s)")
    parser.add_argument(
        "--judge", type=int, default=0, metavar="N", help="clips that the judges see, before and after (none)"
    )
    parser.add_argument("--shards", type=Path, metavar="FOLDER", help="tune by the renderer: shards of a training run")
    parser.add_argument("--threads", type=int, help="threads of every library (all)")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises EdgereelError."""
    order = Order(
        folder=args.pack, out=args.out, name=args.name or name_of(args.pack), shares=tuple(sorted(set(args.share or (0.3,)))),
        linear=args.linear, minutes=args.minutes, scenes=args.scenes, calibrate=args.calibrate, clips=args.judge,
        shards=args.shards, threads=args.threads or default_threads(),
    )  # fmt: skip
    if not NAME_PATTERN.match(order.name):
        raise RequestError(f"{order.name!r} cannot be the name of a pack.", hint="Give another: --name my-model")
    steps = Steps(order.work, say=say_on_stderr())
    for share in order.shares:
        check_target(order.pack(share), made_by=f"pack {label(share)}", steps=steps)
    seen = look(order)
    _announce(order, seen)
    if args.dry_run:
        return 0
    import torch  # noqa: PLC0415 - seconds to import

    from tools.convert.prune.convert import prune  # noqa: PLC0415 - torch

    torch.set_num_threads(order.threads)
    made = prune(order, seen, steps=steps)
    reports = [json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in made.values()]
    if args.json:
        print(json.dumps(reports, ensure_ascii=False))
        return 0
    for folder, report in zip(made.values(), reports, strict=True):
        print(f"{folder}: {_said(report)}")
    print(f"Put one on this board with: edgereel models add {next(iter(made.values()))}")
    return 0


def _said(report: dict[str, Any]) -> str:
    before, after = report["before"], report["after"]
    said = [
        f"{after['gflop']:.2f} of {before['gflop']:.2f} GFLOP a slot",
        f"denoiser {report['slot_speed']:.2f}x as fast",
        f"frames {report['frames_db']:.1f} dB",
    ]
    if after["judged"]:
        one, two = (100 * side["judged"]["subject"] for side in (before, after))
        said.append(f"subjects {one:.1f} -> {two:.1f} %")
    return ", ".join(said)


def _announce(order: Order, seen: Look) -> None:
    manifest = seen.manifest
    sizes = sum(file.bytes for file in manifest.files.values())
    tell_rows([
        ("pack", f"{manifest.name} {manifest.version}, {sizes / 1e6:,.1f} MB, licence {manifest.licence}"),
        *(("prunes", f"{share:.0%} of the denoiser's multiplications, to {order.pack(share)}") for share in order.shares),
        *([("", f"{order.linear:.0%} of the conditioner's hidden channels")] if order.linear else []),
        ("tuned", f"{order.minutes:g} min each by {'rendered shards' if order.shards else 'the network that it was'}"),
        ("disk", f"{seen.disk / 1e6:,.0f} MB while it works"),
        ("memory", f"{seen.memory / 1e6:,.0f} MB at the most"),
        ("time", f"about {max(seen.seconds / 60, 1):,.0f} min with {order.threads} threads"),
    ])  # fmt: skip
