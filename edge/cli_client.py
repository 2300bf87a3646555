"""`edgereel submit`, `top` and `fleet`: what is done from anywhere, over MQTT."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from edge.cli_settings import request_of, settings_of
from edge.errors import BrokerError, EngineError, RequestError, SettingsError
from edge.sections import Broker
from edge.settings import Settings
from edge.show import print_json, print_table, progress
from edge.wire import FINAL_STATES

CLEAR = "\x1b[H\x1b[2J"  # what a terminal takes for "begin anew, top left"
EXIT_CODES = {"rejected": RequestError.exit_code, "expired": RequestError.exit_code, "failed": EngineError.exit_code,
              "cancelled": 10}  # fmt: skip


def submit(args: argparse.Namespace) -> int:
    """Send a request to a board; returns the exit code, with --wait that of how the job ended."""
    from edge import submit as client

    settings = settings_of(args)
    broker = _broker(args.broker, settings.broker)
    file = settings.paths.state / "sent.sqlite"
    if args.resume:
        return _resume(args, broker=broker, file=file)
    if args.prompt is None:
        raise RequestError(
            "There is no prompt.", hint='Say what to show: edgereel submit "a red balloon", or --resume.'
        )
    args.deliver, token = ("inline" if args.download else None), _token(args.token)
    request = request_of(args)
    with progress(f"job {request.id}") as report:
        state = client.submit(
            request,
            broker=broker,
            file=file,
            node=args.node or "",
            pool=args.pool or "",
            wait=args.wait or bool(args.download),
            timeout_s=args.timeout,
            on_state=lambda body: report(str(body.get("phase") or body.get("state")), _share(body)),
        )
    if args.download and state["state"] == "done":
        state["result"] = _fetched(state, args, settings, token=token)
    if args.json:
        print_json(state)
    else:
        _print_state(state)
    return EXIT_CODES.get(state["state"], 0)


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


def fleet(args: argparse.Namespace) -> int:
    """Show all boards of a broker until Ctrl-C; returns the exit code."""
    from edge.fleet import HEADS, row, to_json, watch

    live = sys.stdout.isatty() and not args.json
    for boards in watch(_broker(args.broker, settings_of(args).broker), first_s=3.0 if args.once else 1.0):
        now = time.monotonic()
        if args.json:
            print_json({"boards": [to_json(board, now=now) for board in boards]})
        elif boards:
            print(CLEAR * live, end="")
            print_table(HEADS, [row(board, now=now) for board in boards])
        else:
            print("No board has said anything to this broker.")
        if args.once:
            break
    return 0


def _share(body: dict[str, Any]) -> float:
    return 1.0 if body.get("state") == "done" else float(body.get("pct", 0)) / 100


def _resume(args: argparse.Namespace, *, broker: Broker, file: Path) -> int:
    from edge.submit import resume

    states = resume(broker=broker, file=file, timeout_s=args.timeout)
    if args.json:
        print_json({"jobs": states})
    for state in states if not args.json else ():
        _print_state(state)
    if not states and not args.json:
        print("Nothing is open.")
    if late := sum(state["state"] not in FINAL_STATES for state in states):
        raise BrokerError(
            f"{late} of {len(states)} requests did not end in time.", hint="`edgereel submit --resume` goes on waiting."
        )
    return max((EXIT_CODES.get(state["state"], 0) for state in states), default=0)


def _token(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise SettingsError(f"--token {path}: {why}.", hint="Give the file that holds the board's token.") from exc


def _fetched(
    state: dict[str, Any], args: argparse.Namespace, settings: Settings, *, token: str | None
) -> dict[str, Any]:
    """The result with where its clip lies now, and without the clip itself."""
    from edge.download import download

    broker, result = settings.broker, state["result"]
    path = download(
        result, Path(args.download).expanduser(), job_id=state["id"], token=token, ca_file=broker.ca_file,
        cert_file=broker.cert_file, key_file=broker.key_file,
    )  # fmt: skip
    return {key: value for key, value in result.items() if key != "inline"} | {"file": str(path)}


def _broker(text: str | None, default: Broker) -> Broker:
    if not text:
        return default
    host, colon, port = text.rpartition(":")
    host, port = (host, port) if colon else (text, str(default.port))
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise SettingsError(f"--broker {text!r} is not HOST:PORT.", hint="For example --broker 127.0.0.1:1883.")
    return msgspec.structs.replace(default, host=host.strip("[]"), port=int(port))


def _print_state(state: dict[str, Any]) -> None:
    print(f"{state['id']}  {state['state']}")
    if error := state.get("error"):
        print(f"  {error['message']} {error.get('hint', '')}".rstrip())
    if file := (state.get("result") or {}).get("file"):
        print(f"  {file}")
    elif clip := (state.get("result") or {}).get("clip"):
        print(f"  {clip['path']}  {clip['seconds']:g} s, sha256 {clip['sha256']}")
    if reused := (state.get("result") or {}).get("reused"):
        near = f", {reused['similarity']:.2f} alike" if reused["how"] == "near" else ""
        print(f"  not made anew: the {reused['how']} clip of job {reused['from']}{near}; --reuse never makes another")
