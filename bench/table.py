"""Records as Markdown: a table for each unit, ways as rows and what was measured as columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bench.bars import Judged
from bench.figures import spread
from bench.measures import Measure
from bench.store import Record, Row

VERDICTS = {True: "reached", False: "**missed**", None: "not measured"}


def results(
    measured: Sequence[tuple[Measure, Record | None]], judged: Sequence[Judged], facts: Sequence[tuple[str, str]],
    *, plots: Sequence[str] = (), older: Collection[str] = (),
) -> str:  # fmt: skip
    """The whole page; the measurements named in `older` are of code that has changed since."""
    return "\n".join(_page(measured, judged, facts, plots, older)) + "\n"


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """One table for each unit; a figure that only one way has stands alone."""
    for unit in dict.fromkeys(row.unit for row in rows):
        mine = [row for row in rows if row.unit == unit and (row.values or not row.note)]
        columns = list(dict.fromkeys(row.column for row in mine))
        ways = list(dict.fromkeys(row.way for row in mine))
        cells = {(row.way, row.column): row for row in mine}
        if len(ways) == 1:
            yield from _table(
                [unit or "count", ways[0]], [[column, _cell(cells[ways[0], column])] for column in columns]
            )
        else:
            body = [[way, *(_cell(cells.get((way, column))) for column in columns)] for way in ways]
            yield from _table([unit or "count", *columns], body)
        yield ""
    for row in rows:
        if not row.values and row.note:
            yield f"{row.way}: {row.note}.\n"


def _page(
    measured: Sequence[tuple[Measure, Record | None]], judged: Sequence[Judged], facts: Sequence[tuple[str, str]],
    plots: Sequence[str], older: Collection[str],
) -> Iterator[str]:  # fmt: skip
    yield "# Results\n\n`make bench` writes this page; [docs/performance.md](../docs/performance.md) says how to read it."
    yield "Medians, then the lowest and highest of all rounds.\n"
    records = [record for _, record in measured if record]
    if any(record.noisy for record in records):
        yield "**Noisy: others used the processors meanwhile. These are no results.**\n"
    if any(record.quick for record in records):
        yield "**Quick: small counts. These are no results.**\n"
    yield from _table(["on and with", ""], [list(fact) for fact in facts])
    yield "\n## Bars\n"
    yield from _table(["promise", "figure", ""], [[one.promise, one.figure, VERDICTS[one.reached]] for one in judged])
    for plot in plots:
        yield f"\n![]({plot})"
    for measure, record in measured:
        yield f"\n## {measure.title}\n\n{measure.about}\n"
        if record is None:
            yield "Not measured."
        elif record.error:
            yield f"Failed: {record.error}"
        else:
            yield from tables(record.rows)
            yield f"{record.at}; {record.seconds:.0f} s; others used {record.others:.2f} of a core meanwhile."
            if measure.name in older:
                yield "**The code that this ran has changed since.**"


def _cell(row: Row | None) -> str:
    if row is None or not row.values:
        return ""
    return spread(row.values).text() + (f" ({row.note})" if row.note else "")


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in body:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
