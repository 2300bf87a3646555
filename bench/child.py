"""Runs one function in a fresh process: `call` sends it a dictionary, watches its memory, and gives back what it found."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.groups import Group
from bench.store import CHECKOUT, WORK
from bench.watch import OFTEN_S, Watch

PEERS = CHECKOUT / ".venv-bench/bin/python"
MARK = "bench: "


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended: `told` is what its function gave back, empty when it died; `why` is the end of its log."""

    code: int
    seconds: float
    peak: dict[str, float]
    told: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    def check(self) -> dict[str, Any]:
        """What it told. Raises RuntimeError when it died."""
        if self.code:
            raise RuntimeError(f"ended with {self.code}: {self.why}")
        return self.told


def call(
    function: str, argument: dict[str, Any], *, timeout_s: float = 300.0, group: Group | None = None,
    python: Path | str = sys.executable, every_s: float = OFTEN_S,
) -> Ended:  # fmt: skip
    """Run `function`, written module:name, with `argument`, in a process of its own; in a control group if wanted."""
    command = [str(python), "-m", "bench.child", function, json.dumps(argument)]
    began = time.monotonic()
    WORK.mkdir(parents=True, exist_ok=True)
    log = WORK / "child.log"
    with log.open("wb") as errors, subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=errors, preexec_fn=group.enter if group else None,  # noqa: PLW1509 - it only writes its number
    ) as process, Watch(process.pid, family=False, every_s=every_s) as watch:  # fmt: skip
        try:
            out, _ = process.communicate(timeout=timeout_s)
            why = ""
        except subprocess.TimeoutExpired:
            process.kill()
            out, why = b"", f"not done after {timeout_s:.0f} s"
            process.wait()
        except BaseException:  # Ctrl-C too: nothing is left behind
            process.kill()
            raise
    seconds = time.monotonic() - began
    lines = [line for line in out.decode(errors="replace").splitlines() if line.startswith(MARK)]
    told = json.loads(lines[-1].removeprefix(MARK)) if lines else {}
    why = why or " ".join(log.read_text(errors="replace").split())[-300:]
    return Ended(code=process.returncode, seconds=seconds, peak=watch.peak, told=told, why=why)


def main() -> None:
    """In the child."""
    module, name = sys.argv[1].split(":")
    told = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    print(MARK + json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
