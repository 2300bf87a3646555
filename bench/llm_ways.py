"""Ways to run a language model from Python, each called in a process of its own: edgereel's, and llama-cpp-python's defaults."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import llama_cpp
from llama_cpp import Llama

from bench.llm_peers import stepped
from edge.cpu import bind, choose_threads, fast_cores
from edge.expand.llama import LanguageModel, open_llama
from edge.manifest import BATCH_TOKENS, CONTEXT_TOKENS, ChatTemplate, LlmManifest, PathSource, Thinking, WeightFile
from edge.memory import read_process, return_what_is_free
from edge.packs import Pack
from edge.stop import Stop
from edge.trust import Trust
from edge.weights import prove

FILL = 300  # the first token that is read; what it says does not matter
FEW, CLOSE = 8, 0.9  # after so many turns, a rival that does less than this share of what edgereel does has no more


def ours(gguf: str, sha256: str, read: int, write: int, vocabulary: int) -> dict[str, Any]:
    """Tokens a second: read in batches, written without drawing as llama-bench does it, and written as in the product."""
    with _opened(gguf, sha256, vocabulary) as model:
        llm = model._llm  # noqa: SLF001 - the same calls as llama-bench, below the drawing
        llm.eval(tokens(BATCH_TOKENS))  # warm
        reads, writes = _rate(read, partial(_test, model, "-p", read)), _rate(write, partial(_test, model, "-n", write))
        began, before = time.perf_counter(), model.usage["tokens"]
        model.write(tokens(8), most=write, seed=1, temperature=0.6)
        drawn = (model.usage["tokens"] - before) / (time.perf_counter() - began)
        return {"read": reads, "written": writes, "drawn": drawn, "threads": llama_cpp.llama_n_threads(llm.ctx)}


def ours_beside(
    *, gguf: str, sha256: str, vocabulary: int, threads: int, options: list[str], tests: list[tuple[str, int, int]]
) -> dict[str, Any]:  # fmt: skip
    """Turns of about a second with llama-bench in one sitting: a guest's host is slow for many seconds at a time.

    For each test (llama-bench's option, tokens, turns): what edgereel did in each of its turns, and the mean of what
    llama-bench did directly before and after it. Both are warm before each turn.
    """
    found: dict[str, Any] = {}
    with _opened(gguf, sha256, vocabulary) as model:
        for test, count, turns in tests:
            with stepped(
                Path(gguf), threads=threads, options=tuple(options), test=test, count=count, times=turns + 1
            ) as step:
                theirs, ours = [step()], list[float]()
                while len(ours) < turns and (len(ours) != FEW or median(theirs) >= CLOSE * median(ours)):
                    _alone(model)
                    _test(model, test, count if test == "-p" else 1)
                    ours.append(_rate(count, partial(_test, model, test, count)))
                    theirs.append(step())
            found[test] = {"ours": ours, "theirs": [mean(pair) for pair in pairwise(theirs)]}
    return found


def _test(model: LanguageModel, test: str, count: int) -> None:
    """What llama-bench does for "-p" and "-n" on an empty context, with the calls that the product makes."""
    llm = model._llm  # noqa: SLF001 - below the drawing of tokens
    _clear(llm)
    if test == "-p":
        llm.eval(tokens(count))
    else:
        for token in tokens(count):
            model._follow_cores()  # noqa: SLF001 - what LanguageModel.write does at every token
            llm.eval([token])


def _alone(model: LanguageModel) -> None:
    """Begin anew to look at what others use: the rival worked in its turn, and is stopped in this one."""
    if model._cores is not None:  # noqa: SLF001
        model._cores.count()  # noqa: SLF001
        model._looked = time.monotonic()  # noqa: SLF001


def defaults(gguf: str, read: int, write: int) -> dict[str, Any]:
    """The same with nothing set but the file."""
    llm = Llama(gguf, verbose=False, n_ctx=CONTEXT_TOKENS)
    llm.eval(tokens(BATCH_TOKENS))
    reads = _rate(read, lambda: (_clear(llm), llm.eval(tokens(read))))
    stream = llm.generate(tokens(8))
    writes = _rate(write, lambda: [next(stream) for _ in range(write)])
    return {"read": reads, "written": writes, "drawn": writes, "threads": llm.n_threads}


def ours_first(
    *, gguf: str, sha256: str, prefix: list[int], first: list[int], second: list[int], vocabulary: int
) -> dict[str, Any]:  # fmt: skip
    """Seconds to the first token: with nothing kept, and with the prefix in a file, as every job but the first has it."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, float] = {}
        for name, rest in (("cold", first), ("again", second)):
            began = time.perf_counter()
            with _opened(gguf, sha256, vocabulary, cache=Path(folder)) as model:
                opened = time.perf_counter()
                model.start(prefix)
                model.write([*prefix, *rest], most=1, seed=1, temperature=0.6)
                found |= {f"{name}_open_s": opened - began, f"{name}_s": time.perf_counter() - opened}
        return found


def defaults_first(gguf: str, prefix: list[int], first: list[int], second: list[int]) -> dict[str, Any]:
    """The same in one process that keeps the model: what is alike at the start is not read again."""
    began = time.perf_counter()
    llm = Llama(gguf, verbose=False, n_ctx=CONTEXT_TOKENS)
    found = {"cold_open_s": time.perf_counter() - began, "again_open_s": 0.0}
    for name, rest in (("cold", first), ("again", second)):
        began = time.perf_counter()
        next(llm.generate([*prefix, *rest]))
        found[f"{name}_s"] = time.perf_counter() - began
    return found


def ours_small(gguf: str, sha256: str, read: int, write: int, vocabulary: int) -> dict[str, Any]:
    """Read and write a little in a tight place; what of the weights is locked."""
    with _opened(gguf, sha256, vocabulary) as model:
        written = model.write(tokens(read), most=write, seed=1, temperature=0.5)
        proof = prove([Path(gguf)])[Path(gguf).name]
        return {"written": len(written), "weights_locked_mib": proof.locked_mib, **read_process(Path("/"))}


def defaults_small(gguf: str, read: int, write: int, mlock: bool) -> dict[str, Any]:  # noqa: FBT001 - it comes as JSON
    """The same with llama-cpp-python's defaults, with or without its own lock."""
    llm = Llama(gguf, n_ctx=CONTEXT_TOKENS, use_mlock=mlock, verbose=False)
    stream = llm.generate(tokens(read))
    written = [next(stream) for _ in range(write)]
    proof = prove([Path(gguf)])[Path(gguf).name]
    return {"written": len(written), "weights_locked_mib": proof.locked_mib, **read_process(Path("/"))}


def tokens(count: int) -> list[int]:
    """So many tokens that are no control marks."""
    return [(7 * number) % 1000 + FILL for number in range(count)]


@contextmanager
def _opened(gguf: str, sha256: str, vocabulary: int, *, cache: Path | None = None) -> Iterator[LanguageModel]:
    """As a job on a small board opens it, threads following the free cores."""
    path, cores = Path(gguf), fast_cores()
    manifest = LlmManifest(
        format=1, name="bench", version="1", description="", licence="", source=PathSource(path=gguf), file=path.name,
        files={path.name: WeightFile(sha256=sha256, bytes=path.stat().st_size)},
        template=ChatTemplate(system="", user="", assistant="", stop=[]), thinking=Thinking(kind="scratchpad"),
        context_tokens=CONTEXT_TOKENS, kv_kib_per_token=1.0, vocabulary_size=vocabulary,
    )  # fmt: skip
    bind(cores)
    return_what_is_free()
    pack, threads = Pack(path.parent, manifest, trust=Trust.GIVEN), choose_threads(cores=cores)
    with (
        tempfile.TemporaryDirectory() as own,
        open_llama(
            pack, threads=threads, small_board=True, cache=cache or Path(own), stop=Stop(), cores=cores
        ) as model,
    ):
        yield model


def _clear(llm: Llama) -> None:
    llm.reset()
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(llm.ctx), True)


def _rate(count: int, work: Any) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def tokenize(gguf: str, texts: list[str]) -> dict[str, Any]:
    """Texts as tokens."""
    llm = Llama(gguf, vocab_only=True, verbose=False)
    return {"tokens": [llm.tokenize(text.encode(), add_bos=False, special=True) for text in texts]}
