"""Write the tokens of examples to a file, so that training needs no tokenizer.

    python -m tools.convert.expander.tokens --count 60000 --out runs/expander/train.npz
    python -m tools.convert.expander.tokens --count 500 --held-out --seed 2 --out runs/expander/held_out.npz

Each piece of an example is cut by llama.cpp's own tokenizer by itself, as on the board. The file holds `tokens` (uint16)
and `learned` (bool) of all examples one after the other, `starts` where each begins, and `think` and `chinese` for each;
`also` (uint16) with `also_starts` are the tokens that would please as well as the last one of an example.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray

from edge.manifest import LlmManifest, VideoManifest
from edge.mode import Mode
from edge.packs import find_llm_pack, find_video_pack, shipped_root
from tools.convert.expander.pieces import Piece, glance
from tools.convert.expander.recipe import BASE, RECIPE, load_recipe, tuned_manifest
from tools.convert.expander.tasks import Example, examples

SHOW_EVERY = 2000


class Cutter:
    """The tokenizer of a model file; the weights are not loaded."""

    def __init__(self, path: Path) -> None:
        self._llm = Llama(str(path), vocab_only=True, verbose=False)
        # Most pieces are one of a few: the turns around a request.
        self._again = cache(self._cut)

    def cut(self, pieces: Sequence[Piece]) -> tuple[list[int], list[bool]]:
        """The tokens of an example, and which of them the model learns to write."""
        tokens, learned = list[int](), list[bool]()
        for piece in pieces:
            cut = (self._again if piece.control else self._cut)(piece.text, control=piece.control)
            tokens += cut
            learned += [piece.learned] * len(cut)
        return tokens, learned

    def also(self, piece: Piece) -> list[int]:
        """The last tokens of what would please as well as a piece and differs from it in the last token only."""
        *begin, last = self._cut(piece.text, control=False)
        others = [self._cut(text, control=False) for text in piece.also]
        return sorted({other[-1] for other in others if other[:-1] == begin} - {last})

    def _cut(self, text: str, *, control: bool) -> list[int]:
        return list(self._llm.tokenize(text.encode("utf-8", "ignore"), add_bos=False, special=control))


def write_tokens(path: Path, made: Iterable[Example], cutter: Cutter, *, glances: float, seed: int) -> int:
    """Write the file, this share of the examples cut short; returns how many tokens there are."""
    rng = np.random.default_rng(seed)
    tokens, learned, lengths, kinds = list[int](), list[bool](), list[int](), list[tuple[bool, bool]]()
    also = list[list[int]]()
    for number, example in enumerate(made, start=1):
        short = rng.uniform() < glances
        pieces = glance(example.pieces, subjects=example.task.subjects) if short else example.pieces
        cut, marks = cutter.cut(pieces)
        also.append(cutter.also(pieces[-1]) if pieces[-1].also else [])
        tokens += cut
        learned += marks
        lengths.append(len(cut))
        kinds.append((example.mode is Mode.THINK, example.language == "zh"))
        if number % SHOW_EVERY == 0:
            print(f"{number} examples, {len(tokens)} tokens", flush=True)
    think, chinese = np.array(kinds, bool).T
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(
            file, tokens=np.array(tokens, np.uint16), learned=np.array(learned), think=think, chinese=chinese,
            starts=_starts(lengths), also=np.array([*chain(*also)], np.uint16), also_starts=_starts(map(len, also)),
        )  # fmt: skip
    part.replace(path)
    return len(tokens)


def _starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(list(lengths), dtype=np.int64)])


def main() -> None:
    """Make the examples and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true", help="only what no model is trained on")
    parser.add_argument("--base", type=Path, default=BASE, help="the model file (default: %(default)s)")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--video", default="tinyreel", help="the pack whose vocabulary is used")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    recipe = load_recipe(args.recipe)
    base: LlmManifest = find_llm_pack(recipe.pack.base, roots=[shipped_root()]).manifest
    video: VideoManifest = find_video_pack(args.video, roots=[shipped_root()]).manifest
    made = examples(
        seed=args.seed, count=args.count, llm=tuned_manifest(base, recipe.pack), vocabulary=video.vocabulary,
        held_out=args.held_out,
    )  # fmt: skip
    glances = 1.0 if args.held_out else recipe.glances  # held out is what is hard: the subject
    total = write_tokens(args.out, made, Cutter(args.base), glances=glances, seed=args.seed)
    print(f"{args.out}: {args.count} examples, {total} tokens")


if __name__ == "__main__":
    main()
