"""Boards for the tests of the daemon: settings, and `edgereel serve` as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from edge.settings import Settings, load_settings
from tests.mosquitto import Mosquitto

FAKE_ENGINE = (sys.executable, str(Path(__file__).with_name("fake_engine.py")))
DATA = Path(__file__).with_name("data")
FAKE_SERVE = f"""
import os, sys
from pathlib import Path
from edge.daemon import serve
from edge.settings import load_settings
sys.exit(serve(load_settings(None, overrides=sys.argv[1:], env=os.environ), command={FAKE_ENGINE!r}))
"""


def tiny_settings(folder: Path, *overrides: str) -> Settings:
    """A board with the tiny pack, no language model and folders of its own, which never sees pressure."""
    return load_settings(None, overrides=[*board_values(folder), *overrides], env={}, root=folder / "no-root")


def board_values(folder: Path) -> list[str]:
    """The same as `section.key=value`, for a command line."""
    rows = ("direct", "lite", "spare", "paused")
    calm = {
        "mem_available_percent": 0,
        "some_avg10": 100,
        "full_avg10": 100,
        "swap_in_mib_s": 10_000,
        "temperature_celsius": 150,
    }
    return [
        "node.id=n1",
        "models.video=tinypack",
        'models.llm=""',
        "engine.threads=1",
        f"paths.state={folder}/state",
        f"paths.clips={folder}/clips",
        f"paths.cache={folder}/cache",
        f"paths.models={DATA}",
        "broker.keepalive_s=5",
        "governor.tick_s=0.5",
        "library.reuse=never",  # the same words again are another clip, where that is not what is tested
        *(f"governor.{row}.{key}={value}" for row in rows for key, value in calm.items()),
    ]


class Board:
    """One daemon on this machine; `fake` gives it the engine whose pipeline does what the prompt says.

    `values` are further settings; `script` starts the daemon in another way, with the settings as its arguments.
    """

    def __init__(
        self, folder: Path, server: Mosquitto, *values: str, fake: bool = False, node: str = "n1", script: str = ""
    ) -> None:
        self.folder = folder
        self.node = node
        broker = ("broker.host=127.0.0.1", f"broker.port={server.port}")
        self.values = [*board_values(folder), *broker, f"node.id={node}", *values]
        options = [part for value in self.values for part in ("--set", value)]
        script = script or (FAKE_SERVE if fake else "")
        start = ["-c", script, *self.values] if script else ["-m", "edge", "serve", *options]
        self.command = [sys.executable, *start]
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "serve.log"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder)

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def terminate(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(20)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(20)

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()

    def engine_pid(self) -> int | None:
        """The child of the daemon, from /proc."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid and fields[0] != "Z":
                return int(stat.parent.name)
        return None
