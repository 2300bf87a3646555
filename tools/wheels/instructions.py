"""Which extensions of the ARM instruction set a library uses, counted in its disassembly.

Why: a wheel for the wrong core imports, loads its model and dies of SIGILL in the middle of the first job. What the
compiler was told is no proof, since llama.cpp's build adds flags of its own. Atomics of ARMv8.1 are not looked for: gcc puts
them behind a check at run time.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

OBJDUMP = "aarch64-linux-gnu-objdump"
# Without fp16 a core converts half precision, and moves it about, but does not calculate with it.
_CONVERTS = re.compile(r"fcvt(l2?|n2?|xn2?)?$")
_CALCULATES = re.compile(r"(f[a-z0-9]+|[su]cvtf)$")
_HALF = re.compile(r"\bh\d+\b|\bv\d+\.[48]h\b|\bv\d+\.h\[")
_EXTENSIONS = {
    "fhm": re.compile(r"fml[as]l2?$"),
    "dotprod": re.compile(r"[su]dot$"),
    "i8mm": re.compile(r"([su]|us)mmla$|(us|su)dot$"),
    "bf16": re.compile(r"bf(dot|mmla|mlal[bt]|cvt(n2?)?)$"),
}
_SVE = re.compile(r"\bz\d+\.[bhsdq]\b|\bp\d+(\.[bhsd]|/[mz])\b")


def extensions_in(library: Path) -> Counter[str]:
    """How many instructions of each extension a library has. Raises CalledProcessError when it cannot be read."""
    command = [OBJDUMP, "-d", "--no-show-raw-insn", str(library)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = count(process.stdout)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return found


def count(disassembly: Iterable[str]) -> Counter[str]:
    """Instructions of each extension in the lines of objdump."""
    found: Counter[str] = Counter()
    for line in disassembly:
        _, *columns = line.rstrip("\n").split("\t")
        extension = extension_of(columns[0].strip(), " ".join(columns[1:])) if columns else None
        if extension is not None:
            found[extension] += 1
    return found


def extension_of(mnemonic: str, operands: str) -> str | None:
    """The extension that an instruction belongs to; None is one that every 64-bit ARM core has."""
    if _SVE.search(operands):
        return "sve"
    for name, pattern in _EXTENSIONS.items():
        if pattern.match(mnemonic):
            return name
    if _HALF.search(operands) and _CALCULATES.match(mnemonic) and not _CONVERTS.match(mnemonic):
        return "fp16"
    return None
