"""The stick beside the board, as a disk image: what systemd/README.md names for a board without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.board.image import CHECKOUT, WORK, make_disk, run

STICK = WORK / "stick.img"
SIZE = "1G"
OWN_WHEELS = CHECKOUT / "dist/wheels"
DEV = CHECKOUT / "requirements-dev.lock"
TREE = ("edge", "models", "systemd", "*.lock", "pyproject.toml", "README.md", "LICENSE")
PLATFORMS = ("--platform=manylinux_2_28_aarch64", "--platform=manylinux_2_17_aarch64")


def make_stick(model: Path) -> None:
    """The checkout as git knows it, all wheels of the lock file, and the language model in its folder."""
    folder = WORK / "stick"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_wheels(), folder / "wheels")
    for kind in ("armv8.0", "armv8.2"):
        shutil.copytree(OWN_WHEELS / kind, folder / "wheels" / kind)
    (folder / model.parent.name).mkdir()
    shutil.copy(model, folder / model.parent.name)
    _copy_checkout(folder / "edgereel")
    make_disk(STICK, SIZE, folder=folder)
    shutil.rmtree(folder)


def _copy_checkout(into: Path) -> None:
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *TREE)
    names = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, into / name)


def _wheels() -> Path:
    """Those for Python 3.11 on ARM, from the package index; fetched once for each state of the lock file."""
    folder = WORK / "wheels"
    note, lock = folder / "requirements.txt", (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    if not note.exists() or note.read_text(encoding="utf-8") != lock:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        others = re.findall(r"^(?!llama)\w.*$", lock, re.MULTILINE)
        pins = folder / "pins.txt"  # those of DEV alone: it names the other lock, from which pip would fetch llama
        pins.write_text(
            "\n".join(re.findall(r"^\w.*$", DEV.read_text(encoding="utf-8"), re.MULTILINE)), encoding="utf-8"
        )
        pip = (sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version=3.11")
        run(*pip, *PLATFORMS, "-d", folder, "-c", pins, *others, "hatchling")  # which makes the wheel of the checkout
        note.write_text(lock, encoding="utf-8")
    return folder
