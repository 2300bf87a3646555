"""python -m tools.convert.clips: write captioned clips as shards, and say what is in them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from edge.video.layout import FPS
from tools.convert.clips.clip import ClipError, ClipSource
from tools.convert.clips.folder import FolderSource
from tools.convert.clips.make import write_shards
from tools.convert.clips.renderer import RendererSource
from tools.convert.clips.shards import ShardSource


def main() -> None:
    """Parse the command line and run one command; an error is one line."""
    parser = argparse.ArgumentParser(prog="python -m tools.convert.clips", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="draw scenes and write them")
    render.add_argument("--clips", type=int, default=1000)
    render.add_argument("--seed", type=int, default=0, help="another seed has no clip in common (default: %(default)s)")
    folder = commands.add_parser("folder", help="read a folder of videos with captions")
    folder.add_argument("videos", type=Path)
    folder.add_argument("--seconds", type=float, default=4.0, help="longest clip; a longer video gives several")
    for command in (render, folder):
        command.add_argument("--out", type=Path, required=True, help="folder for the shards; whole ones are kept")
        command.add_argument("--height", type=int, default=240, help="of the canvas (default: %(default)s)")
        command.add_argument("--per-shard", type=int, default=32, help="clips (default: %(default)s)")
        command.add_argument("--part", default="0/1", help="this run's share of the shards, as i/n")
        command.add_argument("--processes", type=int, default=1)
    info = commands.add_parser("info", help="say what is in a folder of shards")
    info.add_argument("shards", type=Path)
    args = parser.parse_args()
    try:
        _info(args.shards) if args.command == "info" else _write(args)
    except ClipError as exc:
        sys.exit(str(exc))


def _write(args: argparse.Namespace) -> None:
    part, parts = (int(number) for number in args.part.split("/"))
    for path in write_shards(
        _source(args), args.out, per_shard=args.per_shard, part=part, parts=parts, processes=args.processes
    ):
        print(path, flush=True)


def _source(args: argparse.Namespace) -> ClipSource:
    if args.command == "folder":
        return FolderSource(args.videos, height=args.height, seconds=args.seconds)
    return RendererSource(count=args.clips, height=args.height, seed=args.seed)


def _info(folder: Path) -> None:
    source = ShardSource(folder)
    abouts = [source.about(number) for number in range(len(source))]
    print(f"{len(source.shards)} shards, {len(source)} clips, {sum(a['frames'] for a in abouts) / FPS:.0f} s")
    for name, values in (
        ("language", [about["language"] for about in abouts]),
        ("origin", [about["origin"].split("#")[0] for about in abouts]),
        ("subject", [(about["slots"] or about["stated"]).get("subject", "?") for about in abouts]),
    ):
        print(f"{name}: " + ", ".join(f"{value} {count}" for value, count in Counter(values).most_common(30)))
    print(f"first: {abouts[0]['caption']}")


if __name__ == "__main__":
    main()
