"""The generator's networks in INT8 and fp32, as edgereel runs them, in onnxruntime and in OpenVINO."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from statistics import median
from typing import Any

from bench.child import PEERS, call
from bench.figures import take_turns
from bench.llm_peers import MissingPeerError
from bench.store import WORK, Row
from edge.cpu import fast_cores
from edge.manifest import VideoManifest
from edge.packs import Pack, find_video_pack, shipped_root

OURS, STOCK = "edgereel", "onnxruntime, default options"
SLOT = "12 frames"
PAINTED = 3  # pictures for 12 frames: a subject has 24, and they come in the first 96 frames if it moves quickly
OPENED, RAN = "anonymous, opened", "anonymous, after runs"


def parts(*, quick: bool) -> list[Row]:
    """Milliseconds and GFLOP/s of each part, and of the 12 frames that one pass of all of them makes."""
    pack = find_video_pack("tinyreel", roots=[shipped_root()])
    twins = str(WORK / "twins")
    if not PEERS.is_file():
        raise MissingPeerError("the peers' environment is not there: run make bench-peers")
    about = call("bench.twin:make", {"source": str(pack.folder), "target": twins}, python=PEERS).check()
    runs, rounds = (3, 2) if quick else (10, 11)
    with tempfile.TemporaryDirectory() as cache:
        told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        ways = _ways(pack, twins, cache)
        call(*ways[OURS][:1], ways[OURS][1] | {"runs": 1}).check()  # the networks are prepared once, as on a board
        for _, name in take_turns(rounds, list(ways)):
            function, given, *python = ways[name]
            told[name].append(call(function, given | {"runs": runs}, **dict(python)).check())
    rows = [row for name, found in told.items() for row in _rows(name, found, pack.manifest, about)]
    far = call("bench.generator_ways:compare", {"folder": str(pack.folder), "twins": twins,
                                                 "inputs": _inputs(pack.manifest)}).check()  # fmt: skip
    return rows + _about(about, far)


def gflop_per_slot(manifest: VideoManifest, about: dict[str, Any], *, steps: int = 1) -> float:
    """Of one pass: what says the shot, the denoiser's steps, the trunk, and the tail once for each key."""
    times = _times(manifest, steps)
    return sum(times[name] * about[name]["gflop"] for name in times)


def _ways(pack: Pack[VideoManifest], twins: str, cache: str) -> dict[str, Any]:
    folder, cores, inputs = str(pack.folder), len(fast_cores()), _inputs(pack.manifest)
    ways, stock = "bench.generator_ways", "bench.generator_ways:onnxruntime"
    given = {"folder": folder, "inputs": inputs}
    plain = {"folder": twins, "inputs": inputs}
    return {
        OURS: (f"{ways}:ours", given | {"threads": cores, "cache": cache}),
        STOCK: (stock, given | {"threads": 0, "spin": True}),
        f"onnxruntime, {cores} threads, no spinning": (stock, given | {"threads": cores, "spin": False}),
        "onnxruntime, 1 thread": (stock, given | {"threads": 1, "spin": True}),
        "edgereel, 1 thread": (f"{ways}:ours", given | {"threads": 1, "cache": cache}),
        "OpenVINO, latency": (f"{ways}:openvino", given, ("python", PEERS)),
        "fp32 twin, onnxruntime": (stock, plain | {"threads": 0, "spin": True}),
        "fp32 twin, OpenVINO": (f"{ways}:openvino", plain, ("python", PEERS)),
    }  # fmt: skip


def _inputs(manifest: VideoManifest) -> dict[str, dict[str, tuple[list[Any], str]]]:
    return {
        name: {key: (list(tensor.shape), tensor.dtype) for key, tensor in part.inputs.items()}
        for name, part in manifest.parts.items()
    }  # fmt: skip


def _times(manifest: VideoManifest, steps: int) -> dict[str, int]:
    times = {"conditioner": steps, "denoiser": steps, "trunk": 1, "tail": manifest.latent.keys, "painter": PAINTED}
    return {name: count for name, count in times.items() if name in manifest.parts}


def _rows(way: str, found: list[dict[str, Any]], manifest: VideoManifest, about: dict[str, Any]) -> list[Row]:
    """One value for each process: the median of its runs."""
    times = _times(manifest, 1)
    ms = {name: [median(one["ms"][name]) for one in found] for name in times}
    ms[SLOT] = [sum(times[name] * ms[name][number] for name in times) for number in range(len(found))]
    flops = {name: about[name]["gflop"] for name in times} | {SLOT: gflop_per_slot(manifest, about)}
    rows = [Row(way=way, column=name, unit="ms", values=values) for name, values in ms.items()]
    rows += [Row(way=way, column=name, unit="GFLOP/s", values=[1000 * flops[name] / value for value in values])
             for name, values in ms.items()]  # fmt: skip
    for column, key in ((OPENED, "opened_mib"), (RAN, "run_mib")):
        rows.append(Row(way=way, column=column, unit="MiB", values=[one[key] for one in found]))
    weights = sum(one["twin_mib" if "fp32" in way else "mib"] for one in about.values())
    rows.append(Row(way=way, column="anonymous per weight, opened", unit="MiB/MiB",
                    values=[one["opened_mib"] / weights for one in found]))  # fmt: skip
    return [*rows, Row(way=way, column="all parts open", unit="s", values=[one["open_s"] for one in found])]


def _about(about: dict[str, Any], far: dict[str, float]) -> list[Row]:
    rows = []
    for name, one in about.items():
        rows += [
            Row(way=name, column="work of one run", unit="GFLOP", values=[one["gflop"]]),
            Row(way=name, column="INT8 file", unit="MiB (files)", values=[one["mib"]]),
            Row(way=name, column="fp32 twin", unit="MiB (files)", values=[one["twin_mib"]]),
            Row(way=name, column="twin's mean error", unit="of the spread", values=[far[name]]),
        ]
    return rows
