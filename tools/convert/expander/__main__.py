"""Write examples as JSON lines, or show some.

    python -m tools.convert.expander --count 5                     # read a few
    python -m tools.convert.expander --count 50000 --out runs/expander/train.jsonl
    python -m tools.convert.expander --count 2000 --held-out --seed 2 --out runs/expander/held_out.jsonl

A line holds the pieces of one example: text, whether its marks are control tokens, whether the model learns it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from edge.manifest import LlmManifest, VideoManifest
from edge.mode import Mode
from edge.packs import find_llm_pack, find_video_pack, shipped_root
from tools.convert.expander.tasks import Example, examples


def main() -> None:
    """Write or show them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="only what no model is trained on")
    parser.add_argument("--mode", choices=[Mode.NO_THINK.value, Mode.THINK.value], help="default: both")
    parser.add_argument("--language", choices=["en", "zh"], help="default: both")
    parser.add_argument("--llm", default="smollm2-135m", help="the pack whose template is filled in")
    parser.add_argument("--video", default="tinyreel", help="the pack whose vocabulary is used")
    parser.add_argument("--out", type=Path, help="write JSON lines here")
    args = parser.parse_args()
    llm: LlmManifest = find_llm_pack(args.llm, roots=[shipped_root()]).manifest
    video: VideoManifest = find_video_pack(args.video, roots=[shipped_root()]).manifest
    made = examples(
        seed=args.seed, count=args.count, llm=llm, vocabulary=video.vocabulary, held_out=args.held_out,
        mode=Mode(args.mode) if args.mode else None, language=args.language,
    )  # fmt: skip
    if args.out:
        write(made, args.out)
    else:
        for example in made:
            print(f"--- {example.mode}, {example.task.source}: {example.task.request}\n{example.answer_text}")


def write(made: Iterable[Example], path: Path) -> None:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for example in made:
            line = {
                "request": example.task.request, "language": example.language, "mode": example.mode.value,
                "source": example.task.source, "held_out": example.held_out,
                "pieces": [asdict(piece) for piece in example.pieces],
            }  # fmt: skip
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
