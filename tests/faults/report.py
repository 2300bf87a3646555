"""The table of `docs/faults.md`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = """\
# What was injected, and what was lost

Written by a run of `tests/faults/` in its {form} form against Debian's mosquitto 2.0.11 with real daemons and, unless a
line says otherwise, the real generator with the tiny pack of the tests. `make faults` runs the long form, `make test` the
short one. *Lost*: requests that did not end
in a result. *Twice*: jobs that were done more than once, over all boards. F numbers are those of the fault plan; what a
kill of the broker takes from the broker's own disk comes back because the shipped requester sends again.

| fault | injected | requests | lost | twice | seen |
|---|---|---:|---:|---:|---|
"""


@dataclass(frozen=True)
class Line:
    """One line: what was injected, into how many requests, and what came of it."""

    fault: str
    injected: str
    requests: int
    lost: int
    twice: int
    note: str = ""


def write_report(path: Path, lines: Sequence[Line], *, form: str) -> None:
    """Write the table, in the order of the fault numbers, with the sum of the requests."""
    rows = [
        f"| {one.fault} | {one.injected} | {one.requests} | {one.lost} | {one.twice} | {one.note} |"
        for one in sorted(lines, key=lambda one: [int(part) if part.isdigit() else part for part in _parts(one.fault)])
    ]
    sums = [sum(getattr(one, name) for one in lines) for name in ("requests", "lost", "twice")]
    rows.append(f"| **all** | | **{sums[0]}** | **{sums[1]}** | **{sums[2]}** | |")
    path.write_text(HEAD.format(form=form) + "\n".join(rows) + "\n", encoding="utf-8")


def _parts(fault: str) -> list[str]:
    match = re.match(r"F(\d+)", fault)
    return ["0", match[1].zfill(3), fault] if match else ["1", "0", fault]
