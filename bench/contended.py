"""Tokens a second of a language model, alone and beside a busy neighbour, at every number of threads and as edgereel does.

    python -m bench.contended [--gguf FILE] [--cores 2]

`threads N` is llama.cpp with a fixed number, as llama-bench runs it (its decode and prefill loops, the same library);
llama-server's default is one thread per core. `edgereel` is the daemon's own expander code, which looks at the free
cores before and while it writes. The neighbour is one process that counts. Medians of the rounds, which take turns.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import llama_cpp

from edge.cpu import bind, choose_threads, fast_cores
from edge.expand.llama import open_llama
from edge.manifest import BATCH_TOKENS
from edge.packs import Pack, find_llm_pack, shipped_root
from edge.stop import Stop

WRITTEN, READ = 32, 128


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("~/.local/share/edgereel/models").expanduser())
    parser.add_argument("--pack", default="smollm2-135m")
    parser.add_argument("--cores", type=int, default=2, help="how many cores to use (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cores = frozenset(sorted(fast_cores())[: args.cores])
    bind(cores)
    pack = find_llm_pack(args.pack, roots=[args.models, shipped_root()])
    for neighbours in (0, 1):
        with busy(neighbours):
            rows: dict[str, list[tuple[float, float]]] = {}
            for _ in range(args.rounds):
                for threads in range(1, len(cores) + 1):
                    rows.setdefault(f"threads {threads}", []).append(fixed(pack, threads))
                rows.setdefault("edgereel", []).append(ours(pack, cores))
        print(f"{neighbours} busy neighbours on {len(cores)} cores; {pack.name}; medians of {args.rounds}")
        for name, found in rows.items():
            read, written = (median(column) for column in zip(*found, strict=True))
            print(f"  {name:10}  reads {read:7.1f} tokens/s   writes {written:6.1f} tokens/s")


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that count, on the cores of this one."""
    # In sessions of their own, as other services are: the scheduler shares the cores between sessions first. Each ends
    # with this process.
    count_on = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(10000))"
    running = [subprocess.Popen([sys.executable, "-c", count_on], start_new_session=True) for _ in range(count)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def fixed(pack: Pack, threads: int) -> tuple[float, float]:
    """Tokens read and written a second with a fixed number of threads, as llama-bench does it."""
    with opened(pack, threads, frozenset()) as model:
        return rates(model, follow=False)


def ours(pack: Pack, cores: frozenset[int]) -> tuple[float, float]:
    """The same with threads chosen from the free cores, before and while it writes."""
    with opened(pack, choose_threads(cores=cores), cores) as model:
        return rates(model, follow=True)


@contextmanager
def opened(pack: Pack, threads: int, cores: frozenset[int]) -> Iterator[object]:
    """The model, its file in the page cache."""
    with tempfile.TemporaryDirectory() as cache:
        path = pack.file(pack.manifest.file)
        os.posix_fadvise((number := os.open(path, os.O_RDONLY)), 0, 0, os.POSIX_FADV_WILLNEED)
        os.close(number)
        with open_llama(pack, threads=threads, small_board=True, cache=Path(cache), stop=Stop(), cores=cores) as model:
            yield model


def rates(model: object, *, follow: bool) -> tuple[float, float]:
    """Read READ tokens in batches, then write WRITTEN one by one."""
    llm = model._llm  # noqa: SLF001 - the same calls as llama-bench, below the sampling
    tokens = [(7 * number) % 1000 + 300 for number in range(READ)]
    llm.eval(tokens[:BATCH_TOKENS])  # warm
    llm.reset()
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(llm.ctx), True)
    began = time.perf_counter()
    llm.eval(tokens)
    read = READ / (time.perf_counter() - began)
    began = time.perf_counter()
    for number in range(WRITTEN):
        if follow:
            model._follow_cores()  # noqa: SLF001 - what LanguageModel.write does at every token
        llm.eval([number + 300])
    return read, WRITTEN / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
