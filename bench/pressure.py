"""Pressure injected into a daemon that works: whether modes change in time, and every job is done.

    python -m bench.pressure --events 100 [--limit-steps 20 --stress 10]     (these two need root, and stress-ng)

The daemon is the real one with its real engine, queue and broker, on the tests' tiny pack. Most events are written into
the files of a stand-in for /proc and /sys: memory, PSI, heat, throttling, a control group. `--limit-steps` of them are
real: the daemon runs in a memory control group whose limit is lowered while a job runs. In `--stress` of them stress-ng
takes what is left of the group. Each event comes while a job
runs, stays for a second, and goes; the next one waits until the board is back in its best mode. Prints how many jobs
were lost, how many parents died, how long the change of the mode took, and how many results tell their modes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.groups import Group
from edge.mode import Mode
from tests.boards import DATA
from tests.mosquitto import Mosquitto

MIB = 1 << 20
CALM_S = 0.5
GROWN_MIB = 90
LIMIT_MIB = 1024
SERVE = """
import os, sys
from pathlib import Path
from edge.daemon import serve
from edge.settings import load_settings
sys.exit(serve(load_settings(None, overrides=sys.argv[2:], env=os.environ), root=Path(sys.argv[1])))
"""
Event = tuple[str, dict[str, str], Mode]


def main() -> None:
    """Inject and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--limit-steps", type=int, default=0, help="how many of them are a real group's limit")
    parser.add_argument("--stress", type=int, default=0, help="how many of them are stress-ng in the same group")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)  # noqa: S311 - the events, the same every time
    with tempfile.TemporaryDirectory() as name:
        broker = Mosquitto(Path(name) / "mosquitto")
        broker.start()
        try:
            fake = Run(Path(name) / "fake", broker, root=Path(name) / "fake/root")
            written = args.events - args.limit_steps - args.stress
            if written > 0:
                fake.go([fake.write(rng.choice(EVENTS)) for _ in range(written)], rng)
            if args.limit_steps + args.stress:
                with Group("edgereel-pressure", LIMIT_MIB) as group:
                    real = Run(Path(name) / "real", broker, root=Path("/"), group=group)
                    real.go([real.squeeze] * args.limit_steps + [real.stress] * args.stress, rng)
        finally:
            broker.stop()


CALM = {
    "proc/meminfo": "MemTotal: 1024000 kB\nMemAvailable: 800000 kB\n",
    "proc/pressure/memory": "some avg10=0.00 total=0\nfull avg10=0.00 total=0\n",
    "sys/class/thermal/thermal_zone0/temp": "45000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "proc/self/cgroup": "0::/board\n",
    "sys/fs/cgroup/board/memory.max": "max\n",
    "sys/fs/cgroup/board/memory.current": f"{300 * MIB}\n",
    "sys/fs/cgroup/board/memory.stat": "active_file 0\ninactive_file 0\n",
}
EVENTS: list[Event] = [
    *((f"{mib} of 1000 MiB available", {"proc/meminfo": f"MemTotal: 1024000 kB\nMemAvailable: {mib * 1024} kB\n"}, mode)
      for mib, mode in ((180, Mode.DIRECT), (100, Mode.LITE), (60, Mode.SPARE), (30, Mode.PAUSED))),
    *((f"PSI some {some} full {full}", {"proc/pressure/memory": f"some avg10={some} total=1\nfull avg10={full} total=1\n"},
       mode) for some, full, mode in (("8.00", "0.50", Mode.DIRECT), ("20.00", "3.00", Mode.LITE),
                                      ("50.00", "12.00", Mode.SPARE), ("90.00", "60.00", Mode.PAUSED))),
    *((f"{heat} degrees", {"sys/class/thermal/thermal_zone0/temp": f"{heat}000\n"}, mode)
      for heat, mode in ((77, Mode.DIRECT), (81, Mode.LITE), (84, Mode.SPARE), (90, Mode.PAUSED))),
    ("throttled", {"sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n"}, Mode.LITE),
    *((f"limit of {limit} MiB, 300 used", {"sys/fs/cgroup/board/memory.max": f"{limit * MIB}\n"}, mode)
      for limit, mode in ((360, Mode.DIRECT), (330, Mode.LITE), (316, Mode.SPARE), (305, Mode.PAUSED))),
]  # fmt: skip


class Run:
    """One daemon, and what became of its jobs."""

    def __init__(self, folder: Path, broker: Mosquitto, *, root: Path, group: Group | None = None) -> None:
        self.folder, self.broker, self.root, self.group = folder, broker, root, group
        self.seconds = 6 if group is None else 20  # a real squeeze has to find the engine grown, and still at work
        folder.mkdir()
        self.node = folder.name

    def go(self, events: list[Callable[[], tuple[str, Mode, Callable[[], None]]]], rng: random.Random) -> None:
        """Start the daemon, live through the events, and print."""
        if self.group is None:
            for path, text in CALM.items():
                self._put(path, text)
        values = [
            f"node.id={self.node}", "models.video=tinypack", 'models.llm=""', f"paths.models={DATA}", "engine.threads=1",
            *(f"paths.{name}={self.folder}/{name}" for name in ("state", "clips", "cache")), "broker.host=127.0.0.1",
            f"broker.port={self.broker.port}", f"governor.calm_s={CALM_S}", "governor.without_swap=think",
        ]  # fmt: skip
        command = [sys.executable, "-c", SERVE, str(self.root), *values]
        enter = self.group.enter if self.group else None
        log = (self.folder / "log").open("wb")
        with (
            log, subprocess.Popen(command, stderr=log, preexec_fn=enter) as self.daemon,  # noqa: PLW1509 - no thread here yet
            self.broker.listen(f"edgereel/v1/node/{self.node}/#", "edgereel/v1/job/#") as self.seen,
        ):  # fmt: skip
            try:
                self.until(lambda: self.mode() is Mode.THINK, 30)
                took = [self.one(number, event, rng) for number, event in enumerate(events)]
                died = self.daemon.poll() is not None
            finally:
                self.daemon.terminate()
        self.report([seconds for seconds in took if seconds is not None], len(events), died=died)

    def one(
        self, number: int, event: Callable[[], tuple[str, Mode, Callable[[], None]]], rng: random.Random
    ) -> float | None:
        """One job and one event; the seconds until the mode changed, None when it never did."""
        job = f"{self.node}-{number}"
        body = {
            "id": job,
            "prompt": "two blue fish swim in the deep sea",
            "mode": "direct",
            "seconds": self.seconds,
            "seed": 1,
        }
        self.broker.publish(f"edgereel/v1/node/{self.node}/req", json.dumps(body))
        self.until(lambda: self.states(job)[-1:] == ["running"], 60)
        time.sleep(rng.uniform(0, 0.8))
        what, wanted, calm = event()
        began = time.monotonic()
        told = self.until(lambda: (mode := self.mode()) is not None and mode.rank >= wanted.rank, 5)
        seconds = time.monotonic() - began if told else None
        time.sleep(1)
        calm()
        done = self.until(lambda: bool({"done", "failed"} & set(self.states(job))), 120)
        back = self.until(lambda: self.mode() is Mode.THINK, 30)
        shown = "never" if seconds is None else f"{seconds:.2f} s"
        print(f"{number:4} {what:32} -> {wanted.value:7} {shown:8} job {'done' if done else 'LOST'}"
              f" {self.path(job)}{'' if back else ' NOT BACK'}", flush=True)  # fmt: skip
        return seconds

    def report(self, took: list[float], count: int, *, died: bool) -> None:
        """The totals."""
        jobs = [f"{self.node}-{number}" for number in range(count)]
        done = sum("done" in self.states(job) for job in jobs)
        paths = sum(bool(self.path(job)) for job in jobs)
        late = sum(seconds > 1 for seconds in took) + count - len(took)
        print(f"{count} events: {count - done} jobs lost, parent {'died' if died else 'lives'}, mode changed after "
              f"{median(took):.2f} s (median), {max(took):.2f} s (longest), {late} later than 1 s or never; "
              f"{paths} of {done} results tell their modes")  # fmt: skip

    def write(self, event: Event) -> Callable[[], tuple[str, Mode, Callable[[], None]]]:
        """An event that is written into the stand-in files."""
        what, files, wanted = event

        def begin() -> tuple[str, Mode, Callable[[], None]]:
            for path, text in files.items():
                self._put(path, text)
            return what, wanted, lambda: [self._put(path, CALM[path]) for path in files] and None

        return begin

    def squeeze(self) -> tuple[str, Mode, Callable[[], None]]:
        """Lower the limit of the real group, once the engine has grown, until little more than a twentieth is left."""
        assert self.group
        group = self.group
        self.until(lambda: group.held_mib() > GROWN_MIB, 5)
        limit = int(group.held_mib() / 0.92)
        group.limit(limit)
        return f"real limit of {limit} MiB", Mode.DIRECT, lambda: group.limit(LIMIT_MIB)

    def stress(self) -> tuple[str, Mode, Callable[[], None]]:
        """Have another process in the group take memory until a tenth of it is left."""
        assert self.group
        group = self.group
        self.until(lambda: group.held_mib() > GROWN_MIB, 5)
        mib = int(0.9 * LIMIT_MIB - group.held_mib())
        command = ["stress-ng", "--quiet", "--vm", "1", "--vm-bytes", f"{mib}m", "--vm-keep", "--timeout", "60s"]
        other = subprocess.Popen(command, preexec_fn=group.enter)  # noqa: PLW1509 - it only writes its number
        self.until(lambda: group.held_mib() > 0.88 * LIMIT_MIB, 10)  # taken

        def calm() -> None:
            other.terminate()
            other.wait(10)

        return f"stress-ng takes {mib} MiB", Mode.DIRECT, calm

    def mode(self) -> Mode | None:
        """The mode that the board told last."""
        told = [m["body"]["effective"] for m in self.seen.messages() if m["topic"].endswith(f"/{self.node}/mode")]
        return Mode(told[-1]) if told else None

    def states(self, job: str) -> list[str]:
        """What became of a job so far."""
        return [body["state"] for body in self.seen.states(job)]

    def path(self, job: str) -> str:
        """The modes in the result of a job."""
        ends = [body for body in self.seen.states(job) if body["state"] == "done"]
        return str(ends[-1]["result"]["mode"]["path"]) if ends else ""

    def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for something; False when it did not come."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if true():
                return True
            time.sleep(0.02)
        return False

    def _put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(text)
        part.replace(file)


if __name__ == "__main__":
    main()
