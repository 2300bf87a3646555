"""The verb `distil`: its options, what it prints, and nothing else."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from edge.errors import RequestError
from edge.packs import NAME_PATTERN
from tools.convert.clips.clip import ClipError
from tools.convert.clips.folder import captions_of
from tools.convert.distil.order import BASE_MIB, Look, Order, look, read_prompts
from tools.convert.distil.propose import propose
from tools.convert.distil.teacher import Teacher
from tools.convert.distil.vocabulary import OWN
from tools.convert.room import default_threads
from tools.convert.steps import Steps
from tools.convert.target import check_target
from tools.convert.telling import name_of, say_on_stderr, tell_rows

SUMMARY = "captioned videos, or a diffusers video pipeline, to a pack that draws their world"
SMALLEST = Path(__file__).with_name("own.yaml")
EPILOG = """\
what happens
  Captions are read by the board's own lexicon with your vocabulary. Every clip is looked at: how its camera moves, where
  its subject is, what the scenery looks like without it. From that come pictures of every place and subject, the
  components that frames are made of, a decoder and a generator, and at last a pack OUT/NAME with your vocabulary in its
  manifest and a report (report.md, report.json). A run that was stopped goes on where it was: give the same command again.

what to film
  One thing (or two, or three alike) that moves before a scenery that stands; the camera may stand, pan or zoom. A clip
  whose subject hardly moves cannot be told from its scenery and is left out: seen.json and the report say which and why.

several GPUs or machines
  accelerate launch -m tools.convert distil PIPELINE --prompts prompts.txt ...      (torchrun works alike)
  The processes share the teacher's clips; the first one trains.

examples
  python -m tools.convert distil ~/films --propose > vocabulary.yaml
  python -m tools.convert distil ~/films --vocabulary vocabulary.yaml --licence CC-BY-4.0 --out packs --dry-run
  python -m tools.convert distil ~/animatediff-lcm --prompts prompts.txt --vocabulary vocabulary.yaml --out packs
  edgereel models add packs/films && edgereel generate "my dog runs through the garden" --pack films
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.epilog = EPILOG
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="videos with captions, or a diffusers pipeline")
    parser.add_argument("--vocabulary", type=Path, metavar="FILE", help="what is in them, and how people say it (YAML)")
    parser.add_argument(
        "--propose", action="store_true", help="only print a draft of the vocabulary, from the captions"
    )
    parser.add_argument("--out", type=Path, default=Path("packs"), help="where the pack's folder goes (%(default)s)")
    parser.add_argument("--name", help="name of the pack (that of the folder)")
    parser.add_argument(
        "--config", type=Path, default=SMALLEST, metavar="FILE", help="sizes (distil/own.yaml, the smallest tier)"
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="of training in all (what the config says)")
    parser.add_argument(
        "--seconds", type=float, default=4.0, metavar="S", help="longest clip; longer videos give several (%(default)s)"
    )
    parser.add_argument("--licence", default="", help="of what is learnt; videos do not say theirs")
    parser.add_argument(
        "--world-only", action="store_true", help="stop before the training, and say where the world is"
    )
    teacher = parser.add_argument_group("a pipeline")
    teacher.add_argument("--prompts", type=Path, metavar="FILE", help="one on each line; each becomes a clip")
    teacher.add_argument(
        "--motion", type=Path, metavar="FOLDER", help="a motion adapter for a pipeline that draws pictures"
    )
    teacher.add_argument("--size", default="256x256", metavar="WxH", help="pixels of its frames (%(default)s)")
    teacher.add_argument("--frames", type=int, default=16, metavar="N", help="of a clip (%(default)s)")
    teacher.add_argument(
        "--fps", type=int, default=8, metavar="N", help="how many of them pass in a second (%(default)s)"
    )
    teacher.add_argument("--steps", type=int, default=4, metavar="N", help="of its scheduler (%(default)s)")
    teacher.add_argument("--guidance", type=float, default=1.0, metavar="G", help="1 asks it once a step (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads of every library (all)")
    parser.add_argument("--dry-run", action="store_true", help="only say what it would take")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises EdgereelError."""
    if args.propose:
        print(_draft(args.folder, args.prompts), end="")
        return 0
    if args.vocabulary is None:
        raise RequestError(
            "What the videos show has to be said in a vocabulary.",
            hint="Make a draft with --propose, sort it, and give it as --vocabulary FILE.",
        )
    width, height = _size(args.size)
    order = Order(
        folder=args.folder, vocabulary=args.vocabulary, out=args.out, name=args.name or name_of(args.folder),
        config=args.config, prompts=args.prompts, seconds=args.seconds, minutes=args.minutes, licence=args.licence,
        teacher=Teacher(
            folder=args.folder, motion=args.motion, width=width, height=height, frames=args.frames, fps=args.fps,
            steps=args.steps, guidance=args.guidance,
        ),
    )  # fmt: skip
    if not NAME_PATTERN.match(order.name):
        raise RequestError(f"{order.name!r} cannot be the name of a pack.", hint="Give another: --name my-films")
    check_target(order.pack, made_by="pack", steps=Steps(order.work))
    seen = look(order)
    if os.environ.get("RANK", "0") == "0":  # of several processes one speaks
        _announce(order, seen)
    if args.dry_run:
        return 0
    from tools.convert.distil.distil import distil  # noqa: PLC0415 - torch

    _threads(args.threads or default_threads())
    made = distil(order, seen, say=say_on_stderr(), world_only=args.world_only)
    if made is None:
        return 0
    if args.world_only:
        print(f"The world is in {made}; train on it with --world {made}: see tools/convert/README.md")
        return 0
    report = json.loads((made / "report.json").read_text(encoding="utf-8"))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print(f"{made}: {report['bytes'] / 1e6:.1f} MB, learnt from {report['clips']} of {report['clips'] + len(report['unseen'])} clips, "
          f"{report['board_mib']:.0f} MiB on a board")  # fmt: skip
    print(f'Try it with: edgereel models trust {made}/ && edgereel generate "{report["example"]}" --pack {made}')
    print(f"Put it on this board with: edgereel models add {made}")
    return 0


def _draft(folder: Path, prompts: Path | None) -> str:
    try:
        return propose(read_prompts(prompts) if prompts else captions_of(folder).values())
    except ClipError as exc:
        raise RequestError(str(exc)) from exc


def _threads(count: int) -> None:
    import cv2  # noqa: PLC0415
    import torch  # noqa: PLC0415

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= 8 and int(height) >= 8):
        raise RequestError(f"--size {text[:40]!r} is no size.", hint="Give width and height in pixels: --size 384x256")
    return int(width), int(height)


def _announce(order: Order, seen: Look) -> None:
    """What is asked for; captions that say nothing are told one by one."""
    tell_rows([
        ("teacher", f"{seen.given.kind}: {len(seen.given.source)} clips, licence {seen.given.licence}"),
        *((name, ", ".join(f"{value} {count}" for value, count in seen.often[name].most_common())) for name in OWN),
        ("to", str(order.pack)),
        ("disk", f"{seen.disk_mib * 1.048576:,.0f} MB while it works"),
        ("memory", f"about {BASE_MIB:,} MB"),
        ("time", f"about {max(seen.seconds / 60, 1):,.0f} min of one core"),
    ])  # fmt: skip
    for name, caption in seen.given.left_out.items():
        print(f"  left out  {name}: no subject of the vocabulary in {caption[:80]!r}", file=sys.stderr)
