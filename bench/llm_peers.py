"""llama.cpp's own programs as peers: llama-bench, and llama-server over HTTP. `make bench-peers` builds them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.groups import Group
from bench.store import WORK
from bench.watch import NEVER_S, Watch
from edge.manifest import BATCH_TOKENS
from tests.mosquitto import free_port

BIN = WORK / "build/llama/bin"
OUR_OPTIONS = ("-fa", "1", "-ctk", "q8_0", "-ctv", "q8_0", "-b", str(BATCH_TOKENS), "-ub", str(BATCH_TOKENS))
TIMEOUT_S = 600.0


class MissingPeerError(RuntimeError):
    """A peer that is not built."""


def program(name: str) -> Path:
    """A built program. Raises MissingPeerError."""
    if not (BIN / name).is_file():
        raise MissingPeerError(f"{name} is not built: run make bench-peers")
    return BIN / name


def llama_bench(
    gguf: Path, every_s: float, *, threads: int, read: int, write: int, options: tuple[str, ...] = ()
) -> dict[str, float]:
    """Tokens a second, read and written, in one run after its own warm-up, and its peak memory, looked at `every_s`.

    Raises RuntimeError when it dies, and TimeoutExpired after TIMEOUT_S.
    """
    command = [
        str(program("llama-bench")), "-m", str(gguf), "-p", str(read), "-n", str(write), "-r", "1",
        "-t", str(threads), "-o", "json", *options,
    ]  # fmt: skip
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
        Watch(process.pid, family=False, every_s=every_s) as watch,
    ):
        try:
            out, _ = process.communicate(timeout=TIMEOUT_S)
        except BaseException:  # Ctrl-C too: nothing is left behind
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"llama-bench ended with {process.returncode}")
    return {"read" if one["n_prompt"] else "written": float(one["avg_ts"]) for one in json.loads(out)} | watch.peak


@contextmanager
def stepped(
    gguf: Path, *, threads: int, options: tuple[str, ...], test: str, count: int, times: int
) -> Iterator[Callable[[], float]]:
    """A llama-bench that runs a test of `count` tokens ("-p" reads, "-n" writes) so many `times`, one for each call.

    A call gives the test's tokens a second. In between it is stopped: it prints a result, and before the next test is
    timed it makes a context and warms up, which is long enough to stop it in. It ends with its parent, stopped or not.
    Calls raise RuntimeError when it ended.
    """
    other = {"-p": "-n", "-n": "-p"}[test]
    command = [
        "setpriv", "--pdeathsig", "KILL", str(program("llama-bench")), "-m", str(gguf), other, "0",
        test, ",".join([str(count)] * times), "-r", "1", "-t", str(threads), "-o", "jsonl", *options,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:

        def step() -> float:
            process.send_signal(signal.SIGCONT)
            line = process.stdout.readline() if process.stdout else ""
            process.send_signal(signal.SIGSTOP)
            if not line:
                raise RuntimeError("llama-bench ended early")
            return float(json.loads(line)["avg_ts"])

        try:
            yield step
        finally:
            process.kill()


class Server:
    """A llama-server that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, watch: Watch, began: float) -> None:
        self.process, self.port, self.watch = process, port, watch
        self.open_s = 0.0
        self._began = began

    def wait(self, *, timeout_s: float = 120.0) -> None:
        """Until it answers. Raises RuntimeError when it died or does not."""
        while time.monotonic() - self._began < timeout_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"llama-server ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    if answer.status == 200:
                        self.open_s = time.monotonic() - self._began
                        return
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)
        raise RuntimeError(f"llama-server did not answer in {timeout_s:.0f} s")

    def complete(self, prompt: list[int], *, write: int, timeout_s: float = 600.0) -> dict[str, Any]:
        """Continue a prompt of tokens; the server's own timings, and `first_s` to the first token as a client sees it."""
        body = {"prompt": prompt, "n_predict": write, "stream": True, "ignore_eos": True, "seed": 1}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        began, first, last = time.perf_counter(), 0.0, dict[str, Any]()
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - loopback
            for line in answer:
                if line.startswith(b"data: "):
                    first = first or time.perf_counter() - began
                    last = json.loads(line[6:])
        if "timings" not in last:
            raise RuntimeError(f"llama-server answered {last}")
        return {"first_s": first, **last["timings"]}


@contextmanager
def server(gguf: Path, *options: str, group: Group | None = None, every_s: float = NEVER_S) -> Iterator[Server]:
    """A llama-server with its default options and these, for the time of the block."""
    port = free_port()
    command = [str(program("llama-server")), "-m", str(gguf), "--host", "127.0.0.1", "--port", str(port), *options]
    began = time.monotonic()
    with (WORK / "server.log").open("wb") as log, subprocess.Popen(
        command, stdout=log, stderr=log, preexec_fn=group.enter if group else None,  # noqa: PLW1509 - it only writes its number
    ) as process, Watch(process.pid, family=False, every_s=every_s) as watch:  # fmt: skip
        try:
            yield Server(process, port, watch, began)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
