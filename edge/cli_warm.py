"""`edgereel warm`: the list of prompts that the daemon makes in idle time."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.bulk import read_prompts
from edge.cli_settings import settings_of
from edge.errors import EngineError, RequestError
from edge.hot import HotPrompt, HotPrompts
from edge.jobqueue import JobQueue, queue_file
from edge.lock import is_held
from edge.request import make_request
from edge.settings import Settings
from edge.show import print_json, print_table, progress
from edge.wire import Origin

LOOK_S = 1.0
PROMPT_CHARS = 60
ERROR_CHARS = 80


def warm(args: argparse.Namespace) -> int:
    """Change or show the list; returns the exit code: with --wait 9 when a prompt could not be made."""
    settings = settings_of(args)
    if args.clear and args.file:
        raise RequestError("--clear empties the list, and FILE fills it.", hint="Clear it first, then give the file.")
    told, rows = _work(args, settings) if args.file or queue_file(settings).is_file() else ({}, [])
    serves = is_held(settings.paths.state / "lock")
    if args.json:
        prompts = {"prompts": [asdict(row) for row in rows]} if args.list else {}
        print_json(told | _counts(rows) | {"daemon": serves} | prompts)
    else:
        _show(rows, told, args, serves=serves)
    return EngineError.exit_code if args.wait and any(row.state == "failed" for row in rows) else 0


def _work(args: argparse.Namespace, settings: Settings) -> tuple[dict[str, Any], list[HotPrompt]]:
    """What was changed, and the list as it is now. Only looking must not make a queue."""
    with closing(JobQueue(queue_file(settings), origin=Origin(node=settings.node.id, boot="warm"))) as queue:
        hot, told = queue.library.hot, dict[str, Any]()
        if args.clear:
            told = {"cleared": hot.clear()}
        elif args.file:
            told = _add(hot, args)
        if args.wait and not args.clear:
            _wait(hot)
        return told, hot.rows()


def _add(hot: HotPrompts, args: argparse.Namespace) -> dict[str, Any]:
    prompts = read_prompts(Path(args.file).expanduser())
    for number, prompt in enumerate(prompts, 1):
        try:
            make_request(prompt, mode=args.mode, seconds=args.seconds)
        except RequestError as exc:
            raise RequestError(f"Prompt {number} of {args.file}: {exc.message}", hint=exc.hint) from exc
    new, again = hot.add(prompts, mode=args.mode, seconds=args.seconds)
    return {"new": new, "again": again, "there": len(prompts) - new - again}


def _wait(hot: HotPrompts) -> None:
    with progress("warm") as report:
        while True:
            rows = hot.rows()
            open_rows = [row for row in rows if row.state in ("waiting", "making")]
            now = next((row.prompt for row in open_rows if row.state == "making"), "waiting for its turn")
            report(_short(now, 40) if open_rows else "made", 1 - len(open_rows) / max(1, len(rows)))
            if not open_rows:
                return
            time.sleep(LOOK_S)


def _counts(rows: list[HotPrompt]) -> dict[str, int]:
    states = Counter(row.state for row in rows)
    return {state: states[state] for state in ("done", "making", "waiting", "failed")}


def _show(rows: list[HotPrompt], told: dict[str, Any], args: argparse.Namespace, *, serves: bool) -> None:
    if "cleared" in told:
        print(f"Taken off the list: {told['cleared']}. Clips that are made stay.")
        return
    if told:
        print(f"New on the list: {told['new']}, there already: {told['there']}, to be made again: {told['again']}.")
    if not rows:
        print("The list is empty: edgereel warm FILE fills it.")
        return
    if args.list:
        print_table(("state", "mode", "prompt", "clip"), [_row(row) for row in rows])
    counts = _counts(rows)
    failed = f", {counts['failed']} could not be" if counts["failed"] else ""
    print(f"Made: {counts['done']} of {len(rows)}{failed}.")
    for row in rows:
        if row.state == "making":
            print(f"Now: {_short(row.prompt)}")
    if counts["waiting"] and not serves:
        print("No daemon runs here: `edgereel serve`, or `systemctl start edgereel`, makes them.")


def _row(row: HotPrompt) -> tuple[str, ...]:
    length = f" {row.seconds:g} s" if row.seconds else ""
    return row.state, f"{row.mode}{length}", _short(row.prompt), _short(row.error, ERROR_CHARS) or row.clip


def _short(text: str, most: int = PROMPT_CHARS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
