"""Does the main job fit? The daemon and its engine inside a memory control group without swap, one real request.

    python -m bench.fit --limit 1024 --mode no_think        (as root: it makes a control group, version 1 or 2)

Prints the peak of both processes together (PSS, sampled), what was locked against the size of the language model, how
often the group hit its limit and how often the kernel killed somebody in it, and the modes that the job went through.
A mosquitto of its own runs outside of the group. Ends by itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.groups import Group
from bench.watch import Watch, children, cpu_s
from edge.memory import read_process
from tests.mosquitto import Mosquitto

ROOT = Path("/")
PROMPT = "a red balloon rises over snowy mountains"


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=1024, help="MiB of the group (%(default)s)")
    parser.add_argument("--mode", default="no_think")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the daemon")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Group("edgereel-fit", args.limit) as group:
        folder = Path(name)
        broker = Mosquitto(folder / "mosquitto")
        broker.start()
        try:
            run(group, broker, folder, args)
        finally:
            broker.stop()


def run(group: Group, broker: Mosquitto, folder: Path, args: argparse.Namespace) -> None:
    """Start the daemon in the group, send one request, and print what it took."""
    values = [
        "node.id=fit", "broker.host=127.0.0.1", f"broker.port={broker.port}", f"paths.state={folder}/state",
        f"paths.clips={folder}/clips", f"paths.cache={folder}/cache", "engine.idle_exit_s=3", *args.set,
    ]  # fmt: skip
    options = [part for value in values for part in ("--set", value)]
    command = [sys.executable, "-m", "edge", "serve", *options]
    with subprocess.Popen(command, preexec_fn=group.enter, stderr=subprocess.DEVNULL) as daemon:  # noqa: PLW1509 - one thread here
        watch = Watch(daemon.pid)
        try:
            with broker.listen("edgereel/v1/node/fit/status") as seen:
                seen.wait(lambda message: message.get("payload") == "online")
            began = time.monotonic()
            sent = subprocess.run(
                [sys.executable, "-m", "edge", "submit", args.prompt, "--mode", args.mode, "--wait", "--json", *options],
                check=False, capture_output=True, text=True, timeout=900,
            )  # fmt: skip
            seconds = time.monotonic() - began
            state = json.loads(sent.stdout.splitlines()[-1]) if sent.stdout else {"state": sent.stderr.strip()}
            time.sleep(8)  # the engine ends, the parent rests
            gone = not children(daemon.pid)
            before, began = cpu_s(daemon.pid), time.monotonic()
            time.sleep(10)
            idle_cpu = (cpu_s(daemon.pid) - before) / (time.monotonic() - began)
            idle = read_process(ROOT, pid=daemon.pid)["pss_mib"]
        finally:
            watch.stop()
            daemon.terminate()
            daemon.wait(30)
    report(group, state, watch, limit=args.limit, seconds=seconds)
    print(f"idle: parent {idle:.1f} MiB PSS, {idle_cpu:.2%} of a core; engine gone: {gone}")


def report(group: Group, state: dict[str, object], watch: Watch, *, limit: int, seconds: float) -> None:
    """One line per figure."""
    result = state.get("result") or {}
    weights = result.get("weights", {})  # type: ignore[attr-defined]
    print(f"limit {limit} MiB, no swap: {state['state']} in {seconds:.1f} s, modes {state.get('mode_path')}"
          f" {state.get('degraded_because') or ''}")  # fmt: skip
    print(
        f"peak PSS of parent and engine together: {watch.peak['pss_mib']:.0f} MiB; of anonymous memory: {watch.peak['anonymous_mib']:.0f}"
    )
    for name, one in weights.items():
        print(f"  {name}: {one['locked_mib']:.1f} of {one['wanted_mib']:.1f} MiB locked")
    print(f"VmLck at most: {watch.peak['locked_mib']:.1f} MiB")
    print(f"control group: {group.hits()} times at its limit, {group.kills()} killed")


if __name__ == "__main__":
    main()
