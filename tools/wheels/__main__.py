"""Command: python -m tools.wheels --model FILE.gguf. Builds what is not built, proves it, and prints a table."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tools.wheels.build import HERE, MIB, PACKAGE, WheelError, build, pinned
from tools.wheels.emulate import Board
from tools.wheels.targets import TARGETS, Target

LARGEST_MIB = 12


def main() -> None:
    """Build and prove every target; what was proven before, from the same sources, is only told again."""
    parser = argparse.ArgumentParser(prog="python -m tools.wheels", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file that the emulated boards load")
    parser.add_argument("--out", type=Path, default=Path("dist/wheels"), help="(default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/wheels"), help="caches (default: %(default)s)")
    args = parser.parse_args()
    work, out = args.work.absolute(), args.out.absolute()
    work.mkdir(parents=True, exist_ok=True)
    try:
        for target in TARGETS:
            tell(target, proven(target, work=work, into=out / target.name, model=args.model.absolute()))
    except WheelError as error:
        sys.exit(f"wheels: {error}")


def proven(target: Target, *, work: Path, into: Path, model: Path) -> dict[str, Any]:
    """The record of a target's wheel: from before, when nothing it comes from has changed. Raises WheelError."""
    note, key = work / f"{target.name}.json", recipe(target)
    if note.exists():
        record: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        wheel = into / record["wheel"]
        if record["recipe"] == key and wheel.exists() and sha256(wheel) == record["sha256"]:
            return record
    print(f"{target.name}: compiling; {work / target.name}.log grows meanwhile", flush=True)
    built = build(target, work=work)
    record = {
        "recipe": key,
        "wheel": built.wheel.name,
        "sha256": sha256(built.wheel),
        "mib": built.wheel.stat().st_size / MIB,
        "extensions": built.extensions,
        "compile_cpu_s": built.cpu_s,
    }
    if record["mib"] >= LARGEST_MIB:
        raise WheelError(f"{target.name} has {record['mib']:.1f} MiB; {LARGEST_MIB} is the most.")
    record |= emulated(target, built.wheel, work=work, model=model)
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(built.wheel.parent, into)
    note.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def emulated(target: Target, wheel: Path, *, work: Path, model: Path) -> dict[str, Any]:
    """What the wheel did on its own core, and how it ended on the others. Raises WheelError when it did not run."""
    board = Board(work)
    board.prepare()
    print(f"{target.name}: installing and writing tokens on an emulated {target.core}", flush=True)
    site = board.install(wheel, core=target.core)
    spoken = board.speak(site, model, core=target.core)
    if not isinstance(spoken, dict):
        raise WheelError(f"{target.name} ends with {spoken.name} on its own core, {target.core}.")
    others = {other.core for other in TARGETS} - {target.core}
    ends = {core: board.speak(site, model, core=core) for core in sorted(others)}
    return {
        "spoken": spoken,
        "elsewhere": {core: end if isinstance(end, dict) else end.name for core, end in ends.items()},
    }


def recipe(target: Target) -> str:
    """A hash of everything that this wheel comes from."""
    parts = [pinned(PACKAGE), repr(target)]
    parts += [path.read_text(encoding="utf-8") for path in sorted(HERE.iterdir()) if path.is_file()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tell(target: Target, record: dict[str, Any]) -> None:
    """Print a target's record."""
    spoken = record["spoken"]
    found = ", ".join(f"{name} {count}" for name, count in sorted(record["extensions"].items())) or "none"
    print(f"{target.name} ({target.boards})")
    print(f"  {record['wheel']}  {record['mib']:.2f} MiB  sha256 {record['sha256'][:16]}")
    print(f"  compiled in {record['compile_cpu_s']:.0f} CPU seconds; instructions beyond armv8-a: {found}")
    print(f"  {target.core}: {spoken['tokens']} tokens in {spoken['seconds']:.0f} s (emulated), {spoken['c_library']}")
    print(f"    {spoken['features']}\n    {spoken['text']!r}")
    for core, end in record["elsewhere"].items():
        told = f"{end['tokens']} tokens in {end['seconds']:.0f} s (emulated)" if isinstance(end, dict) else end
        print(f"  {core}: {told}")


if __name__ == "__main__":
    main()
