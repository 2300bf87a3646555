"""What one run of a network costs: run as `python -m tools.convert.mixed.cost`, so that nothing else is in its process."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from edge.memory import MemoryPeak, held_mib, return_what_is_free
from edge.part import Part
from edge.video.session import open_session

LEAST_RUNS, LEAST_S = 3, 0.2


def main(argv: list[str]) -> int:
    """Open a network as a board does and run it for a while with one thread; print the median of a run."""
    path, feeds, cache = Path(argv[1]), Path(argv[3]), Path(argv[5]) if argv[5] else None
    part, arena = msgspec.json.decode(argv[2], type=Part), argv[4] == "1"
    with np.load(feeds) as file:
        feed = {name: file[name][0] for name in file}
    return_what_is_free()
    before = held_mib()
    with MemoryPeak(period_s=0.01) as peak:
        session, _ = open_session(path, part, threads=1, cache=cache, arena=arena)
        session.run(None, feed)
        spent: list[float] = []
        while len(spent) < LEAST_RUNS or sum(spent) < LEAST_S:
            began = time.process_time()
            session.run(None, feed)
            spent.append(time.process_time() - began)
    mib = peak.mib()["peak_held_mib"] - before
    print(json.dumps({"seconds": sorted(spent)[len(spent) // 2], "mib": round(mib, 1)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
