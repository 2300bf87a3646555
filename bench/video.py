"""A clip of 4 seconds against networks in the shapes of published generators, at the same frame size."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from bench.child import PEERS, call
from bench.generator import gflop_per_slot
from bench.llm_peers import MissingPeerError
from bench.store import WORK, Row
from edge.cpu import fast_cores
from edge.mode import FPS, HEIGHT, WIDTH
from edge.packs import find_video_pack, shipped_root

SECONDS = 4
FRAMES = SECONDS * FPS
LONGEST_S = 420.0
OURS = "edgereel, direct: the clip, from the request to the file"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One run of a network: what it is called, and how many runs of which length a clip of 4 seconds takes."""

    way: str
    network: str
    frames: int
    clip_runs: int
    clip_frames: int


PIECES = (
    Piece(way="SD-Turbo shape: one step of one frame", network="unet", frames=1, clip_runs=FRAMES, clip_frames=1),
    Piece(way="SD-Turbo shape: decoder, one frame", network="decoder", frames=1, clip_runs=FRAMES, clip_frames=1),
    Piece(way="TAESD shape: decoder, one frame", network="tiny_decoder", frames=1, clip_runs=FRAMES, clip_frames=1),
    # Wan is run with 50 steps, each twice for guidance; its four-step descendants without: the cheaper is counted.
    Piece(way="Wan 1.3B shape: one step of 5 frames", network="wan", frames=5, clip_runs=4, clip_frames=FRAMES + 1),
    Piece(way="Wan shape: decoder, one frame", network="wan_decoder", frames=1, clip_runs=1, clip_frames=FRAMES + 1),
)  # fmt: skip


def generators(*, quick: bool) -> list[Row]:
    """One run of each piece; a quick one at 64x64, and says so."""
    if not PEERS.is_file():
        raise MissingPeerError("the peers' environment is not there: run make bench-peers")
    size = {"width": 64, "height": 64} if quick else {"width": WIDTH, "height": HEIGHT}
    rows = _ours()
    for piece in PIECES:
        note = f"at {size['width']}x{size['height']}" if quick else ""
        given = {"piece": piece.network, **size}
        ended = call("bench.video_ways:run", given | {"frames": piece.frames, "threads": len(fast_cores())},
                     python=PEERS, timeout_s=LONGEST_S)  # fmt: skip
        if ended.code:
            rows.append(Row(way=piece.way, column="this run", unit="s", note=f"failed: {ended.why[-200:]}"))
            continue
        told = ended.told
        clip = call("bench.video_ways:count", given | {"frames": piece.clip_frames}, python=PEERS).check()
        values = {
            ("this run", "s"): told["seconds"], ("work of this run", "TFLOP"): told["tflop"],
            ("reached", "GFLOP/s"): 1000 * told["tflop"] / told["seconds"],
            ("weights", "million"): told["million"], ("peak anonymous", "MiB"): ended.peak["anonymous_mib"],
            ("work of a 4 s clip", "TFLOP"): piece.clip_runs * clip["tflop"],
        }  # fmt: skip
        rows += [Row(way=piece.way, column=name, unit=unit, values=[value], note=note)
                 for (name, unit), value in values.items()]  # fmt: skip
    return rows


def _ours() -> list[Row]:
    """The whole clip: nothing is left out of its time."""
    manifest = find_video_pack("tinyreel", roots=[shipped_root()]).manifest
    about = call("bench.twin:make", {"source": str(shipped_root() / "tinyreel"), "target": str(WORK / "twins")},
                 python=PEERS).check()  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):  # the second has its networks prepared
            ended = call("bench.clips:make", {"seconds": SECONDS, "folder": folder})
        seconds = ended.check()["seconds"]
    tflop = FRAMES / manifest.latent.frames * gflop_per_slot(manifest, about, steps=max(manifest.steps)) / 1000
    values = {
        ("this run", "s"): seconds, ("work of this run", "TFLOP"): tflop,
        ("reached", "GFLOP/s"): 1000 * tflop / seconds, ("peak anonymous", "MiB"): ended.peak["anonymous_mib"],
        ("work of a 4 s clip", "TFLOP"): tflop,
    }  # fmt: skip
    return [Row(way=OURS, column=name, unit=unit, values=[value]) for (name, unit), value in values.items()]
