"""What jumping ahead over forced text and the saved prefix are worth: tokens drawn and seconds to plan, with and without.

    python -m bench.jump                                   # the model of the settings, one thread
    python -m bench.jump --pack runs/expander/pack --limit 20

Four ways over the same held-out requests: all tokens drawn one by one under llama.cpp's grammar, or only the choices; and
with the constant prompt read anew for each plan, or its state loaded from the file that is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import llama_cpp
from llama_cpp.llama_grammar import LlamaGrammar

from edge.errors import EdgereelError
from edge.expand.director import Director
from edge.expand.llama import LanguageModel, open_llama
from edge.manifest import LlmManifest, load_manifest
from edge.mode import Mode
from edge.models import models_of, pack_roots
from edge.packs import Pack, find_llm_pack
from edge.settings import load_settings
from edge.stop import Stop
from edge.trust import Trust
from tools.convert.expander.cases import cases

SEED = 1


class OneByOne(LanguageModel):
    """The model that draws each token of an answer under llama.cpp's own grammar sampler."""

    def choose(  # type: ignore[override]
        self, context: Sequence[int], gbnf: str, *, most: int, seed: int, temperature: float, **_: object
    ) -> list[int]:
        """As LanguageModel.choose."""
        written = list[int]()
        self._llm.set_seed(seed)
        grammar = LlamaGrammar.from_string(gbnf, verbose=False)
        for token in self._llm.generate(list(context), temp=temperature, min_p=0.1, grammar=grammar):
            self._drawn += 1
            if llama_cpp.llama_vocab_is_eog(self._vocab, token) or len(written) >= most:
                break
            written.append(token)
        self._written += len(written)
        return written


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", default="smollm2-135m", metavar="NAME", help="the pack (default: %(default)s)")
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="take the pack in this folder instead")
    parser.add_argument("--mode", nargs="+", choices=["no_think", "think"], default=["no_think", "think"])
    parser.add_argument("--limit", type=int, default=10, help="so many requests of each language")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    settings = load_settings(None, env=os.environ)
    try:
        pack = _pack(args.pack) if args.pack else find_llm_pack(args.llm, roots=pack_roots(settings))
        video = models_of(settings).video.manifest
        print("mode      text       prefix  drawn  written  plan s  process s   (medians; process: processor time)")
        for mode in map(Mode, args.mode):
            for kind in (OneByOne, LanguageModel):
                with (
                    tempfile.TemporaryDirectory() as folder,
                    open_llama(pack, threads=args.threads, small_board=True, cache=Path(folder), stop=Stop()) as model,
                ):
                    model.__class__ = kind
                    director = Director(model, llm=pack.manifest, video=video, mode=mode)
                    for saved in (False, True):
                        _row(director, kind, mode, saved=saved, limit=args.limit, cache=Path(folder))
    except EdgereelError as exc:
        sys.exit(str(exc))


def _pack(folder: Path) -> Pack[LlmManifest]:
    manifest = load_manifest(folder)
    if not isinstance(manifest, LlmManifest):
        sys.exit(f"{folder} holds no language model.")
    return Pack(folder.resolve(), manifest, trust=Trust.GIVEN)


def _row(
    director: Director, kind: type[LanguageModel], mode: Mode, *, saved: bool, limit: int, cache: Path
) -> None:  # fmt: skip
    figures = []
    for case in cases(limit=limit):
        if not saved:
            for path in cache.glob("prompts/*"):
                path.unlink()
        before, began, spent = dict(director.usage), time.monotonic(), time.process_time()
        director.expand(case.request, seconds=None, seed=SEED)
        figures.append(
            (
                director.usage["tokens_drawn"] - before["tokens_drawn"], director.usage["tokens"] - before["tokens"],
                time.monotonic() - began, time.process_time() - spent,
            )
        )  # fmt: skip
    drawn, written, seconds, process = (median(column) for column in zip(*figures, strict=True))
    text = "one by one" if kind is OneByOne else "jumped"
    print(
        f"{mode:9} {text:10} {'saved' if saved else 'read':7} {drawn:5g} {written:8g} {seconds:7.2f} {process:10.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
