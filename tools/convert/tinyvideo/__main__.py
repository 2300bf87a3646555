"""python -m tools.convert.tinyvideo PHASE: one phase of a training run."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tools.convert.distil.world import OwnWorld
from tools.convert.tinyvideo import bake, export, painter_phase, recogniser_phase, shards, sheet, student_phase, views
from tools.convert.tinyvideo.config import load_config
from tools.convert.tinyvideo.world import RENDERER

PHASES = ["bake", "shards", "student", "painter", "export"]
JUDGES = ["views", "r_eval", "r_train"]
REDUCED = Path(__file__).with_name("reduced.yaml")


def main() -> None:
    """Parse the command line and run one phase."""
    parser = argparse.ArgumentParser(prog="python -m tools.convert.tinyvideo", description=__doc__)
    parser.add_argument("phase", choices=[*PHASES, "all", "sheet", *JUDGES])
    parser.add_argument("--config", type=Path, default=REDUCED, help="sizes and budgets (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/reduced"), help="folder of the run (default: %(default)s)"
    )
    parser.add_argument(
        "--latents", type=Path, default=Path("runs/latents"), help="the autoencoder's run (default: %(default)s)"
    )
    parser.add_argument("--pack", type=Path, default=Path("models/tinyreel"), help="where export writes the pack")
    parser.add_argument("--part", default="0/1", help="shards: this process's share, as i/n")
    parser.add_argument(
        "--world", type=Path, help="folder of own clips, as `tools.convert distil --world-only` makes it"
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = load_config(args.config)
    args.out.mkdir(parents=True, exist_ok=True)
    part, parts = (int(number) for number in args.part.split("/"))
    world = OwnWorld(args.world) if args.world else RENDERER
    phases = {
        "bake": lambda: bake.bake(config, args.out, world=world),
        "shards": lambda: shards.write_shards(config, args.out, args.latents, world=world, part=part, parts=parts),
        "student": lambda: student_phase.student(config, args.out, args.latents, world=world),
        "painter": lambda: painter_phase.painter(config, args.out, world=world),
        "export": lambda: export.export(config, args.out, args.latents, args.pack, world=world),
    }
    judges = {
        "views": lambda: views.write_views(args.out / "views", files=config.view_files, part=part, parts=parts),
        "r_eval": lambda: recogniser_phase.recogniser(config, "eval", args.out),
        "r_train": lambda: recogniser_phase.recogniser(config, "train", args.out),
    }
    if args.phase == "sheet":
        sheet.draw(args.pack, Path("docs/clips.png"))
        return
    for name in list(phases) if args.phase == "all" else [args.phase]:
        (phases | judges)[name]()


if __name__ == "__main__":
    main()
