"""Draws what was measured, from the records: `python -m bench.plots RAW OUT`; runs where matplotlib is (.venv-bench)."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl

from bench.store import Record, load

mpl.use("Agg")
import matplotlib.pyplot as plt

OURS, OTHERS = "#2b7a5b", "#b9b4a7"


def main() -> None:
    """Every plot that there are records for; prints the names of the files."""
    raw, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name, draw in {"llm": _llm, "small": _small, "clips": _clips, "boards": _boards}.items():
        if draw(raw, out / f"{name}.png"):
            print(f"{name}.png")


def _llm(raw: Path, path: Path) -> bool:
    """Tokens written, alone and beside a busy neighbour."""
    pairs = [(title, load(name, folder=raw)) for name, title in
             (("llm-speed", "alone"), ("llm-contended", "one core busy"))]  # fmt: skip
    if not all(record and record.rows for _, record in pairs):
        return False
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.2), sharey=True)
    for axis, (title, record) in zip(axes, pairs, strict=True):
        assert record
        found = {row.way: median(row.values) for row in record.rows if row.column == "writes"}
        found |= {row.way: median(row.values) for row in record.rows
                  if row.column == "writes and draws" and row.way not in found}  # fmt: skip
        _bars(axis, found, f"tokens written a second, {title}")
    return _save(figure, path)


def _small(raw: Path, path: Path) -> bool:
    """The smallest group of each way."""
    record = load("llm-small", folder=raw)
    found = _column(record, "smallest group")
    if not found:
        return False
    figure, axis = plt.subplots(figsize=(6.5, 2.4))
    _bars(axis, found, "MiB: smallest control group, shape of Qwen3-0.6B")
    return _save(figure, path)


def _clips(raw: Path, path: Path) -> bool:
    """Seconds and memory over the length of a clip."""
    record = load("clips", folder=raw)
    if not (record and record.rows):
        return False
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3))
    for axis, column, title in zip(axes, ("draws", "peak PSS"), ("seconds to draw", "peak MiB (PSS)"), strict=True):
        points = [(float(way.split()[0]), value) for way, value in _column(record, column).items()]
        axis.plot(*zip(*points, strict=True), "o-", color=OURS)
        axis.set(xlabel="seconds of clip", title=title, ylim=(0, None), xlim=(0, None))
    return _save(figure, path)


def _boards(raw: Path, path: Path) -> bool:
    """Jobs a second over the number of boards."""
    found = _column(load("boards", folder=raw), "jobs a second")
    if not found:
        return False
    figure, axis = plt.subplots(figsize=(4.8, 3))
    counts = [int(way.split()[0]) for way in found]
    axis.plot(counts, list(found.values()), "o-", color=OURS)
    axis.plot(counts, counts, "--", color=OTHERS)
    axis.set(xlabel="boards", title="jobs a second, stand-in generator (dashes: ideal)", ylim=(0, None))
    return _save(figure, path)


def _column(record: Record | None, column: str) -> dict[str, float]:
    rows = record.rows if record else []
    return {row.way: median(row.values) for row in rows if row.column == column and row.values}


def _bars(axis: plt.Axes, found: dict[str, float], title: str) -> None:
    names = list(found)[::-1]
    axis.barh(names, [found[name] for name in names], color=[OURS if "edgereel" in name else OTHERS for name in names])
    axis.bar_label(axis.containers[0], fmt="%.3g", padding=3, fontsize=8)
    axis.set_title(title, fontsize=9, loc="left")
    axis.tick_params(labelsize=8)
    axis.margins(x=0.12)


def _save(figure: plt.Figure, path: Path) -> bool:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.title.set_fontsize(9)
    figure.tight_layout()
    figure.savefig(path, dpi=100, metadata={"Software": ""})
    plt.close(figure)
    return True


if __name__ == "__main__":
    main()
