"""What the command line shows: progress on stderr, results and tables on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from unicodedata import east_asian_width

from edge.plan import Plan
from edge.result import Result

UNDERSTOOD_LITTLE = 0.5
PLAIN_STEP = 0.1


class Reporter(Protocol):
    """Takes how far the work is: a word for what is being done, and the share of the whole, 0 to 1."""

    def __call__(self, phase: str, fraction: float) -> None:
        """Show it."""


@contextmanager
def progress(title: str) -> Iterator[Reporter]:
    """A bar on a terminal, else a plain line at every new phase and every tenth of the way; always on stderr."""
    if not sys.stderr.isatty():
        yield _plain_lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[phase]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=1.0, phase="")
        yield lambda phase, fraction: bar.update(task, completed=fraction, phase=phase)


def _plain_lines(title: str) -> Reporter:
    last = ("", -1.0)

    def report(phase: str, fraction: float) -> None:
        nonlocal last
        if phase != last[0] or fraction >= last[1] + PLAIN_STEP:
            last = (phase, fraction)
            print(f"{title}: {phase} {fraction:.0%}", file=sys.stderr, flush=True)

    return report


def note(text: str) -> None:
    """One line on stderr, beside the results."""
    print("edgereel: " + " ".join(text.split()), file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """One JSON object on one line, in UTF-8 as it is."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_result(result: Result) -> None:
    """A finished clip for a person to read."""
    clip, mode = result.clip, result.mode
    asked = "" if mode.requested == mode.effective else f" (asked for {mode.requested})"
    reason = f" because {mode.reason}" if mode.reason else ""
    times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.timings_s.items())
    memory = ", ".join(
        f"{name.removesuffix('_mib').replace('_', ' ')} {mib:.0f}" for name, mib in result.memory.items()
    )
    print(f"{clip.path}")
    print(f"  clip     {clip.width}x{clip.height}, {clip.fps} fps, {clip.frames} frames, {clip.seconds:g} s, "
          f"{clip.bytes / 1024:.0f} KiB, seed {result.seed}")  # fmt: skip
    if clip.poster:
        print(f"  poster   {clip.poster}")
    preview = result.extras.get("preview")
    if isinstance(preview, dict):
        print(f"  preview  {preview['path']}, {preview['width']}x{preview['height']}, {preview['frames']} frames, "
              f"{preview['bytes'] / 1024:.0f} KiB")  # fmt: skip
    done = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.extras.items() if name != "preview")
    if done:
        print(f"  extras   {done}")
    print(f"  mode     {mode.effective.value}{asked}{reason}")
    print_plan(result.plan)
    print(f"  seconds  {times}")
    print(f"  MiB      {memory or 'not known on this kernel'}")
    wanted, locked = (sum(one[name] for one in result.weights.values()) for name in ("wanted_mib", "locked_mib"))
    print(f"  weights  {locked:.0f} of {wanted:.0f} MiB locked in memory")
    print("  usage    " + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in result.usage.items()))


def print_plan(plan: Plan) -> None:
    """The caption, the shots, and a note when little of the prompt was understood."""
    print(f"  caption  {plan.caption}")
    for number, shot in enumerate(plan.shots, 1):
        slots = ", ".join(f"{name} {value}" for name, value in shot.slots.items())
        print(f"  shot {number}   {shot.seconds:g} s: {slots}")
    if plan.shots[0].path:
        print("  path     " + ", ".join("(" + ", ".join(f"{part:g}" for part in point) + ")"
                                         for point in plan.shots[0].path.points))  # fmt: skip
    if plan.coverage < UNDERSTOOD_LITTLE:
        print(f"  note     only {plan.coverage:.0%} of the prompt's words are known to this video pack; "
              "README.md lists what it can draw")  # fmt: skip


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns, each as wide as its longest cell."""
    widths = [max(_width(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese letters take two each."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
