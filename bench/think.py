"""Thinking against not thinking, the saved prompt against reading it, forced text against drawing every token."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import llama_cpp
import psutil
from llama_cpp.llama_grammar import LlamaGrammar

from bench.child import call
from bench.figures import take_turns
from bench.llm import sha256_of, shipped
from bench.store import Row
from edge.cpu import bind, fast_cores
from edge.expand.director import Director
from edge.expand.llama import LanguageModel, open_llama
from edge.manifest import LlmManifest
from edge.mode import Mode
from edge.models import Models, models_of
from edge.packs import Pack
from edge.settings import load_settings
from edge.stop import Stop

PROMPTS = (
    "a red balloon rises over snowy mountains", "two blue fish in the deep sea", "一只黄色的小鸟飞过森林",
    "something calm and cosy", "a storm is coming", "my grandmother's garden in spring",
)  # fmt: skip
MODELS = {"smollm2-135m-expand": "tuned", "smollm2-135m": "stock"}  # what is shipped, and what it was tuned from
SAVED, READ, COLD = "plan, prompt saved", "plan, prompt read anew", "plan, from the start of the process"
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


def modes(*, quick: bool) -> list[Row]:
    """Seconds to the plan with the model open, medians over requests; the ways take turns."""
    for name in MODELS:
        sha256_of(shipped(name))  # the weights are here
    cells: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    count, rounds = (2, 1) if quick else (len(PROMPTS), 1)
    ways = list(product(MODELS, ("think", "no_think"), (False, True)))
    for _, (model, mode, one_by_one) in take_turns(rounds, ways):
        given = {"name": model, "mode": mode, "one_by_one": one_by_one, "count": count}
        told = call("bench.think:plans", given, timeout_s=900).check()
        way = f"{MODELS[model]}, {mode}, {'every token drawn' if one_by_one else 'forced text jumped'}"
        for column, values in told.items():
            cells[way, column, "s" if column in {SAVED, READ} else "tokens"] += values
    for name, told_as in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            given = {"name": name, "folder": folder}
            call("bench.think:cold", given, timeout_s=900).check()  # the state is written
            for _ in range(1 if quick else 5):
                cells[f"{told_as}, no_think, forced text jumped", COLD, "s"].append(
                    call("bench.think:cold", given).check()["s"]
                )
    return [Row(way=way, column=column, unit=unit, values=values) for (way, column, unit), values in cells.items()]


def cold(name: str, folder: str) -> dict[str, Any]:
    """Seconds from the start of this process to its first plan, no_think."""
    models = models_of(load_settings(None, env=os.environ))
    with _open(shipped(name), models, Path(folder)) as model:
        Director(model, llm=shipped(name).manifest, video=models.video.manifest, mode=Mode.NO_THINK).expand(
            PROMPTS[0], seconds=None, seed=SEED
        )
    return {"s": time.time() - psutil.Process().create_time()}


def plans(name: str, mode: str, one_by_one: bool, count: int) -> dict[str, Any]:  # noqa: FBT001 - it comes as JSON
    """Seconds to the plan of each request, with the prompt's state saved and without, and tokens drawn and written."""
    pack, models = shipped(name), models_of(load_settings(None, env=os.environ))
    told: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, _open(pack, models, Path(folder)) as model:
        if one_by_one:
            model.__class__ = OneByOne
        director = Director(model, llm=pack.manifest, video=models.video.manifest, mode=Mode(mode))
        director.expand(PROMPTS[0], seconds=None, seed=SEED)  # the state is written
        for prompt in PROMPTS[:count]:
            for saved in (True, False):
                if not saved:
                    _forget(Path(folder))
                before, began = dict(director.usage), time.perf_counter()
                director.expand(prompt, seconds=None, seed=SEED)
                told[SAVED if saved else READ].append(time.perf_counter() - began)
            told["drawn"].append(director.usage["tokens_drawn"] - before["tokens_drawn"])
            told["written"].append(director.usage["tokens"] - before["tokens"])
    return told


@contextmanager
def _open(pack: Pack[LlmManifest], models: Models, cache: Path) -> Iterator[LanguageModel]:
    """As a job on a small board opens it, threads following the free cores."""
    cores = fast_cores()
    bind(cores)
    with open_llama(pack, threads=models.threads, small_board=True, cache=cache, stop=Stop(), cores=cores) as model:
        yield model


def _forget(cache: Path) -> None:
    for path in cache.glob("prompts/*"):
        path.unlink()
