"""The language model against its peers: tokens a second, seconds to the first token, and memory, quiet and beside a neighbour."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

from bench.child import call
from bench.figures import take_turns
from bench.llm_peers import OUR_OPTIONS, llama_bench, server
from bench.llm_ways import tokens
from bench.store import Row
from bench.watch import NEVER_S, OFTEN_S
from edge.cpu import fast_cores
from edge.expand.prompt import constant_prefix
from edge.manifest import LlmManifest
from edge.models import pack_roots
from edge.packs import Pack, find_llm_pack, find_video_pack
from edge.settings import load_settings

OURS, SERVER, DEFAULTS = "edgereel", "llama-server, default options", "llama-cpp-python, default options"
RIVAL = "llama-bench"
READS, WRITES, DRAWN = "reads", "writes", "writes and draws"
RATE = "tokens/s"
Found = dict[str, float]
Turns = dict[str, dict[str, list[float]]]  # for each test, tokens a second of both
Way = Callable[[float], Found]  # takes the seconds between two looks at its memory
READ, WRITE = ("-p", 128, 40), ("-n", 32, 96)  # of each turn beside llama-bench: what, how many tokens, how many turns


def speed(*, quick: bool) -> list[Row]:
    """Nobody else computes."""
    ways = _ways(read=64 if quick else 256, write=16 if quick else 128)
    tests = [(test, count, 2 if quick else turns) for test, count, turns in (READ, WRITE)]
    return _rows(ways, rounds=2 if quick else 3, rivals=_rivals(tests))


def contended(*, quick: bool) -> list[Row]:
    """One other process computes all the time."""
    with busy(1):
        return _rows(_ways(read=64, write=8 if quick else 24), rounds=1 if quick else 3)


def first_token(*, quick: bool) -> list[Row]:
    """From the request to the first token, for the product's own prompt: the constant part, then what was asked."""
    pack = shipped()
    prefix, first, second = _prompt(pack)
    gguf = str(pack.file(pack.manifest.file))
    told: dict[str, list[Found]] = defaultdict(list)
    for _, way in take_turns(1 if quick else 5, (OURS, SERVER, DEFAULTS)):
        if way == SERVER:
            with server(Path(gguf)) as one:
                one.wait()
                cold = one.complete([*prefix, *first], write=1)["first_s"]
                again = one.complete([*prefix, *second], write=1)["first_s"]
            told[way].append({"cold_open_s": one.open_s, "cold_s": cold, "again_open_s": 0.0, "again_s": again})
        else:
            given = {"gguf": gguf, "prefix": prefix, "first": first, "second": second}
            if way == OURS:
                given |= {"sha256": sha256_of(pack), "vocabulary": pack.manifest.vocabulary_size}
            told[way].append(call(f"bench.llm_ways:{'ours' if way == OURS else 'defaults'}_first", given).check())
    columns = {
        "the model opens": "cold_open_s", "first token, nothing kept": "cold_s", "opens again": "again_open_s",
        "first token, prefix kept": "again_s",
    }  # fmt: skip
    return [
        Row(way=way, column=column, unit="s", values=[one[key] for one in runs])
        for way, runs in told.items() for column, key in columns.items()
    ]  # fmt: skip


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that count. Each ends with this process at the latest."""
    # In sessions of their own, as other services are: the scheduler shares the cores between sessions first.
    count_on = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(10000))"
    running = [subprocess.Popen([sys.executable, "-c", count_on], start_new_session=True) for _ in range(count)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def shipped(name: str = "smollm2-135m") -> Pack[LlmManifest]:
    """A language model of the shelf. Raises ModelError when its weights are not there."""
    return find_llm_pack(name, roots=pack_roots(load_settings(None, env=os.environ)))


def sha256_of(pack: Pack[LlmManifest]) -> str:
    """Of its weights."""
    return pack.manifest.files[pack.manifest.file].sha256


def _ways(*, read: int, write: int) -> dict[str, Way]:
    pack = shipped()
    gguf = pack.file(pack.manifest.file)
    given = {"gguf": str(gguf), "read": read, "write": write}
    exact = given | {"sha256": sha256_of(pack), "vocabulary": pack.manifest.vocabulary_size}

    def python(name: str, argument: dict[str, object]) -> Way:
        def run(every_s: float) -> Found:
            ended = call(f"bench.llm_ways:{name}", argument, every_s=every_s)
            return ended.check() | ended.peak

        return run

    def served(every_s: float) -> Found:
        with server(gguf, every_s=every_s) as one:
            one.wait()
            one.complete(tokens(16), write=2)  # warm
            told = one.complete(tokens(read + 16)[16:], write=write)
            return {"read": told["prompt_per_second"], "drawn": told["predicted_per_second"], **one.watch.peak}

    ways: dict[str, Way] = {OURS: python("ours", exact)}
    for name, (threads, options) in _llama_benches().items():
        ways[name] = partial(llama_bench, gguf, threads=threads, read=read, write=write, options=options)
    return ways | {SERVER: served, DEFAULTS: python("defaults", given)}


def _rivals(tests: list[tuple[str, int, int]]) -> dict[str, Callable[[], Turns]]:
    """Each llama-bench by turns with edgereel."""
    pack = shipped()
    given = {
        "gguf": str(pack.file(pack.manifest.file)), "sha256": sha256_of(pack),
        "vocabulary": pack.manifest.vocabulary_size, "tests": tests,
    }  # fmt: skip

    def run(threads: int, options: tuple[str, ...]) -> Turns:
        more = {"threads": threads, "options": options}
        return call("bench.llm_ways:ours_beside", given | more, every_s=NEVER_S, timeout_s=1200.0).check()

    return {name: partial(run, *how) for name, how in _llama_benches().items()}


def _llama_benches() -> dict[str, tuple[int, tuple[str, ...]]]:
    """llama-bench with every thread count, with edgereel's options and with its own."""
    kinds = {"our options": OUR_OPTIONS, "its options": ()}
    return {
        f"{RIVAL}, {kind}, {threads} threads": (threads, options)
        for kind, options in kinds.items() for threads in range(1, len(fast_cores()) + 1)
    }  # fmt: skip


def beside(column: str) -> str:
    """The column of what edgereel did directly before or after a peer's run, in the row of the peer."""
    return f"{OURS} beside it, {column}"


def _rows(
    ways: Mapping[str, Way], *, rounds: int, rivals: Mapping[str, Callable[[], Turns]] = MappingProxyType({})
) -> list[Row]:
    """Memory in one run of its own, since each look holds a process up; then speeds.

    Every peer once a round, and edgereel directly before or after it, by turns: a guest's host slows down for minutes.
    `rivals` take shorter turns, within one run.
    """
    cells: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    failed: dict[str, str] = {}
    for name in ways:
        _keep(cells, name, _found(ways, name, failed, every_s=OFTEN_S), "MiB")
    for number, peer in take_turns(rounds, [name for name in ways if name != OURS and name not in rivals]):
        found = {name: _found(ways, name, failed) for name in ((peer, OURS) if number % 2 else (OURS, peer))}
        for name, one in found.items():
            _keep(cells, name, one, RATE)
        for key, (column, unit) in _COLUMNS.items():
            if unit == RATE and all(key in one for one in found.values()):
                cells[peer, beside(column), unit].append(found[OURS][key])
    for name, run in rivals.items():
        try:
            turns = {} if name in failed else run()
        except (RuntimeError, OSError, subprocess.SubprocessError) as exc:
            turns, failed[name] = {}, str(exc)[:200]
        for test, column in (("-p", READS), ("-n", WRITES)):
            if test in turns:
                cells[name, column, RATE] = turns[test]["theirs"]
                cells[name, beside(column), RATE] = turns[test]["ours"]
                cells[OURS, column, RATE] += turns[test]["ours"]
    rows = [
        Row(way=way, column=column, unit=unit, values=values) for (way, column, unit), values in cells.items() if values
    ]
    return rows + [Row(way=way, column=WRITES, unit=RATE, note=f"failed: {why}") for way, why in failed.items()]


def _found(ways: Mapping[str, Way], name: str, failed: dict[str, str], *, every_s: float = NEVER_S) -> Found:
    """What one way does now; nothing when it fails or failed before."""
    if name in failed:
        return {}
    try:
        return ways[name](every_s)
    except (RuntimeError, OSError, subprocess.SubprocessError) as exc:
        failed[name] = str(exc)[:200]
        return {}


def _keep(cells: dict[tuple[str, str, str], list[float]], name: str, found: Found, wanted: str) -> None:
    """The figures of one run in one unit."""
    for key, (column, unit) in _COLUMNS.items():
        if unit == wanted and key in found:
            cells[name, column, unit].append(found[key])


_COLUMNS = {
    "read": (READS, RATE), "written": (WRITES, RATE), "drawn": (DRAWN, RATE), "pss_mib": ("peak PSS", "MiB"),
    "anonymous_mib": ("peak anonymous", "MiB"), "locked_mib": ("locked", "MiB"),
}  # fmt: skip


def _prompt(pack: Pack[LlmManifest]) -> tuple[list[int], list[int], list[int]]:
    """The constant part of the product's prompt, and two requests, as tokens."""
    settings = load_settings(None, env=os.environ)
    video = find_video_pack("tinyreel", roots=pack_roots(settings)).manifest
    text = constant_prefix(pack.manifest, video.vocabulary)
    asked = ("a red balloon rises over snowy mountains", "two blue fish swim in the deep sea at night")
    given = {"gguf": str(pack.file(pack.manifest.file)), "texts": [text, *asked]}
    told = call("bench.llm_ways:tokenize", given).check()["tokens"]
    return told[0], told[1], told[2]
