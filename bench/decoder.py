"""The decoder's speed and memory here: one thread, 12 frames at 848x480, and the peak for a short and a long clip.

python -m bench.decoder [--parts FOLDER] decodes random latents through `edge.video.decoder` in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from edge.manifest import Canvas
from edge.video.decoder import to_i420
from edge.video.steady import Steady
from tools.convert.latents.board import open_decoder
from tools.convert.latents.config import load_config

PARTS = Path("runs/latents/parts")
CONFIG = Path("tools/convert/tinyvideo/reduced.yaml")


def main() -> None:
    """Print the medians; with --slots measure once and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=Path, default=PARTS, help="folder with trunk.onnx and tail.onnx (%(default)s)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slots", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not (args.parts / "trunk.onnx").is_file():
        parser.error(f"no trunk.onnx in {args.parts}: `make autoencoder` makes it, --parts names another folder")
    if args.slots:
        print(json.dumps(measure(args.parts, args.slots)))
        return
    short, long = ([_own_process(args.parts, slots) for _ in range(args.runs)] for slots in (4, 120))
    for name, runs in (("2 s", short), ("60 s", long)):
        figures = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
        print(
            f"{name} clip: {figures['ms']:.0f} ms per 12 frames (trunk, tails, planes and steadying; CPU time, 1 thread), "
            f"peak memory {figures['peak_mib']:.0f} MiB"
        )


def measure(parts: Path, slots: int) -> dict[str, float]:
    """Median CPU ms per slot of 12 frames, and the peak resident memory of this process in MiB."""
    cv2.setNumThreads(1)
    config = load_config(CONFIG)
    decoder = open_decoder(config, parts)
    canvas, steady = Canvas(config.width, config.height, 1, 848, 480, 24), Steady()
    rng = np.random.default_rng(0)
    times = []
    for _ in range(slots):
        latents = rng.normal(size=(1, config.channels, *config.cells)).astype(np.float32)
        began = time.process_time()
        for key in decoder.frames(latents):
            for frame in key:
                steady.show(to_i420(frame, canvas))
        times.append(1000 * (time.process_time() - began))
    return {"ms": float(np.median(times)), "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _own_process(parts: Path, slots: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.decoder", "--parts", str(parts), "--slots", str(slots)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
