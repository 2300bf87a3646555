"""`edgereel serve`, `jobs` and `doctor`: what is done on a board that serves."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.cli_settings import settings_of
from edge.doctor import Level, examine
from edge.job import Job
from edge.jobqueue import JobQueue, queue_file
from edge.runlog import RunRow
from edge.settings import Settings
from edge.show import print_json, print_table
from edge.whole_file import whole_file
from edge.wire import Origin

Row = TypeVar("Row")
MARKS = {Level.OK: "ok   ", Level.WARN: "warn ", Level.ERROR: "ERROR"}


def serve(args: argparse.Namespace) -> int:
    """Run the daemon until it is stopped; returns the exit code."""
    from edge import daemon

    return daemon.serve(settings_of(args))


def jobs(args: argparse.Namespace) -> int:
    """List the jobs of this board, newest first, or what its runs took; returns the exit code."""
    settings = settings_of(args)
    if args.stats or args.plot:
        return _show_runs(_read_queue(settings, lambda queue: queue.runs.rows()), args)
    found = _read_queue(settings, lambda queue: queue.jobs())
    if args.json:
        print_json({"jobs": [_job_json(job) for job in found]})
    elif not found:
        print("No jobs.")
    else:
        heads = ("id", "state", "mode", "asked", "when", "prompt")
        print_table(heads, [_job_row(job) for job in found])
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Check this board; returns 0 unless a finding is an error, then 6."""
    findings = examine(settings_of(args))
    if args.json:
        print_json({"findings": [finding.to_json() for finding in findings]})
    else:
        for finding in findings:
            print(f"{MARKS[finding.level]}  {finding.name}: {finding.text}")
            if finding.fix:
                print(f"         fix: {finding.fix}")
    return 6 if any(finding.level is Level.ERROR for finding in findings) else 0


def _read_queue(settings: Settings, read: Callable[[JobQueue], list[Row]]) -> list[Row]:
    path = queue_file(settings)
    if not path.is_file():
        return []  # looking must not make a queue
    with closing(JobQueue(path, origin=Origin(node=settings.node.id, boot="jobs"))) as queue:
        return read(queue)


def _show_runs(runs: list[RunRow], args: argparse.Namespace) -> int:
    from edge.stats import summary

    if args.plot and runs:
        from edge.draw_runs import draw_runs

        with whole_file(Path(args.plot).expanduser()) as part:
            part.write_bytes(draw_runs(runs))
    found = summary(runs)
    if args.json:
        print_json({"runs": len(runs), "modes": found} | ({"plot": args.plot} if args.plot and runs else {}))
    elif not runs:
        print("No runs.")
    else:
        table = [
            (one["mode"], name, *(f"{value:g}" for value in figures.values()))
            for one in found for name, figures in one["figures"].items()
        ]  # fmt: skip
        print_table(("mode", "figure", "runs", "p50", "p90", "p99", "max"), table)
        print("; ".join(f"{one['mode']}: " + ", ".join(f"{count} {end}" for end, count in one["ended"].items())
                        for one in found))  # fmt: skip
    return 0


def _job_row(job: Job) -> tuple[str, ...]:
    mode = job.mode.value if job.mode else "-"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.updated_at))
    return (job.id, job.state.value, mode, job.request.mode, when, job.request.prompt[:60])


def _job_json(job: Job) -> dict[str, Any]:
    body = msgspec.to_builtins(job)
    return {key: value for key, value in body.items() if key != "reply"}
