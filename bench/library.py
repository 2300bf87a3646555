"""The clip library at 100,000 clips: how long the nearest takes, what memory it takes, and whether it is the nearest.

Also how soon a daemon answers the same request again; that part needs mosquitto.

    python -m bench.library [--clips 100000] [--lookups 200] [--vectors FILE] [--no-daemon]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import SimpleQueue
from statistics import median

import numpy as np
from numpy.typing import NDArray
from paho.mqtt.client import Client

from edge.manifest import VideoManifest
from edge.mqtt import connect, new_client
from edge.packs import Pack, find_video_pack, shipped_root
from edge.plan import Shot
from edge.sections import Broker
from edge.vectors import FILE, LENGTH, MIDDLE, VectorFile, dims_of, recipe_of
from edge.video import likeness
from edge.video.conditioner import Conditioner
from edge.video.session import open_session

TIES = 1e-9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--lookups", type=int, default=200)
    parser.add_argument("--vectors", type=Path, help="a .npz to keep the plans' vectors in for the next run")
    parser.add_argument("--no-daemon", action="store_true")
    parser.add_argument("--no-index", action="store_true")
    parser.add_argument("--scan", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.scan:
        return scan(Path(args.scan[0]), recipe=args.scan[1])
    if not args.no_index:
        with tempfile.TemporaryDirectory() as folder:
            index(Path(folder), clips=args.clips, lookups=args.lookups, keep=args.vectors)
    if not args.no_daemon:
        again()
    return None


def index(folder: Path, *, clips: int, lookups: int, keep: Path | None) -> None:
    """Fill a file, look things up in a fresh process, and compare with the unrounded vectors."""
    pack = find_video_pack("tinyreel", roots=[shipped_root()])
    manifest = pack.manifest
    if keep and keep.is_file():
        exact, asked = np.load(keep).values()
    else:
        exact, asked = synthetic(pack, clips), synthetic(pack, lookups, seed=8)
        if keep:
            np.savez(keep, exact=exact, asked=asked)
    clips, lookups = len(exact), len(asked)
    recipe, dims = recipe_of(manifest, pack.sha256), dims_of(manifest)
    started = time.perf_counter()
    VectorFile(folder / FILE, recipe=recipe, dims=dims).write(map(to_bytes, exact))
    print(f"index       {clips} clips of {dims} bytes, {(folder / FILE).stat().st_size / 2**20:.1f} MiB, "
          f"written anew in {time.perf_counter() - started:.2f} s")  # fmt: skip
    queries = b"".join(map(to_bytes, asked))
    done = subprocess.run(
        [sys.executable, "-m", "bench.library", "--scan", str(folder / FILE), recipe], input=queries,
        capture_output=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    alike = asked @ exact.T
    best = alike.max(axis=1)
    hits = sum(alike[row, place] >= best[row] - TIES for row, place in enumerate(told["places"]))
    print(f"lookup      median {median(told['ms']):.2f} ms, p95 {np.percentile(told['ms'], 95):.2f} ms, with opening "
          f"the file each time (bar 5 ms); median of its processor time {median(told['cpu_ms']):.2f} ms")  # fmt: skip
    print(
        f"memory      +{told['rss_mib']:.1f} MiB RSS at most, of that {told['anonymous_mib']:.1f} MiB anonymous (bar 40 MiB)"
    )
    print(f"recall@1    {hits / lookups:.3f} against brute force over unrounded vectors (bar 0.95)")


def synthetic(pack: Pack[VideoManifest], count: int, *, seed: int = 7) -> NDArray[np.float64]:
    """Unrounded vectors of so many plans, each through the pack's conditioner."""
    manifest, rng = pack.manifest, np.random.default_rng(seed)
    part = manifest.parts["conditioner"]
    session, _ = open_session(pack.file(part.file), part, threads=1)
    maker = Maker(Conditioner(session, manifest.vocabulary), manifest)
    print(f"{count} plans go through the conditioner", flush=True)
    return np.stack([maker.exact(plan(manifest, rng)) for _ in range(count)])


def scan(file: Path, *, recipe: str) -> None:
    """In a fresh process: look up every vector that comes in on stdin."""
    import cv2

    from edge.video.nearest import nearest

    dims = int(recipe.split("-")[1])
    data = sys.stdin.buffer.read()
    queries = [data[at : at + dims] for at in range(0, len(data), dims)]
    cv2.setNumThreads(1)  # as on a board whose other cores have work
    before, peak, ms, cpu_ms, places = status(), (0.0, 0.0), [], [], []
    for query in queries:
        started, spent = time.perf_counter(), time.thread_time()
        found = nearest(query, file=file, recipe=recipe)
        ms.append((time.perf_counter() - started) * 1000)
        cpu_ms.append((time.thread_time() - spent) * 1000)
        places.append(found[0][0])
        peak = tuple(max(most, now - first) for most, now, first in zip(peak, status(), before, strict=True))
    rss = max(peak[0], high_water() - before[0])
    print(json.dumps({"ms": ms, "cpu_ms": cpu_ms, "places": places, "rss_mib": rss, "anonymous_mib": peak[1]}))


def status() -> tuple[float, float]:
    """RSS of this process and what of it is anonymous, MiB."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))  # type: ignore[return-value]


def high_water() -> float:
    """The most RSS that this process ever had, MiB."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


class Maker:
    """Vectors as `edge.video.likeness` makes them, before they are rounded; the parts that never change are kept."""

    def __init__(self, conditioner: Conditioner, manifest: VideoManifest) -> None:
        self.conditioner, self.manifest = conditioner, manifest
        self.centre = likeness.centre_of(conditioner, manifest)

    def exact(self, shots: tuple[Shot, ...]) -> NDArray[np.float64]:
        """The vector of a plan."""
        made = likeness.unrounded(shots, self.conditioner, self.manifest, centre=self.centre)
        return made / np.linalg.norm(made)


def plan(manifest: VideoManifest, rng: np.random.Generator) -> tuple[Shot, ...]:
    """As people ask: a subject with what suits it, and two to six things said otherwise; one in ten has two shots."""
    from edge.expand.storyboard import complete

    shots = []
    for _ in range(1 + (rng.random() < 0.1)):
        names = list(manifest.vocabulary)
        said: dict[str, str] = {}
        chosen = ["subject", *rng.choice(names[1:], size=rng.integers(2, 7), replace=False)]
        for name in chosen:
            values = list(manifest.vocabulary[name].values)
            said[name] = values[rng.integers(len(values))]
        shots.append(Shot(slots=complete(said, manifest.vocabulary), seconds=4.0))
    return tuple(shots)


def to_bytes(vector: NDArray[np.float64]) -> bytes:
    """As it lies in the file."""
    return np.clip(np.round(vector * LENGTH) + MIDDLE, 0, 255).astype(np.uint8).tobytes()


def again(times: int = 10) -> None:
    """A daemon with the shipped pack at a real broker: the same words, with a new id each time."""
    from tests.boards import Board
    from tests.mosquitto import Mosquitto

    with tempfile.TemporaryDirectory() as folder:
        server = Mosquitto(Path(folder) / "mosquitto")
        server.start()
        board = Board(Path(folder), server, "models.video=tinyreel", "library.reuse=same")
        client, heard = listener(server.port)
        board.start()
        try:
            while heard.get(timeout=60)[1] != b"online":
                pass
            first = asked_s(client, heard, "job0")
            before = spent_s(board.pid)
            later = [asked_s(client, heard, f"job{number + 1}") for number in range(times)]
            spent = spent_s(board.pid) - before
            print(f"made        in {first[0]:.2f} s, with the start of the engine")
            seconds = sorted(one for one, reused in later if reused)
            print(f"again       {len(seconds)} of {times} from the library, median {median(seconds) * 1000:.0f} ms, "
                  f"slowest {seconds[-1] * 1000:.0f} ms, from publish to the final state (bar 200 ms); "
                  f"{spent / times * 1000:.0f} ms of the daemon's processor time each, with its ticks")  # fmt: skip
        finally:
            client.disconnect()
            board.end()
            server.stop()


def spent_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listener(port: int) -> tuple[Client, SimpleQueue[tuple[str, bytes]]]:
    """A client that hears everything that is said of nodes and jobs."""
    heard: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    settings = Broker(host="127.0.0.1", port=port)
    client = new_client(settings, client_id="bench")
    client.on_message = lambda _client, _data, message: heard.put((message.topic, message.payload))
    client.on_connect = lambda *_: client.subscribe("edgereel/v1/#", 1)
    connect(client, settings, session_expiry_s=0)
    client.loop_start()
    return client, heard


def asked_s(client: Client, heard: SimpleQueue[tuple[str, bytes]], job_id: str) -> tuple[float, bool]:
    """Seconds until a request is done, and whether its clip was there already."""
    time.sleep(0.5)
    started = time.perf_counter()
    body = {"id": job_id, "prompt": "a red balloon rises over snowy mountains", "mode": "direct"}
    client.publish("edgereel/v1/node/n1/req", json.dumps(body), qos=1)
    while True:
        topic, payload = heard.get(timeout=120)
        if topic.endswith(f"{job_id}/state") and (state := json.loads(payload))["state"] == "done":
            return time.perf_counter() - started, "reused" in state["result"]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
