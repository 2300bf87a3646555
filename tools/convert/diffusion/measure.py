"""What a process takes in memory in which a part is open and works: measured with the board's own code, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import av  # noqa: F401 - a clip's process has it in memory too
import numpy as np

from edge.diffusers_manifest import PARTS, DiffusersManifest
from edge.errors import EngineError
from edge.manifest import load_manifest
from edge.memory import MemoryPeak, return_what_is_free
from edge.packs import Pack
from edge.stop import Stop
from edge.video.diffusion.generator import DiffusionGenerator

TIMEOUT_S = 3600


def measure(folder: Path, part: str, *, threads: int) -> float:
    """MiB that a process takes in which a part of the pack works. Raises EngineError."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.convert.diffusion.measure", str(folder), part, str(threads)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise EngineError(
            f"The part {part} cannot be run as a board does: {done.stderr.strip().splitlines()[-1:]}.",
            hint="Is enough memory free?",
        )
    return float(json.loads(done.stdout)["mib"])


def main(argv: list[str]) -> int:
    """Run one part once and print what it took."""
    folder, part, threads = Path(argv[1]), argv[2], int(argv[3])
    manifest = cast("DiffusersManifest", load_manifest(folder))
    generator = DiffusionGenerator(Pack(folder, manifest), threads=threads)
    return_what_is_free()
    with MemoryPeak(period_s=0.02) as peak:
        _work(generator, part)
    print(json.dumps({"mib": round(peak.mib()["peak_held_mib"], 1)}))
    return 0


def _work(generator: DiffusionGenerator, part: str) -> None:
    manifest, stop = generator.manifest, Stop()
    shapes = {
        name: [int(size) for size in one.shape] for name, one in manifest.parts["unet"].inputs.items()
    }  # fmt: skip
    if part == PARTS[0]:
        generator.read(["a red balloon"], stop=stop)
    elif part == PARTS[1]:
        text = np.zeros(shapes["text"], np.float32)
        generator.denoise([text], steps=min(manifest.steps), seed=1, stop=stop)
    else:
        for _ in generator.pictures(np.zeros(shapes["latents"], np.float32), stop=stop):
            pass


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
