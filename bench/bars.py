"""The bars: what was promised, the figure that was measured, and whether it reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench import generator, llm
from bench.figures import digits, line_error, paired
from bench.llm_small import LOCKED
from bench.store import Record

Records = Mapping[str, Record]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One bar and what came of it; `reached` is None where nothing was measured."""

    promise: str
    figure: str
    reached: bool | None


def judge(records: Records) -> list[Judged]:
    """All bars in the order of the page."""
    return [_judged(promise, look, records) for promise, look in BARS.items()]


def _judged(promise: str, look: Callable[[Records], tuple[str, bool]], records: Records) -> Judged:
    try:
        figure, reached = look(records)
    except (KeyError, ValueError, IndexError):
        return Judged(promise=promise, figure="not measured", reached=None)
    return Judged(promise=promise, figure=figure, reached=reached)


def _middle(records: Records, name: str, way: str, column: str) -> float:
    values = records[name].values(way, column)
    if not values:
        raise KeyError(way)
    return median(values)


def _ours_of_best(column: str, share: float) -> Callable[[Records], tuple[str, bool]]:
    """Against the best of llama-bench's thread counts: with the same options, and with its own."""

    def look(records: Records) -> tuple[str, bool]:
        record, told, shares = records["llm-speed"], [], {}
        for kind in ("our options", "its options"):
            rows = [row for row in record.rows if row.way.startswith(f"llama-bench, {kind}") and row.column == column]
            best = max(rows, key=lambda row: median(row.values))
            shares[kind] = paired(record.values(best.way, llm.beside(column)), best.values)
            told.append(f"{shares[kind]:.1%} of its best with {kind} ({digits(median(best.values))})")
        ours = digits(_middle(records, "llm-speed", llm.OURS, column))
        return f"{ours} tokens/s: {', '.join(told)}, by pairs of runs", shares["our options"] >= share

    return look


def _contended(records: Records) -> tuple[str, bool]:
    ours = _middle(records, "llm-contended", llm.OURS, llm.DRAWN)
    server = _middle(records, "llm-contended", llm.SERVER, llm.DRAWN)
    return f"{digits(ours)} against {digits(server)} tokens/s: {ours / server:.1f} times", ours >= 10 * server


def _small(records: Records) -> tuple[str, bool]:
    way = f"{llm.OURS}{LOCKED}"
    limit, locked = (
        _middle(records, "llm-small", way, column) for column in ("smallest group", "weights locked there")
    )
    return f"{limit:.0f} MiB with {locked:.0f} MiB of weights locked", limit * 1.048576 <= 600 and locked > 300


def _generator_time(records: Records) -> tuple[str, bool]:
    ours = records["generator"].values(generator.OURS, generator.SLOT)
    rows = [row for row in records["generator"].rows if row.unit == "ms" and row.column == generator.SLOT]
    best = min((row for row in rows if row.way.startswith("onnxruntime")), key=lambda row: median(row.values))
    more = paired(ours, best.values) - 1
    theirs = f"{best.way}: {digits(median(best.values))} ms"
    return f"{digits(median(ours))} ms for 12 frames; {theirs} ({more:+.1%} by rounds)", more <= 0.05


def _generator_memory(records: Records) -> tuple[str, bool]:
    shares = []
    for column in (generator.OPENED, generator.RAN):
        ours, stock = (_middle(records, "generator", way, column) for way in (generator.OURS, generator.STOCK))
        shares.append((ours, stock))
    told = ", ".join(f"{digits(ours)} of {digits(stock)} MiB ({ours / stock:.0%}) {when}"
                     for (ours, stock), when in zip(shares, ("opened", "after runs"), strict=True))  # fmt: skip
    return told, all(ours <= 0.5 * stock for ours, stock in shares)


def _long_memory(records: Records) -> tuple[str, bool]:
    short, long = (_middle(records, "clips", f"{length} s clip", "peak PSS") for length in (2, 60))
    return f"{digits(long)} against {digits(short)} MiB: {long / short - 1:+.1%}", long <= 1.10 * short


def _long_time(records: Records) -> tuple[str, bool]:
    points = [(float(length), _middle(records, "clips", f"{length} s clip", "draws")) for length in (2, 4, 15, 60)]
    error = line_error(points)
    return ", ".join(f"{x:.0f} s: {digits(y)} s" for x, y in points) + f"; {error:.1%} off the line", error <= 0.10


BARS: dict[str, Callable[[Records], tuple[str, bool]]] = {
    "writes at least 97 % of llama-bench's best thread count": _ours_of_best(llm.WRITES, 0.97),
    "reads at least 95 % of llama-bench's best thread count": _ours_of_best(llm.READS, 0.95),
    "with one core busy, at least 10 times llama-server's default": _contended,
    "Qwen3-0.6B shape lives in at most 600 MB, weights locked": _small,
    "generator within 5 % of the fastest onnxruntime configuration": _generator_time,
    "generator at no more than half of onnxruntime's anonymous memory": _generator_memory,
    "a 60 s clip takes at most 10 % more memory than a 2 s clip": _long_memory,
    "time grows in a line with a clip's length, within 10 %": _long_time,
}
