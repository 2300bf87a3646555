"""Compiles one wheel of llama-cpp-python from its source distribution, tags it for what it needs, and inspects it.

One build folder serves all targets: only libggml-cpu is compiled for a certain core, so the second wheel costs little.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tools.wheels.instructions import extensions_in
from tools.wheels.symbols import missing_on_debian_12, platform_tag, read_elf
from tools.wheels.targets import Target

HERE = Path(__file__).resolve().parent
LOCK = HERE.parent.parent / "requirements.lock"
PACKAGE = "llama-cpp-python"
TOOLCHAIN = (f"-C{HERE / 'llama.cmake'}", f"--toolchain={HERE / 'aarch64.cmake'}")
# llama.cpp installs its headers and every library a second time, outside of the package.
LEFT_OUT = ("bin/**", "include/**", "lib/**")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
MIB = 1 << 20


class WheelError(Exception):
    """A wheel that must not be given to anybody: the text says why."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A wheel that was compiled and found to be what its target says."""

    wheel: Path
    extensions: dict[str, int]
    cpu_s: float


def pinned(name: str) -> str:
    """`name==version` of a package in requirements.lock."""
    found = re.search(rf"^{re.escape(name)}==\S+$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise WheelError(f"{name} is not in {LOCK.name}.")
    return found[0]


def source(work: Path) -> Path:
    """The unpacked source distribution; fetched once for each version."""
    requirement = pinned(PACKAGE)
    folder = work / requirement.replace("==", "-")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=work) as temporary:
            fetch = ("download", "-q", "--no-deps", "--no-build-isolation", "--no-binary", PACKAGE, "-d", temporary)
            subprocess.run([*PIP, *fetch, requirement], check=True)
            with tarfile.open(next(Path(temporary).glob("*.tar.gz"))) as archive:
                archive.extractall(temporary, filter="data")
            next(path for path in Path(temporary).iterdir() if path.is_dir()).rename(folder)
    return folder


def build(target: Target, *, work: Path) -> Built:
    """Compile, tag and inspect the wheel of a target; it lies alone in a folder of the target's name. Raises WheelError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    into = work / target.name
    shutil.rmtree(into, ignore_errors=True)
    wheel = _compile(target, work=work, into=into)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    wheel, extensions = _inspected(wheel, target)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Built(wheel=wheel, extensions=extensions, cpu_s=cpu_s)


def _compile(target: Target, *, work: Path, into: Path) -> Path:
    """The wheel as scikit-build makes it; what the compiler says goes into a file."""
    folder = source(work)
    # cmake installs into the source as well: those are the libraries of the target before.
    shutil.rmtree(folder / "llama_cpp/lib", ignore_errors=True)
    log = work / f"{target.name}.log"
    settings = (f"build-dir={work / 'cmake'}", f"wheel.exclude={';'.join(LEFT_OUT)}")
    command = [*PIP, "wheel", "-v", "--no-cache-dir", "--no-deps", "--no-build-isolation", "-w", str(into)]
    command += [f"--config-settings={setting}" for setting in settings]
    cmake_args = " ".join((*TOOLCHAIN, *target.cmake_args))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # cmake and ninja of this environment
    env = os.environ | {"CMAKE_ARGS": cmake_args, "_PYTHON_HOST_PLATFORM": "linux-aarch64", "PATH": path}
    with log.open("wb") as out:
        done = subprocess.run([*command, str(folder)], env=env, stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise WheelError(f"{target.name} does not compile; {log} has it all:\n{tail}")
    return next(into.glob("*.whl"))


def _inspected(wheel: Path, target: Target) -> tuple[Path, dict[str, int]]:
    """The wheel with its true tag and what extensions it uses. Raises WheelError when it would not run on its boards."""
    with tempfile.TemporaryDirectory(dir=wheel.parent) as temporary:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(temporary)
        libraries = sorted(Path(temporary).rglob("*.so*"))
        elfs = [read_elf(library) for library in libraries]
        if missing := missing_on_debian_12(elfs, own=[library.name for library in libraries]):
            raise WheelError(f"{target.name} needs what Debian 12 does not have: {', '.join(missing)}.")
        found = sum(map(extensions_in, libraries), start=Counter[str]())
    if set(found) != target.uses:
        raise WheelError(f"{target.name} uses {sorted(found)} and not {sorted(target.uses)}.")
    return _tagged(wheel, platform_tag(elfs)), dict(found)


def _tagged(wheel: Path, platform: str) -> Path:
    """The same wheel under another platform tag, in its name and in its metadata."""
    command = [sys.executable, "-m", "wheel", "tags", "--remove", f"--platform-tag={platform}", str(wheel)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    return wheel.with_name(name)
