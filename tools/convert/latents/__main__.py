"""python -m tools.convert.latents PHASE: one resumable phase of the autoencoder, or all of them."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tools.convert.distil.world import OwnWorld
from tools.convert.judge.report import PAIR_BARS, table, write_json
from tools.convert.latents import components, data, evaluate, export, train
from tools.convert.latents.config import Config, load_config
from tools.convert.tinyvideo.recogniser import R_EVAL, load_recogniser
from tools.convert.tinyvideo.world import RENDERER

PHASES = ["crops", "encoder", "decoder", "export"]


def main() -> None:
    """Run the phase that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tools.convert.latents", description=__doc__)
    parser.add_argument("phase", choices=[*PHASES, "all", "judge"])
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "tinyvideo" / "reduced.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs/latents"), help="folder of the run; it resumes there")
    parser.add_argument("--part", default="0/1", help="crops: this process's share, as i/n")
    parser.add_argument("--clips", type=int, default=60, help="judge: how many unseen scenes")
    parser.add_argument(
        "--sheet", type=Path, default=Path("docs/autoencoder.png"), help="judge: reconstructions to see"
    )
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
        "crops": lambda: data.write_crops(config, args.out, world=world, part=part, parts=parts),
        "encoder": lambda: components.encoder(config, args.out),
        "decoder": lambda: train.decoder(config, args.out, world=world),
        "export": lambda: export.export(config, args.out, world=world),
        "judge": lambda: _judge(config, args),
    }
    for name in PHASES if args.phase == "all" else [args.phase]:
        phases[name]()


def _judge(config: Config, args: argparse.Namespace) -> None:
    figures = evaluate.judge(config, args.out, load_recogniser(R_EVAL), clips=args.clips, seconds=2.0)
    print(table(figures, PAIR_BARS, tier=config.tier))
    write_json(args.out / "judge.json", figures)
    evaluate.draw_sheet(config, args.out, args.sheet)


if __name__ == "__main__":
    main()
