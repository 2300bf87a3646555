"""The smallest memory control group in which a language model in the shape of Qwen3-0.6B still works, and what is locked there."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.child import call
from bench.figures import smallest
from bench.groups import MIB, Group
from bench.llm_peers import server
from bench.llm_ways import tokens
from bench.qwen_shape import VOCABULARY, write
from bench.store import WORK, Row
from edge.manifest import CONTEXT_TOKENS, file_sha256
from edge.memory import read_process

LOW, HIGH, STEP = 192, 1344, 32  # MiB
LITTLE, FULL, WRITTEN = 64, CONTEXT_TOKENS - 24, 16
SLOW = 3.0  # times as long as with room: whoever reads its weights from the disk for every token is not alive


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of one run in a group."""

    lived: bool
    seconds: float
    locked_mib: float = 0.0
    anonymous_mib: float = 0.0


Run = Callable[[Group | None, int, float], Trial]
LOCKED = " (weights locked)"  # ways whose name ends so do not count as alive before all weights are locked


def smallest_groups(*, quick: bool) -> list[Row]:
    """For each way, the group that it needs to read a little; there, the whole context is filled once."""
    gguf = model()
    ways = _ways(gguf)
    rows = []
    for name in list(ways)[:1] if quick else ways:
        rows += _search(name, ways[name], gguf, step=64 if quick else STEP, quick=quick)
    return rows


def model() -> Path:
    """The random model, written once."""
    path = WORK / "qwen3-shape.gguf"
    if not path.is_file():
        part = path.with_suffix(".part")
        write(part)
        part.replace(path)
    return path


def _search(name: str, run: Run, gguf: Path, *, step: int, quick: bool) -> list[Row]:
    roomy = run(None, LITTLE, 300.0)
    if not roomy.lived:
        return [Row(way=name, column="smallest group", unit="MiB", note="does not run here at all")]
    patience = max(12.0, SLOW * roomy.seconds)
    wanted = 0.95 * gguf.stat().st_size / MIB if name.endswith(LOCKED) else 0.0

    def alive(trial: Trial) -> bool:
        return trial.lived and trial.locked_mib >= wanted

    limit = smallest(lambda size: alive(_trial(run, gguf, size, LITTLE, patience)), low=LOW, high=HIGH, step=step)
    if limit is None:
        return [Row(way=name, column="smallest group", unit="MiB", note=f"killed even in {HIGH} MiB")]
    full = LITTLE if quick else FULL
    room = run(None, full, 600.0)
    while not alive(whole := _trial(run, gguf, limit, full, max(60.0, SLOW * room.seconds))):
        if (limit := limit + step) > HIGH:
            return [Row(way=name, column="smallest group", unit="MiB", note=f"with a full context not even {HIGH} MiB")]
    values = {
        ("smallest group", "MiB"): float(limit), ("weights locked there", "MiB"): whole.locked_mib,
        ("anonymous there", "MiB"): whole.anonymous_mib, ("seconds there", "s"): whole.seconds,
        ("seconds with room", "s"): room.seconds,
    }  # fmt: skip
    return [Row(way=name, column=column, unit=unit, values=[value]) for (column, unit), value in values.items()]


def _trial(run: Run, gguf: Path, limit: int, read: int, patience_s: float) -> Trial:
    # Pages of the file that others read belong to their group: it is thrown out first, so that this one pays for it.
    drop = ["dd", f"of={gguf}", "oflag=nocache", "conv=notrunc,fdatasync", "count=0"]
    subprocess.run(drop, check=True, stderr=subprocess.DEVNULL)
    with Group("edgereel-bench", limit) as group:
        return run(group, read, patience_s)


def _ways(gguf: Path) -> dict[str, Run]:
    given = {"gguf": str(gguf), "write": WRITTEN}
    exact = given | {"sha256": file_sha256(gguf), "vocabulary": VOCABULARY}
    return {
        f"edgereel{LOCKED}": _python("ours_small", exact),
        "edgereel": _python("ours_small", exact),
        f"llama-cpp-python, use_mlock{LOCKED}": _python("defaults_small", given | {"mlock": True}),
        "llama-cpp-python, default options": _python("defaults_small", given | {"mlock": False}),
        "llama-server, default options": _served(gguf),
    }


def _python(name: str, given: dict[str, object]) -> Run:
    def run(group: Group | None, read: int, patience_s: float) -> Trial:
        ended = call(f"bench.llm_ways:{name}", given | {"read": read}, group=group, timeout_s=patience_s)
        told = ended.told
        return Trial(
            lived=ended.code == 0 and told.get("written") == WRITTEN, seconds=ended.seconds,
            locked_mib=told.get("weights_locked_mib", 0.0), anonymous_mib=told.get("anonymous_mib", 0.0),
        )  # fmt: skip

    return run


def _served(gguf: Path, *options: str) -> Run:
    def run(group: Group | None, read: int, patience_s: float) -> Trial:
        began = time.monotonic()
        # Its context as ours; all else as it comes.
        with server(gguf, "-c", str(CONTEXT_TOKENS), "--parallel", "1", *options, group=group) as one:
            try:
                one.wait(timeout_s=patience_s)
                one.complete(tokens(read), write=WRITTEN, timeout_s=max(1.0, patience_s - (time.monotonic() - began)))
            except (RuntimeError, OSError, json.JSONDecodeError):
                return Trial(lived=False, seconds=time.monotonic() - began)
            memory = read_process(Path("/"), pid=one.process.pid)
        locked = memory.get("locked_mib", 0.0)
        return Trial(lived=True, seconds=time.monotonic() - began, locked_mib=locked,
                     anonymous_mib=memory.get("anonymous_mib", 0.0))  # fmt: skip

    return run
