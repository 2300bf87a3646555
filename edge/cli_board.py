"""`edgereel serve`, `submit`, `jobs`, `top` and `doctor`: what has to do with a board that serves."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.cli_settings import request_of, settings_of
from edge.doctor import Level, examine
from edge.errors import EngineError, RequestError, SettingsError
from edge.job import Job
from edge.jobqueue import JobQueue, queue_file
from edge.runlog import RunRow
from edge.sections import Broker
from edge.settings import Settings
from edge.show import print_json, print_table, progress
from edge.whole_file import whole_file
from edge.wire import Origin

Row = TypeVar("Row")
CLEAR = "\x1b[H\x1b[2J"  # what a terminal takes for "begin anew, top left"
MARKS = {Level.OK: "ok   ", Level.WARN: "warn ", Level.ERROR: "ERROR"}


def serve(args: argparse.Namespace) -> int:
    """Run the daemon until it is stopped; returns the exit code."""
    from edge import daemon

    return daemon.serve(settings_of(args))


def submit(args: argparse.Namespace) -> int:
    """Send a request to a board; returns the exit code, with --wait that of how the job ended."""
    from edge import submit as client

    settings = settings_of(args)
    broker = _broker(args.broker, settings.broker)
    request = request_of(args)
    with progress(f"job {request.id}") as report:
        state = client.submit(
            request,
            broker=broker,
            node=args.node or "",
            wait=args.wait,
            timeout_s=args.timeout,
            on_state=lambda body: report(str(body.get("phase") or body.get("state")), body.get("pct", 0) / 100),
        )
    if args.json:
        print_json(state)
    else:
        _print_state(state)
    return _exit_code(state)


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


def top(args: argparse.Namespace) -> int:
    """Show what a board says of itself until Ctrl-C; returns the exit code."""
    from edge.top import loads, rows

    live = sys.stdout.isatty() and not args.json
    for body in loads(_broker(args.broker, settings_of(args).broker), node=args.node or ""):
        if args.json:
            print_json(body)
        else:
            print(CLEAR * live, end="")
            print_table(("", ""), rows(body))
        if args.once:
            break
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


def _broker(text: str | None, default: Broker) -> Broker:
    if not text:
        return default
    host, colon, port = text.rpartition(":")
    host, port = (host, port) if colon else (text, str(default.port))
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise SettingsError(f"--broker {text!r} is not HOST:PORT.", hint="For example --broker 127.0.0.1:1883.")
    return msgspec.structs.replace(default, host=host.strip("[]"), port=int(port))


def _exit_code(state: dict[str, Any]) -> int:
    match state["state"]:
        case "rejected":
            return RequestError.exit_code
        case "failed":
            return EngineError.exit_code
        case "cancelled":
            return 10
        case _:
            return 0


def _print_state(state: dict[str, Any]) -> None:
    print(f"{state['id']}  {state['state']}")
    if error := state.get("error"):
        print(f"  {error['message']} {error.get('hint', '')}".rstrip())
    if clip := (state.get("result") or {}).get("clip"):
        print(f"  {clip['path']}  {clip['seconds']:g} s, sha256 {clip['sha256']}")


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
