"""A fresh Debian 12 in a folder: commands run in it by chroot, or in its own booted systemd without a network.

Everything is under runs/install-test of the checkout. The base system and the wheels are kept there for the next run; the
machine itself is removed, and its mounts exist only inside its own namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
WORK = CHECKOUT / "runs/install-test"
BASE, WHEELS = WORK / "base", WORK / "wheels"
PACKAGES = (
    "python3,python3-venv,systemd,systemd-sysv,dbus,mosquitto,man-db,bash-completion,zsh,fish,ca-certificates,libgomp1"
)
SOURCE = "/root/edgereel"  # where the checkout lies in the machine
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
TIMEOUT_S = 600


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str  # both streams, as a person sees them


def make_base() -> None:
    """Debian 12, once; a half-made one does not count."""
    if BASE.is_dir():
        return
    part = WORK / "base.part"
    shutil.rmtree(part, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    mirror = [one for one in [os.environ.get("DEBIAN_MIRROR")] if one]  # else debootstrap's own
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(part), *mirror]
    subprocess.run(command, check=True, timeout=3 * TIMEOUT_S, stdout=subprocess.DEVNULL)
    part.rename(BASE)


def make_wheels() -> None:
    """All wheels of the lock file and what builds ours, out of this Python's pip and its cache; once."""
    if (WHEELS / "complete").exists():
        return
    dev = (CHECKOUT / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    hatchling = next(line for line in dev if line.startswith("hatchling=="))
    pip = [sys.executable, "-m", "pip", "wheel", "-q"]
    lock = ["-r", str(CHECKOUT / "requirements.lock"), "-w", str(WHEELS / os.uname().machine)]
    subprocess.run([*pip, *lock], check=True, timeout=6 * TIMEOUT_S)
    subprocess.run([*pip, hatchling, "-w", str(WHEELS)], check=True, timeout=TIMEOUT_S)
    (WHEELS / "complete").touch()


class Machine:
    """One such system, from its first file to its removal."""

    def __init__(self) -> None:
        self.root = WORK / "machine"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0
        self._cgroup = _cgroup2() / f"edgereel-install-{os.getpid()}"

    def make(self) -> None:
        """Copy the base system, the wheels and the checkout as git knows it."""
        make_base()
        make_wheels()
        self.remove()
        subprocess.run(["cp", "-a", "--reflink=auto", str(BASE), str(self.root)], check=True, timeout=TIMEOUT_S)
        shutil.copytree(WHEELS, self.root / "root/wheels")
        (self.root / "root/edgereel").mkdir()
        files = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard", "edge", "models", "systemd", "*.lock",
                                "pyproject.toml", "README.md", "LICENSE"], cwd=CHECKOUT, capture_output=True, check=True)  # fmt: skip
        for name in filter(None, files.stdout.decode().split("\0")):
            target = self.root / "root/edgereel" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target)
        self._lend_network()

    def remove(self) -> None:
        """Nothing of the machine stays."""
        self.power_off()
        shutil.rmtree(self.root, ignore_errors=True)

    def chroot(self, command: str, *, network: bool = False, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Run it before anything is booted; without `network` there is not even a loopback."""
        inside = f'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; exec chroot "$1" {SHELL} "$2"'
        names = UNSHARE if network else [*UNSHARE, "--net"]
        return _run([*names, "--", "sh", "-c", inside, "sh", str(self.root), command], timeout_s)

    def power_on(self) -> None:
        """Start its systemd and wait until that is content."""
        self._cgroup.mkdir()
        enter = f'echo $$ >{self._cgroup}/cgroup.procs; exec "$@"'
        names = [*UNSHARE, "--uts", "--ipc", "--net", "--cgroup", "--"]
        boot = ["sh", str(Path(__file__).with_name("boot.sh")), str(self.root)]
        command = ["sh", "-c", enter, "sh", *names, *boot]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not (children := _children(self._process.pid)):
            assert self._process.poll() is None and time.monotonic() < until, "the namespaces were not made"
            time.sleep(0.05)
        self._init = children[0]
        while "running" not in (state := self.run("systemctl is-system-running").out):
            assert time.monotonic() < until, f"systemd says {state}"
            time.sleep(0.2)

    def run(self, command: str, *, timeout_s: float = TIMEOUT_S) -> Outcome:
        """Run it in the booted machine."""
        return _run(["nsenter", "-t", str(self._init), "-a", *SHELL.split(), command], timeout_s)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """As `run`, without waiting for its end."""
        return subprocess.Popen(["nsenter", "-t", str(self._init), "-a", *SHELL.split(), command],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip

    def power_off(self) -> None:
        """As pulling the plug: no process is asked."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None
        folders = [Path(path) for path, _, _ in os.walk(self._cgroup)]
        for folder in reversed(folders):
            _remove_cgroup(folder)

    def _lend_network(self) -> None:
        """What this machine needs to reach a package index; it is nothing of the installation."""
        for name in (
            "/etc/resolv.conf",
            "/etc/pip.conf",
            os.environ.get("PIP_CERT", ""),
            os.environ.get("SSL_CERT_FILE", ""),
        ):
            if name and Path(name).is_file():
                target = self.root / name.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copy(name, target)


SHELL = "env -u PIP_FIND_LINKS HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c"


def _run(command: list[str], timeout_s: float) -> Outcome:
    # A group of its own, so that a command that takes too long ends with all that it started.
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          timeout=timeout_s, check=False)  # fmt: skip
    return Outcome(done.returncode, done.stdout)


def _cgroup2() -> Path:
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return next(Path(line.split()[1]) for line in lines if line.split()[2] == "cgroup2")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _remove_cgroup(folder: Path) -> None:
    for _ in range(100):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.05)  # its processes are still going
        else:
            return
