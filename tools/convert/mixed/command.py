"""The verb `quantize`: its options, what it prints, and nothing else."""

from __future__ import annotations

import argparse
import json
from math import inf, isfinite
from pathlib import Path

from edge.errors import RequestError
from edge.packs import NAME_PATTERN
from tools.convert.mixed.order import MB, Look, Order, look, read_types
from tools.convert.room import default_threads
from tools.convert.steps import Steps
from tools.convert.target import check_target
from tools.convert.telling import name_of, say_on_stderr, tell_rows

SUMMARY = "a pack, or ONNX files, to a smaller one: every layer is stored as what it bears best"
LEAST_DB = 30.0  # where nobody says what is wanted
EPILOG = """\
what happens
  The pack draws a few clips in fp32, and what each of its networks is given is written down. Then every layer is stored in
  every way, alone, and the error of what its network says is measured. From the layer that loses least for each byte on,
  they are stored so until the target is met. The result is run on other inputs as a board runs it, and compared.

types
  int8     static (convolutions and products with the ranges that were seen) and dynamic (with those of the moment): a
           quarter of the size, and faster
  q4       blocks of 32 weights of a matrix in 4 bits, multiplied as they are (MatMulNBits): a sixth of the size
  fp16     half of the size: made fp32 again when a session opens, so no memory is saved and no time
  fp8      a quarter of the size: E4M3 with a scale for each channel, else as fp16

sources
  A pack that was stored in INT8 has lost what it has lost. `python -m tools.convert onnx --keep-fp32` makes a pack in fp32.
  NAME.onnx wants NAME.npz beside it: an array for each input, its values of real runs along the first axis.

examples
  python -m tools.convert quantize packs/mine-fp32 --out packs --max-mb 700 --types int8,q4
  python -m tools.convert quantize models/tinyreel --out packs --min-psnr 40 --types int8,fp16,fp8,q4 --dry-run
  python -m tools.convert quantize encoder.onnx --out small --min-psnr 35
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.epilog = EPILOG
    parser.add_argument("source", type=Path, metavar="PACK", help="a pack's folder, an ONNX file, or a folder of them")
    parser.add_argument("--out", type=Path, default=Path("packs"), help="where the new folder goes (%(default)s)")
    parser.add_argument("--name", help="name of the pack (that of the source, with -mixed)")
    parser.add_argument(
        "--max-mb", type=float, default=inf, metavar="N", help="megabytes of the whole pack at the most"
    )
    parser.add_argument(
        "--min-psnr", type=float, metavar="DB", help=f"of every part at the least ({LEAST_DB:g}, without --max-mb)"
    )
    parser.add_argument("--types", default="int8,q4", metavar="A,B", help="what layers may become (%(default)s)")
    parser.add_argument("--parts", default="", metavar="A,B", help="only these networks (all)")
    parser.add_argument("--clips", type=int, default=6, metavar="N", help="clips to look at ranges with (%(default)s)")
    parser.add_argument("--groups", type=int, default=40, metavar="N", help="measure at most about N groups of layers of a network, each by itself (%(default)s)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="times that seconds are taken (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads of every library (all)")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises EdgereelError."""
    order = Order(
        path=args.source, out=args.out, name=args.name or f"{_name(args.source)}-mixed",
        types=read_types(args.types), parts=tuple(filter(None, args.parts.split(","))), most_mb=args.max_mb,
        least_db=_least_db(args), clips=args.clips, groups=args.groups, rounds=args.rounds,
        threads=args.threads or default_threads(),
    )  # fmt: skip
    _check(order)
    steps = Steps(order.work, say=say_on_stderr())
    check_target(order.pack, made_by="pack", steps=steps)
    seen = look(order)
    _announce(order, seen)
    if args.dry_run:
        return 0
    from tools.convert.mixed.convert import convert  # noqa: PLC0415 - the quantiser

    made = convert(order, seen, steps=steps)
    report = json.loads((made / "report.json").read_text(encoding="utf-8"))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    _tell(made, report)
    return 0


def _name(source: Path) -> str:
    return name_of(source.with_suffix("") if source.is_file() else source)


def _least_db(args: argparse.Namespace) -> float:
    if args.min_psnr is not None:
        return float(args.min_psnr)
    return -inf if isfinite(args.max_mb) else LEAST_DB


def _check(order: Order) -> None:
    if not NAME_PATTERN.match(order.name):
        raise RequestError(f"{order.name!r} cannot be the name of a pack.", hint="Give another: --name my-model")
    numbers = {"--clips": order.clips, "--groups": order.groups, "--rounds": order.rounds, "--max-mb": order.most_mb}
    for option, number in numbers.items():
        if not number > 0:
            raise RequestError(f"{option} {number:g} is nothing.", hint="Give a number above 0.")


def _announce(order: Order, seen: Look) -> None:
    wanted = [f"{order.most_mb:g} MB at the most" if isfinite(order.most_mb) else "",
              f"a PSNR of {order.least_db:g} dB at the least" if isfinite(order.least_db) else ""]  # fmt: skip
    tell_rows([
        ("source", f"{order.path}, {'a pack' if seen.source.manifest else 'ONNX files'}"),
        *((part, (f"{sum(one.weights.values()) / 1e6:,.2f} million weights, {one.now / MB:,.2f} MB now, {one.full / MB:,.2f} in "
                 f"fp32, about {one.least / MB:,.2f} at the least")) for part, one in seen.parts.items()),
        ("kept", f"{seen.kept / MB:,.2f} MB of other files"),
        ("wanted", f"{' and '.join(filter(None, wanted))}, of {', '.join(order.types)}"),
        ("at least", f"about {seen.least / MB:,.2f} MB"),
        ("to", str(order.pack)),
        ("disk", f"{seen.disk / MB:,.0f} MB while it works"),
        ("memory", f"{seen.memory / MB:,.0f} MB at the most"),
        ("time", f"about {max(seen.seconds / 60, 1):,.0f} min, {seen.candidates} ways to store a layer to measure"),
    ])  # fmt: skip


def _tell(made: Path, report: dict[str, object]) -> None:
    from tools.convert.mixed.report import table  # noqa: PLC0415

    print("\n".join(table(report)))
    print(f"{made}: {report['bytes'] / MB:.2f} MB; report.md has every layer.")  # type: ignore[operator]
    if (made / "manifest.yaml").is_file():
        print(f'Try it with: edgereel models trust {made}/ && edgereel generate "a red balloon" --pack {made}')
