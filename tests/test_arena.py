"""One arena for all parts of a pack: what one part has given back serves the next, and the board gets it back at last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from edge.packs import shipped_root

# In a process of its own, since the arena is one for each process.
OPEN_RUN_AND_GIVE_BACK = """
import ctypes, json, sys
from pathlib import Path
import numpy as np
from edge.memory import read_process
from edge.packs import find_video_pack
from edge.video.session import give_back, open_session

def anonymous_mib():
    ctypes.CDLL(None).malloc_trim(0)
    return read_process(Path("/"))["anonymous_mib"]

pack = find_video_pack("tinyreel", roots=[Path(sys.argv[1])])
parts = pack.manifest.parts
before = anonymous_mib()
opened = {name: open_session(pack.file(part.file), part, threads=1)[0] for name, part in parts.items()}
told = {"opened": anonymous_mib() - before, "after": []}
for turn in range(2):
    for name, session in opened.items():
        feed = {key: np.zeros(one.shape, one.dtype) for key, one in parts[name].inputs.items()}
        made = session.run(None, feed)
        told["after"].append(anonymous_mib() - before)
        del made, feed
give_back(opened["conditioner"], parts["conditioner"].inputs)
told["given_back"] = anonymous_mib() - before
print(json.dumps(told))
"""


def test_all_parts_of_the_shipped_pack_run_in_the_memory_of_the_largest_and_it_is_given_back() -> None:
    run = subprocess.run(
        [sys.executable, "-c", OPEN_RUN_AND_GIVE_BACK, str(shipped_root())],
        capture_output=True, text=True, check=True, timeout=120, cwd=Path(__file__).parent.parent, env=os.environ,
    )  # fmt: skip
    told = json.loads(run.stdout)

    largest = max(told["after"][:4])
    assert largest < 80  # 138 with an arena for each
    assert max(told["after"]) < largest + 4  # a second run takes nothing more
    assert told["given_back"] < told["opened"] + 4
