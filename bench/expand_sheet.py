"""Ten requests as people word them, end to end: what was asked, what the language model made of it, and the clip.

    python -m bench.expand_sheet                                # the model of the settings, to docs/expand.png
    python -m bench.expand_sheet --pack runs/expander/pack --out out/expand.png

None of them names what is to be seen, and none is in the tables that a model is trained on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.expand import chosen_models
from edge.errors import EdgereelError
from edge.expand import open_expander
from edge.mode import Mode
from edge.stop import Stop
from tools.convert.tinyvideo.evaluate import contact_sheet

# The Chinese ones with what they say: the sheet's letters are Latin.
REQUESTS = (
    ("for grandma, who turns seventy today", ""),
    ("tonight we count down to the new year", ""),
    ("a quiet evening by the water after a long day", ""),
    ("my little one cannot fall asleep", ""),
    ("the garden after the long winter", ""),
    ("our first road trip starts tomorrow", ""),
    ("science class was great today", ""),
    ("奶奶今天过生日", "grandma has her birthday today"),
    ("一个人去海边散散心", "to the sea alone, to clear my head"),
    ("孩子睡不着，讲个故事", "the child cannot sleep, tell a story"),
)
COLUMNS, SEED = 6, 7


def main() -> None:
    """Expand the ten, draw them, write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", default="", metavar="NAME", help="the pack (default: that of the settings)")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="take the pack in this folder instead")
    parser.add_argument("--threads", type=int, metavar="N", help="fixed (default: as many cores as are free)")
    parser.add_argument("--out", type=Path, default=Path("docs/expand.png"))
    args = parser.parse_args()
    try:
        draw(args)
    except (EdgereelError, OSError) as exc:
        sys.exit(str(exc))


def draw(args: argparse.Namespace) -> None:
    """Write the sheet of these options."""
    models = chosen_models(llm=args.llm, pack=args.pack, threads=args.threads)
    shots = []
    with open_expander(
        Mode.NO_THINK, video=models.video.manifest, llm=models.llm, threads=models.threads, cores=models.cores,
        small_board=True, cache=models.cache, stop=Stop(),
    ) as expander:  # fmt: skip
        for number, (request, english) in enumerate(REQUESTS, start=1):
            plan = expander.expand(request, seconds=None, seed=SEED)
            asked = f"{english} (in Chinese)" if english else request
            print(f"{number}. {request}: {plan.caption}")
            shots.append((f"{number}  {asked}  ->  {plan.caption}", plan.shots[0]))
    contact_sheet(models.video.folder, shots, columns=COLUMNS, seed=SEED, path=args.out)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
