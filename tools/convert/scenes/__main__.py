"""python -m tools.convert.scenes: look at the world that the generator learns to draw.

preview   one scene from a sentence, as an MP4
gallery   every value of the vocabulary on one labelled sheet, as a PNG
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2

from tools.convert.scenes import gallery, preview
from tools.convert.scenes.sheet import write_png

EPILOG = f"""examples:
  python -m tools.convert.scenes preview "{preview.EXAMPLE}" --out lanterns.mp4
  python -m tools.convert.scenes preview "一只橙色的小鱼在深海里" --out fish.mp4 --seed 4 --seconds 4
  python -m tools.convert.scenes preview "a black cat" --second "a pink butterfly" --out two.mp4 --height 480
  python -m tools.convert.scenes gallery --out docs/world.png

What a sentence does not say is drawn by lot from --seed, so another seed shows another scene.
The words that are understood stand in tools/convert/tinyvideo/vocabulary.yaml.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, draw, and say what was drawn; a wrong argument ends with status 2 and a way out."""
    cv2.setNumThreads(1)
    parser = _parser()
    args = parser.parse_args(arguments)
    folder = args.out.parent
    if not folder.is_dir():
        parser.error(f"the folder {folder} of --out does not exist: make it first")
    if args.verb == "gallery":
        _gallery(args.out)
    else:
        _preview(parser, args)


def _preview(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    try:
        reading = preview.read_words(args.words, seed=args.seed, second=args.second)
    except preview.WordsNotKnownError as error:
        parser.error(str(error))
    frames = preview.preview(reading.slots, args.out, seed=args.seed, seconds=args.seconds, height=args.height)
    lot = {name: value for name, value in reading.slots.items() if name not in reading.said}
    print("said    ", _list(reading.said), f"({reading.coverage:.0%} of the words understood)")
    print("by lot  ", _list(lot))
    print(f"wrote    {args.out}: {frames} frames, {args.height} lines, seed {args.seed}")


def _gallery(out: Path) -> None:
    sheet = gallery.draw_gallery()
    write_png(sheet, out)
    print(f"wrote {out}: {sheet.shape[1]}x{sheet.shape[0]}, {out.stat().st_size / 1e6:.2f} MB")


def _list(slots: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in slots.items()) or "nothing"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.convert.scenes", description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="preview | gallery")
    scene = verbs.add_parser(
        "preview", help="draw the scene of a sentence as an MP4", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    scene.add_argument("words", help="a sentence in English or Chinese")
    scene.add_argument("--second", metavar="WORDS", help="another subject beside the first")
    scene.add_argument("--out", type=_mp4, default=Path("preview.mp4"), help="the MP4 (default: %(default)s)")
    scene.add_argument("--seed", type=_seed, default=0, help="of everything drawn by lot (default: %(default)s)")
    scene.add_argument("--seconds", type=_seconds, default=4.0, help="0.5 to 60 (default: %(default)s)")
    scene.add_argument("--height", type=_height, default=240, help="lines, a multiple of 10 (default: %(default)s)")
    sheet = verbs.add_parser("gallery", help="draw every value of the vocabulary on one sheet")
    sheet.add_argument("--out", type=_png, default=Path("docs/world.png"), help="the PNG (default: %(default)s)")
    return parser


def _mp4(text: str) -> Path:
    return _file(text, ".mp4")


def _png(text: str) -> Path:
    return _file(text, ".png")


def _file(text: str, suffix: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != suffix:
        raise argparse.ArgumentTypeError(f"{text} should end in {suffix}")
    return path


def _seed(text: str) -> int:
    return int(_number(text, 0, 2**31 - 1, step=1))


def _seconds(text: str) -> float:
    return _number(text, 0.5, 60)


def _height(text: str) -> int:
    return int(_number(text, 60, 1080, step=10))


def _number(text: str, low: float, high: float, *, step: int | None = None) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (step and value % step):
        kind = "a number" if step is None else "a whole number" if step == 1 else f"a multiple of {step}"
        raise argparse.ArgumentTypeError(f"{text} should be {kind} from {low:g} to {high:g}")
    return value


if __name__ == "__main__":
    main()
