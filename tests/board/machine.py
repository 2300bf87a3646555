"""The emulated board: qemu's Cortex-A72 with 1 GB, spoken to by ssh on loopback; it has no other network.

A power cut is the end of the emulator: what the board had not flushed to its card is lost, as when the plug is pulled.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.board.image import CARD, INITRD, KERNEL, KEY, WORK
from tests.board.stick import STICK

CORES = 2
# The board's clock counts its instructions, 1 ns each: what the unit and the program do by the second takes as much of
# the board as it would of a real one, however slow and busy the machine below is.
CLOCK = ("-icount", "shift=0,sleep=on", "-rtc", "clock=vm")
DISK, CONSOLE = WORK / "disk.qcow2", WORK / "console.log"
ANSWER_S, BOOT_S, TIMEOUT_S = 300, 3600, 4 * 3600  # bounds, for a machine that others use
# What the firmware of a Pi, and the way its kernel was built, put before the words of cmdline.txt.
PRESSURE_OFF, MEMORY_OFF = "psi=0", "cgroup_disable=memory"
MEMORY_ON = "cgroup_enable=memory"


@dataclass(frozen=True)
class Outcome:
    """What a command on the board left."""

    code: int
    out: str  # both streams, as a person sees them


class Machine:
    """One board with a fresh card, from its first boot to its last."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.words = ""

    def insert_card(self) -> None:
        """A card that remembers only what differs from the one that was made."""
        DISK.unlink(missing_ok=True)
        backing = ["-b", str(CARD), "-F", "raw"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(DISK)], check=True, timeout=60)

    def power_on(self, line: str) -> None:
        """Boot with this line of cmdline.txt, and wait until systemd is content."""
        self.words = firmware(line)
        self._port = _free_port()
        # With the end of this process the board ends, too.
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self._command()], stdin=subprocess.DEVNULL)
        until = time.monotonic() + BOOT_S
        while "up" not in (said := self.run("echo up", timeout_s=ANSWER_S)).out:
            assert self._process.poll() is None, f"The emulator ended; {CONSOLE} has the board's last words."
            assert time.monotonic() < until, f"No ssh to the board: {said.out}; {CONSOLE} has its console."
            time.sleep(2)
        state = self.run("systemctl is-system-running --wait")
        assert state.out.strip() == "running", self.run("systemctl --failed").out

    def run(self, command: str, *, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Run it in a shell of the user pi."""
        try:
            done = subprocess.run(self._ssh(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, text=True, timeout=timeout_s, check=False)  # fmt: skip
        except subprocess.TimeoutExpired as exc:
            return Outcome(124, f"{(exc.stdout or b'').decode(errors='replace')}\nno end after {timeout_s:.0f} s")
        return Outcome(done.returncode, done.stdout)

    @contextmanager
    def listen(self, command: str) -> Iterator[list[str]]:
        """Run it while the block runs; the list has its lines afterwards."""
        lines: list[str] = []
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            process = subprocess.Popen(self._ssh(command), stdout=file, stderr=file, stdin=subprocess.DEVNULL)
            try:
                yield lines
            finally:
                process.kill()
                process.wait(timeout=60)
                file.seek(0)
                lines += file.read().splitlines()

    def pull_the_plug(self) -> None:
        """No process of the board is asked, and nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    def shut_down(self) -> None:
        """As `sudo poweroff` does it."""
        self.run("sudo systemctl poweroff", timeout_s=ANSWER_S)
        assert self._process is not None
        self._process.wait(timeout=BOOT_S)
        self._process = None

    def _command(self) -> list[str]:
        disks = [
            f"file={DISK},if=virtio,format=qcow2,cache=writeback",
            f"file={STICK},if=virtio,format=raw,readonly=on",
        ]
        wire = f"user,id=wire,restrict=on,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        return [
            "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-m", "1024", "-smp", str(CORES), *CLOCK, "-kernel", str(KERNEL), "-initrd", str(INITRD), "-append", self.words,
            "-drive", disks[0], "-drive", disks[1], "-netdev", wire, "-device", "virtio-net-pci,netdev=wire,romfile=",
            "-device", "virtio-rng-pci", "-display", "none", "-monitor", "none", "-serial", f"file:{CONSOLE}",
            "-no-reboot",
        ]  # fmt: skip

    def _ssh(self, command: str) -> list[str]:
        # The board's key is as new as its card, and the way to it is loopback alone.
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes",
                   f"ConnectTimeout={ANSWER_S}", "ServerAliveInterval=60", "ServerAliveCountMax=30")  # fmt: skip
        chosen = [word for option in options for word in ("-o", option)]
        to = ["-p", str(self._port), "-i", str(KEY), "pi@127.0.0.1", f"bash -c {shlex.quote(command)}"]
        return ["ssh", "-F", "none", *chosen, *to]


def firmware(line: str) -> str:
    """The kernel's command line on a Pi: what is off by default is off, unless cmdline.txt says otherwise.

    cgroup_enable= is a word of the Pi's kernel alone; Debian's has the controller on unless it is told not to.
    """
    off = [PRESSURE_OFF] + [MEMORY_OFF] * (MEMORY_ON not in line.split())
    return " ".join([*off, line])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
