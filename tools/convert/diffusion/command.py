"""The verb `onnx`: its options, what it prints, and nothing else."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path

from edge.errors import RequestError
from edge.packs import NAME_PATTERN
from tools.convert.diffusion.order import FPS, Look, Order, look
from tools.convert.diffusion.texts import CALIBRATION
from tools.convert.room import default_threads
from tools.convert.steps import Steps
from tools.convert.target import check_target
from tools.convert.telling import name_of, say_on_stderr, tell_rows

SUMMARY = "a diffusers pipeline (text to image, or AnimateDiff) to a pack of INT8 ONNX parts"
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
MOST_STEPS = 100
EPILOG = """\
what happens
  Text encoder, UNet and decoder are opened one after the other. Each runs in torch on a few prompts, is exported, and
  put into INT8 by optimum: convolutions with the ranges that were seen, linears with those of the moment. It is then
  run as a board runs it and compared. The pack is a folder OUT/NAME with the parts, the tokenizer, manifest.yaml and a
  report (report.md, report.json). A run that was stopped goes on where it was: give the same command again.

what a board can bear
  Time and memory grow with the pixels, the frames and the steps. Distilled models (LCM, Lightning, Hyper, Turbo) need 1 to
  8 steps; others look unfinished with so few. A tiny VAE (--vae) decodes many times faster than the usual one.

examples
  python -m tools.convert onnx ~/LCM_Dreamshaper_v7 --out packs --size 384x384 --vae ~/taesd --dry-run
  python -m tools.convert onnx ~/animatediff-lcm --out packs --size 256x256 --frames 16 --steps 4
  python -m tools.convert onnx ~/sd15 --motion ~/motion-adapter --scheduler lcm --out packs --size 256x256
  edgereel models add packs/animatediff-lcm && edgereel generate "a red balloon" --pack animatediff-lcm
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.epilog = EPILOG
    parser.add_argument("pipeline", type=Path, metavar="FOLDER", help="model_index.json and the folders of its parts")
    parser.add_argument("--out", type=Path, default=Path("packs"), help="where the pack's folder goes (%(default)s)")
    parser.add_argument("--name", help="name of the pack (that of the folder)")
    parser.add_argument("--size", default="", metavar="WxH", help="pixels of a frame (what the UNet was made for)")
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="frames of a film (16)")
    parser.add_argument(
        "--fps", type=int, default=FPS, metavar="N", help="how many of them pass in a second (%(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, action="append", metavar="N",
        help="steps that a board may take, by mode; may be given again (lcm 2 and 4, euler 4 and 8, ddim 8)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", choices=("lcm", "euler", "ddim"), default="", help="in place of the folder's own"
    )
    parser.add_argument("--guidance", type=float, metavar="G", help="1 asks the UNet once a step (lcm 1, others 7.5)")
    parser.add_argument("--negative", default="", metavar="TEXT", help="what is not to be seen, with guidance above 1")
    parser.add_argument("--vae", type=Path, metavar="FOLDER", help="another VAE, such as a tiny one")
    parser.add_argument("--motion", type=Path, metavar="FOLDER", help="a motion adapter for a UNet that draws pictures")
    parser.add_argument("--title", default="", help="what the manifest calls the model (the folder's name)")
    parser.add_argument("--licence", default="", help="where the card does not say it, such as creativeml-openrail-m")
    parser.add_argument(
        "--calibrate", type=int, default=4, metavar="N", choices=range(1, len(CALIBRATION) + 1),
        help=f"prompts to look at ranges with, 1 to {len(CALIBRATION)} (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--keep-fp32", action="store_true", help="leave every layer as it is: a true source for `quantize`"
    )
    parser.add_argument("--threads", type=int, help="threads of every library (all)")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises EdgereelError."""
    width, height = _size(args.size)
    order = Order(
        folder=args.pipeline, out=args.out, name=args.name or name_of(args.pipeline) + ("-fp32" if args.keep_fp32 else ""), width=width, height=height,
        frames=args.frames, fps=args.fps, steps=tuple(args.steps or ()), guidance=args.guidance, negative=args.negative,
        scheduler=args.scheduler, title=args.title, licence=args.licence, vae=args.vae, motion=args.motion,
        calibrate=args.calibrate, keep_fp32=args.keep_fp32, threads=args.threads or default_threads(),
    )  # fmt: skip
    _check(order)
    steps = Steps(order.work, say=say_on_stderr())
    check_target(order.pack, made_by="pack", steps=steps)
    seen = look(order)
    _announce(order, seen)
    if args.dry_run:
        return 0
    from tools.convert.diffusion.convert import convert  # noqa: PLC0415 - torch and optimum

    _quiet(order.threads)
    made = convert(order, seen, steps=steps)
    report = json.loads((made / "report.json").read_text(encoding="utf-8"))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    worst = min(report["parts"].items(), key=lambda item: item[1]["parity"]["psnr_db"])
    print(f"{made}: {report['bytes'] / 1e6:.1f} MB, PSNR {worst[1]['parity']['psnr_db']:.1f} dB or more ({worst[0]}), "
          f"{report['board_mib']:.0f} MiB on a board")  # fmt: skip
    print(f'Try it with: edgereel models trust {made}/ && edgereel generate "a red balloon" --pack {made}')
    print(f"Put it on this board with: edgereel models add {made}")
    return 0


def _quiet(threads: int) -> None:
    """What these libraries say of themselves is nothing that a person could act on."""
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")  # else it speaks while it is imported
    import diffusers  # noqa: PLC0415 - seconds to import
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    torch.set_num_threads(threads)
    for library in (diffusers, transformers):
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()


def _check(order: Order) -> None:
    if not NAME_PATTERN.match(order.name):
        raise RequestError(f"{order.name!r} cannot be the name of a pack.", hint="Give another: --name my-model")
    if any(not 1 <= count <= MOST_STEPS for count in order.steps):
        raise RequestError(f"--steps {max(order.steps)}: 1 to {MOST_STEPS} steps are possible.", hint="Try --steps 4.")
    if not 1 <= order.fps <= 60:
        raise RequestError(f"--fps {order.fps}: 1 to 60 frames a second are possible.", hint="Try --fps 8.")


def _size(text: str) -> tuple[int, int]:
    match = SIZE.fullmatch(text) if text else None
    if text and not match:
        raise RequestError(f"--size {text[:40]!r} is no size.", hint="Give width and height in pixels: --size 384x256")
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _announce(order: Order, seen: Look) -> None:
    pipeline, shape, needs = seen.pipeline, seen.shape, seen.needs
    weights = sum(one.parameters for one in pipeline.components)
    drawn = f"{shape.frames} frames at {order.fps} fps" if shape.frames > 1 else "one picture"
    answers = "two answers" if seen.asks_twice else "one answer"
    asked = " and ".join(map(str, seen.steps))
    tell_rows([
        ("pipeline", f"{pipeline.kind}, {weights / 1e6:,.1f} million weights, licence {pipeline.licence}"),
        ("draws", f"{drawn} of {shape.width}x{shape.height} in {asked} steps, {pipeline.scheduler.kind}, {answers} a step"),
        *((part.replace("_", " "), f"about {size / 1e6:,.1f} MB") for part, size in needs.parts.items()),
        ("to", str(order.pack)),
        ("disk", f"{needs.disk / 1e6:,.0f} MB while it works"),
        ("memory", f"{needs.memory / 1e6:,.0f} MB at the most"),
        ("time", f"about {max(needs.seconds / 60, 1):,.0f} min with {order.threads} threads"),
        ("a board", f"about {needs.board / 1e6:,.0f} MB for a clip"),
    ])  # fmt: skip
