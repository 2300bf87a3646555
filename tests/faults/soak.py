"""Hours of work under kills: does memory grow, are descriptors left open, does the broker fill up?

    python -m tests.faults.soak MINUTES [--out FILE]

Two boards of one pool make real clips with the tiny pack. One of them, its engine and the broker are killed every 20 to
120 s; the other is never killed, and its process is what is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil

from tests.boards import Board
from tests.faults.chaos import Chaos
from tests.faults.ledger import read_ledger
from tests.faults.requests import send_all
from tests.mosquitto import Mosquitto

EVERY_S = 12.0
SAMPLE_S = 15.0
MIB = 1 << 20


def main(argv: list[str]) -> int:
    """Run, print the figures as JSON, and return 1 when something was lost or grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--out", type=Path, help="also write the samples here, one JSON object per line")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        found = soak(Path(name), minutes=args.minutes, out=args.out)
    print(json.dumps(found))
    return int(found["lost"] > 0 or found["twice"] > 0)


def soak(folder: Path, *, minutes: float, out: Path | None) -> dict[str, float]:
    """The figures of one run: the medians of its second and its last quarter, the fewest descriptors, what was lost."""
    server = Mosquitto(folder / "mosquitto")
    server.start()
    boards = [Board(folder / node, server, "fleet.pools=[p]", node=node) for node in ("killed", "kept")]
    for board in boards:
        board.start()
    ids = [f"s{number}" for number in range(round(minutes * 60 / EVERY_S))]
    samples: list[dict[str, float]] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(boards[1], server, samples, stop, out), daemon=True)
    watcher.start()
    with Chaos(boards[:1], server, targets=("board", "engine", "broker"), gap_s=(20, 120), seed=1) as chaos:
        states = send_all(
            server, folder, ids, topic="edgereel/v1/pool/p/req", every_s=EVERY_S, timeout_s=minutes * 60 + 300,
            retry_s=30, offline_s=30,
        )  # fmt: skip
    stop.set()
    watcher.join(60)
    ledger = read_ledger(boards)
    for board in boards:
        board.end()
    server.stop()
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    figures = {
        f"{name}_{when}": round(median(one[name] for one in some), 2)
        for name in ("rss_mib", "fds", "threads", "retained")
        for when, some in (("early", early), ("late", late))
    }
    figures |= {  # what is open between two jobs: a leak raises it, a job that runs at the moment does not
        f"fds_least_{when}": min(one["fds"] for one in some) for when, some in (("early", early), ("late", late))
    }
    lost = sum(state.get("state") != "done" for state in states.values())
    kills = {f"kills_{target}": float(count) for target, count in chaos.kills.items()}
    return {"requests": len(ids), "lost": lost, "twice": len(ledger.twice), **kills, **figures}


def _watch(
    board: Board, server: Mosquitto, samples: list[dict[str, float]], stop: threading.Event, out: Path | None
) -> None:
    process = psutil.Process(board.pid)
    started = time.monotonic()
    while not stop.wait(SAMPLE_S):
        one = {
            "seconds": round(time.monotonic() - started, 1),
            "rss_mib": round(process.memory_info().rss / MIB, 3),
            "fds": process.num_fds(),
            "threads": process.num_threads(),
            "retained": retained(server),
        }
        samples.append(one)
        if out:
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(one) + "\n")


def retained(server: Mosquitto) -> int:
    """How many retained messages the broker's last file of them holds; that of the moment while it is up."""
    try:
        with server.listen("edgereel/v1/#") as seen:
            time.sleep(0.5)
            return sum(message.get("retain") == 1 for message in seen.messages())
    except (AssertionError, OSError):
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
