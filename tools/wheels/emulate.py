"""An emulated board: the Python of Debian 12 for ARM, unpacked and not booted, run by qemu as a certain core.

It shows that a wheel installs, imports and computes, and that it uses no instruction that the core lacks. It shows
nothing about speed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tools.wheels.build import PIP, pinned

QEMU = "qemu-aarch64-static"
PYTHON = "python3.11"
SYSTEM = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6")
NEEDS = ("diskcache", "jinja2", "markupsafe", "numpy", "typing-extensions")  # of llama-cpp-python
SPEAK = Path(__file__).with_name("speak.py")
TIMEOUT_S = 1800


class Board:
    """A folder with Debian 12 for ARM and what llama-cpp-python needs, fetched once."""

    def __init__(self, work: Path) -> None:
        self._root, self._needs, self._work = work / "bookworm-arm64", work / "site-arm64", work

    def prepare(self) -> None:
        """Fetch what is not there yet."""
        if not self._root.exists():
            part = self._root.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            unpack = ("mmdebstrap", "--quiet", "--variant=extract", "--architectures=arm64")
            subprocess.run([*unpack, f"--include={','.join(SYSTEM)}", "bookworm", str(part)], check=True)
            part.rename(self._root)
        if not self._needs.exists():
            part = self._needs.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            platforms = [f"--platform={name}_aarch64" for name in ("manylinux_2_28", "manylinux2014")]
            fetch = (*PIP, "install", "-q", "--no-deps", "--only-binary=:all:", "--python-version=3.11", "--target")
            subprocess.run([*fetch, str(part), *platforms, *map(pinned, NEEDS)], check=True)
            part.rename(self._needs)

    def install(self, wheel: Path, *, core: str) -> Path:
        """Let the board's own pip install a wheel, which it does only when the tag fits; returns the folder.

        Raises CalledProcessError when it refuses.
        """
        site = self._work / f"site-{wheel.parent.name}"
        shutil.rmtree(site, ignore_errors=True)
        pip = ("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--root-user-action=ignore")
        paths = [Path(sysconfig.get_path("purelib"))]
        self._run([*pip, "--target", str(site), str(wheel)], core=core, paths=paths).check_returncode()
        return site

    def speak(self, site: Path, model: Path, *, core: str) -> dict[str, Any] | signal.Signals:
        """What tools/wheels/speak.py found with an installed wheel, or the signal that ended it."""
        done = self._run([str(SPEAK), str(model)], core=core, paths=[site, self._needs])
        if done.returncode < 0:
            return signal.Signals(-done.returncode)
        done.check_returncode()
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def _run(self, args: list[str], *, core: str, paths: list[Path]) -> subprocess.CompletedProcess[str]:
        """The board's Python with these arguments."""
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        emulator = ("prlimit", "--core=0", QEMU, "-cpu", core, "-L", str(self._root))
        command = [*emulator, str(self._root / "usr/bin" / PYTHON), *args]
        return subprocess.run(
            command, env=env, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, timeout=TIMEOUT_S, check=False
        )
