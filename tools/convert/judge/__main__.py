"""python -m tools.convert.judge: how good a pack is, how good the judges are, or how close copies are to originals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import torch

from edge.manifest import load_manifest
from tools.convert.judge.chain import judge_chain
from tools.convert.judge.fresh import judge_renders
from tools.convert.judge.judge import Order, judge_pack
from tools.convert.judge.pairs import judge_pairs, read_pairs
from tools.convert.judge.picture import Thumbnails
from tools.convert.judge.report import CHAIN_BARS, PACK_BARS, PAIR_BARS, RENDER_BARS, table, warnings, write_json
from tools.convert.judge.verdicts import confusions
from tools.convert.tinyvideo.prompts import SETS
from tools.convert.tinyvideo.recogniser import R_EVAL, Recogniser, load_recogniser

EPILOG = """\
what is judged
  (default)      prompts are planned by the lexicon and drawn by the pack exactly as a board does in direct mode;
                 the renderer's clips of the same plans and seeds go through the same judges: the oracle column.
                 A prompt that states a value which the pack does not know is left out, and counted.
  --chain        the same prompts as two segments of a storyboard: what the last has lost against the first.
  --renders      the judges themselves: recogniser and tracker on fresh renders of random scenes, and whether
                 frozen and shuffled clips are at least three times as far from renders as renders are.
  --pairs A B    copies in folder B against originals in folder A: NAME.npy in both, uint8 [frames, h * 3 / 2, w]
                 planar 4:2:0, and optionally A/NAME.json with the slots that are shown.

reading the table
  *_acc          share of clips in which the recogniser R_eval names what was asked; *_rule_acc the tracker, which
                 has learned nothing; joint_acc subject, colour, motion and background together.
  fd_*, mmd_*    distance of features to a second set of renders; as ratio to the floor, two equal sets of renders.
  *_ratio        a measure against the same measure of the renderer's clip; 1 is as good as it gets.
  The bars are those of the full tier and, behind the stroke, of the reduced tier; NO marks a missed one.

examples
  make judge                                   the shipped pack on the first prompt set
  make judge PACK=runs/x/pack N=40 STEPS=1     forty clips, one step
  make judge SET=p1,p2                         with the gap between seen and held-out combinations
  make judge JUDGE=--chain N=75                eight seconds as two segments
  make judge JUDGE=--renders N=400             the judges themselves
"""


def main() -> int:
    """Parse the command line, judge, print the table, write judge.json and judge.png."""
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    if not args.weights.is_file():
        print(
            f"No recogniser at {args.weights}; `python -m tools.convert.tinyvideo r_eval` trains it.",
            file=sys.stderr,
        )
        return 1
    recogniser = load_recogniser(args.weights)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.renders:
        fresh = judge_renders(recogniser, clips=args.clips or 400, lengths=args.lengths)
        figures, bars, tier = fresh.figures, RENDER_BARS, "full"
        for slot, text in confusions(fresh.seen).items():
            print(f"  {slot}: {text}")
    elif args.pairs:
        figures, bars, tier = judge_pairs(read_pairs(*args.pairs), recogniser), PAIR_BARS, args.tier or "full"
    elif args.chain:
        figures, bars, tier = judge_chain(_order(args), recogniser), CHAIN_BARS, "full"
    else:
        figures, bars, tier = _judge_pack(args, recogniser), PACK_BARS, args.tier or load_manifest(args.pack).tier
    print(table(figures, bars, tier=tier))
    for warning in warnings(figures):
        print(warning)
    write_json(args.out / "judge.json", figures)
    print(f"wrote {args.out / 'judge.json'}")
    return 0


def _order(args: argparse.Namespace) -> Order:
    return Order(
        pack=args.pack, sets=args.set.split(","), clips=args.clips, steps=args.steps, diverse=args.diverse,
        seeds=args.seeds, threads=args.threads,
    )  # fmt: skip


def _judge_pack(args: argparse.Namespace, recogniser: Recogniser) -> dict[str, float]:
    thumbnails = Thumbnails()
    judged = judge_pack(_order(args), recogniser, thumbnails=thumbnails)
    thumbnails.save(args.out / "judge.png")
    for slot, text in confusions(judged.pack.seen).items():
        print(f"  {slot}: {text}")
    return judged.figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert.judge", description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--pack", type=Path, default=Path("models/tinyreel"), help="the pack to judge (%(default)s)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--chain", action="store_true", help="judge the second of two segments against the first")
    kind.add_argument("--renders", action="store_true", help="judge the judges on fresh renders")
    kind.add_argument("--pairs", type=Path, nargs=2, metavar=("A", "B"), help="judge copies in B of originals in A")
    parser.add_argument("--set", default="p1", help=f"prompt sets, with commas: {', '.join(SETS)} (%(default)s)")
    parser.add_argument("--clips", type=int, help="clips per set at most (all; 400 renders)")
    parser.add_argument("--steps", type=int, help="denoising steps (those of direct mode)")
    parser.add_argument(
        "--diverse", type=int, default=4, help="prompts that are drawn with several seeds (%(default)s)"
    )
    parser.add_argument("--seeds", type=int, default=8, help="seeds for each of them (%(default)s)")
    parser.add_argument("--lengths", type=float, nargs="+", default=[4.0], help="seconds of the renders (%(default)s)")
    parser.add_argument("--tier", choices=["full", "reduced"], help="whose bars decide (the pack's own tier)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every library (%(default)s)")
    parser.add_argument("--weights", type=Path, default=R_EVAL, help="the recogniser R_eval")
    parser.add_argument(
        "--out", type=Path, default=Path("out"), help="folder of judge.json and judge.png (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
