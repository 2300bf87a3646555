"""What a library needs from the system it runs on, and the platform tag that says so truthfully.

Why: a wheel tagged linux_aarch64 installs everywhere and fails at its first import on a C library that is too old. With
the manylinux tag of the newest symbol it uses, pip refuses it there.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

READELF = "aarch64-linux-gnu-readelf"
# What every Debian 12 has: its C library, and the C++ library that apt itself is made with.
SYSTEM = frozenset({"ld-linux-aarch64.so.1", "libc.so.6", "libgcc_s.so.1", "libm.so.6", "libstdc++.so.6"})
NEWEST = {"GLIBC": (2, 36), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}  # of Debian 12
OLDEST_TAG = (2, 17)  # the first C library with 64-bit ARM

Version = tuple[int, ...]


def read_elf(library: Path, *, readelf: str = READELF) -> str:
    """The needed libraries and symbol versions of a library, as readelf prints them."""
    env = os.environ | {"LC_ALL": "C"}
    return subprocess.run([readelf, "-dVW", library], capture_output=True, text=True, check=True, env=env).stdout


def needed(elf: str) -> set[str]:
    """Names of the libraries that it is linked with."""
    return set(re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", elf))


def versions(elf: str) -> dict[str, Version]:
    """The newest version of each kind of symbol that it needs: {"GLIBC": (2, 34), ...}."""
    wants = elf.partition("Version needs section")[2]
    newest: dict[str, Version] = {}
    for kind, text in re.findall(r"Name: ([A-Z]+)_([\d.]+)\b", wants):
        newest[kind] = max(newest.get(kind, ()), tuple(int(part) for part in text.split(".")))
    return newest


def missing_on_debian_12(elfs: Iterable[str], *, own: Iterable[str]) -> list[str]:
    """What the libraries of a wheel need and neither Debian 12 nor the wheel itself (`own` names) has."""
    elfs = list(elfs)
    absent = set[str]().union(*map(needed, elfs)) - SYSTEM - set(own)
    for found in map(versions, elfs):
        absent |= {
            f"{kind}_{'.'.join(map(str, version))}"
            for kind, version in found.items()
            if kind in NEWEST and version > NEWEST[kind]
        }
    return sorted(absent)


def platform_tag(elfs: Iterable[str]) -> str:
    """The oldest manylinux platform whose C library has every symbol that these need."""
    glibc = max((versions(elf).get("GLIBC", OLDEST_TAG)[:2] for elf in elfs), default=OLDEST_TAG)
    major, minor = max(glibc, OLDEST_TAG)
    return f"manylinux_{major}_{minor}_aarch64"
