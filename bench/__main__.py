"""Speed and memory beside peers: one command measures, prints one table, draws plots and writes bench/results.md.

Each measurement is kept as JSON in .bench/raw as soon as it is done, so a run that was cut off goes on where it was,
and one that failed loses nothing of the others. What was measured with other code is measured again.

    make bench                                  everything, about an hour on two quiet cores
    python -m bench --only llm                  one part: llm, generator, appliance, think
    python -m bench --only clips,llm-speed      or single measurements, see --list
    python -m bench --quick --noisy             a rehearsal: small counts, on a machine that does other things too
    python -m bench --report                    measure nothing, write the page from what there is

The machine must be quiet: others may use no more than an eighth of a core, before and during a measurement. Else nothing
is written, unless --noisy says so; then the page says so too. --quick has records and a page of its own, in .bench/quick.
Peers come from `make bench-peers`. Control groups need root.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.bars import judge
from bench.child import PEERS
from bench.figures import spread
from bench.machine import facts
from bench.measures import GROUPS, MEASURES, Measure
from bench.quiet import MOST, is_quiet, others, read_busy, wait_until_quiet
from bench.store import CHECKOUT, RAW, WORK, Record, code_digest, counts, load, save
from bench.table import VERDICTS, results

NOT_QUIET, FAILED = 3, 1


def main() -> int:
    """Measure what is missing, then write the page."""
    args = _arguments()
    chosen = _chosen(args.only)
    if args.list:
        for one in MEASURES:
            print(f"{one.name:15} {one.group:10} {one.minutes:3.0f} min  {one.title}")
        return 0
    raw, out = (WORK / "quick/raw", WORK / "quick") if args.quick else (RAW, CHECKOUT / "bench")
    raw.mkdir(parents=True, exist_ok=True)
    for one in () if args.report else chosen:
        code = code_digest(one.code)
        if not args.again and counts(load(one.name, folder=raw), code=code, quick=args.quick, noisy=args.noisy):
            print(f"{one.name}: kept from before (--again measures anew)", flush=True)
        elif not _measure(one, code=code, raw=raw, quick=args.quick, noisy=args.noisy):
            return NOT_QUIET
    return _report(raw, out, noisy=args.noisy)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", default="", metavar="NAMES", help=f"parts ({', '.join(GROUPS)}) or measurements, with commas"
    )
    parser.add_argument("--quick", action="store_true", help="small counts, kept and written apart")
    parser.add_argument("--noisy", action="store_true", help="measure though others compute, and mark the page so")
    parser.add_argument("--again", action="store_true", help="measure anew what there is a record of")
    parser.add_argument("--report", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--list", action="store_true", help="list the measurements")
    return parser.parse_args()


def _chosen(only: str) -> list[Measure]:
    names = {name.strip() for name in only.split(",") if name.strip()}
    known = {one.name for one in MEASURES} | set(GROUPS)
    if unknown := names - known:
        sys.exit(f"bench: no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [one for one in MEASURES if not names or names & {one.name, one.group}]


def _measure(one: Measure, *, code: str, raw: Path, quick: bool, noisy: bool) -> bool:
    """Measure and keep the record; False when it is not quiet enough to begin."""
    used = 0.0 if noisy else wait_until_quiet()
    if not is_quiet(used):
        print(f"bench: not quiet: others use {used:.2f} of a core, {MOST} at most. Nothing is measured. End what runs here, "
              "or see --noisy.", file=sys.stderr)  # fmt: skip
        return False
    print(f"{one.name}: about {one.minutes:.0f} min", flush=True)
    before, at = read_busy(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    record = Record(name=one.name, at=at, seconds=0, code=code, quick=quick, noisy=False, others=0, rows=[])
    began = time.monotonic()
    try:
        record = replace(record, rows=one.run(quick=quick))
    except Exception as exc:  # noqa: BLE001 - whatever goes wrong in one, the others are measured
        record = replace(record, error=f"{type(exc).__name__}: {exc}"[:500])
        print(f"{one.name}: failed: {record.error}", file=sys.stderr, flush=True)
    used = others(before, read_busy())
    record = replace(record, seconds=time.monotonic() - began, others=used, noisy=not is_quiet(used))
    save(record, folder=raw)
    print(f"{one.name}: {record.seconds:.0f} s, others used {used:.2f} of a core", flush=True)
    return True


def _report(raw: Path, out: Path, *, noisy: bool) -> int:
    """Print the table; write the page and its plots. The exit code."""
    found = {one.name: record for one in MEASURES if (record := load(one.name, folder=raw))}
    older = {one.name for one in MEASURES if one.name in found and found[one.name].code != code_digest(one.code)}
    judged = judge({name: record for name, record in found.items() if name not in older})
    _print(found)
    for bar in judged:
        print(f"{VERDICTS[bar.reached].strip('*'):12}  {bar.promise}: {bar.figure}")
    if disturbed := [name for name, record in found.items() if record.noisy]:
        print(f"bench: disturbed: {', '.join(disturbed)}", file=sys.stderr)
        if not noisy:
            print("bench: no page is written. Run it again when it is quiet (only these are measured), or see --noisy.",
                  file=sys.stderr)  # fmt: skip
            return NOT_QUIET
    measured = [(one, found.get(one.name)) for one in MEASURES]
    page = results(measured, judged, facts(), plots=_plots(raw, out / "plots"), older=older)
    (out / "results.md").write_text(page, encoding="utf-8")
    print(f"written: {out / 'results.md'}")
    return FAILED if any(record.error for record in found.values()) else 0


def _plots(raw: Path, folder: Path) -> list[str]:
    if not PEERS.is_file():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(PEERS), "-m", "bench.plots", str(raw), str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"bench: no plots: {done.stderr.splitlines()[-1]}", file=sys.stderr)
    return [f"plots/{name}" for name in done.stdout.split()]


def _print(found: dict[str, Record]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("measurement", "way", "figure", "median (lowest–highest)", "unit"):
        table.add_column(name, overflow="fold")
    for name, record in found.items():
        for row in record.rows:
            table.add_row(name, row.way, row.column, spread(row.values).text() if row.values else row.note, row.unit)
        if record.error:
            table.add_row(name, "failed", record.error, "", "")
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
