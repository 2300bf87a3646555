"""A language model in a tight control group: opened as edgereel does, and with the defaults of llama-cpp-python.

    python -m bench.llm_memory --limit 600            (as root: it makes a control group; no swap)

The model has the shapes of Qwen3-0.6B in Q4_0 with random weights (or --gguf FILE), a context of 1024 tokens that is
filled, and 16 tokens are written. Prints for both how it ended, the peak of PSS and of what was locked, and how often
the group was at its limit: each hit there is a page of weights that is thrown out and read again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.groups import Group
from bench.qwen_shape import VOCABULARY, write
from edge.cpu import choose_threads
from edge.expand.llama import open_llama
from edge.manifest import CONTEXT_TOKENS, ChatTemplate, LlmManifest, PathSource, Thinking, WeightFile, file_sha256
from edge.memory import MemoryPeak, return_what_is_free
from edge.packs import Pack
from edge.stop import Stop
from edge.trust import Trust
from edge.weights import prove

WAYS = ("edgereel", "defaults")
WRITTEN = 16
LONGEST_S = 900


def main() -> None:
    """Run both ways, each in a process and a group of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=600, help="MiB of the group (%(default)s)")
    parser.add_argument("--gguf", type=Path, help="another model than the random one")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps({"edgereel": ours, "defaults": defaults}[args.way](args.gguf)))
        return
    with tempfile.TemporaryDirectory() as name:
        path = args.gguf or Path(name) / "qwen3-shape.gguf"
        if not path.exists():
            write(path)
        print(f"{path.name}: {path.stat().st_size / 2**20:.0f} MiB, group of {args.limit} MiB without swap")
        for way in WAYS:
            report(way, path, args.limit)


def report(way: str, path: Path, limit: int) -> None:
    """Run one way in a group and print a line."""
    with Group(f"edgereel-{way}", limit) as group:
        subprocess.run(["dd", f"of={path}", "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], check=True,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "bench.llm_memory", "--way", way, "--gguf", str(path)], check=False,
            preexec_fn=group.enter, capture_output=True, text=True, timeout=LONGEST_S,
        )  # fmt: skip
        told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
        print(f"{way}: ended with {done.returncode} after {time.monotonic() - began:.0f} s; {told}; "
              f"group: peak {group.peak_mib():.0f} MiB, {group.hits()} times at its limit, {group.kills()} killed")  # fmt: skip


def ours(path: Path) -> dict[str, Any]:
    """As a small board opens it."""
    manifest = LlmManifest(
        format=1, name="bench", version="1", description="", licence="", source=PathSource(path=str(path)),
        file=path.name, files={path.name: WeightFile(sha256=file_sha256(path), bytes=path.stat().st_size)},
        template=ChatTemplate(system="", user="", assistant="", stop=[]), thinking=Thinking(kind="scratchpad"),
        context_tokens=CONTEXT_TOKENS, kv_kib_per_token=59.5, vocabulary_size=VOCABULARY,
    )  # fmt: skip
    return_what_is_free()
    with tempfile.TemporaryDirectory() as cache, MemoryPeak() as peak:
        pack, threads = Pack(path.parent, manifest, trust=Trust.GIVEN), choose_threads()
        with open_llama(pack, threads=threads, small_board=True, cache=Path(cache), stop=Stop()) as model:
            tokens = model.tokens("a red balloon rises over snowy mountains ", control=False)
            context = (tokens * CONTEXT_TOKENS)[: CONTEXT_TOKENS - WRITTEN - 1]
            written = model.write(context, most=WRITTEN, seed=1, temperature=0.5)
            proof = prove([path])[path.name]
        return {"written": len(written), "weights_locked_mib": round(proof.locked_mib, 1)} | peak.mib()


def defaults(path: Path) -> dict[str, Any]:
    """As its documentation says, with use_mlock for the same promise."""
    from llama_cpp import Llama

    with MemoryPeak() as peak:
        llm = Llama(str(path), n_ctx=CONTEXT_TOKENS, use_mlock=True, verbose=False)
        tokens = llm.tokenize(b"a red balloon rises over snowy mountains ", add_bos=False)
        context = (tokens * CONTEXT_TOKENS)[: CONTEXT_TOKENS - WRITTEN - 1]
        written = [token for token, _ in zip(llm.generate(context), range(WRITTEN), strict=False)]
        return {"written": len(written)} | peak.mib()


if __name__ == "__main__":
    main()
