"""Any source of clips -> shards: in several processes if asked, going on where a run was stopped."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2

from tools.convert.clips.clip import Clip, ClipSource
from tools.convert.clips.shards import shard_path, write_shard


def write_shards(
    source: ClipSource, folder: Path, *, per_shard: int, part: int = 0, parts: int = 1, processes: int = 1
) -> Iterator[Path]:
    """Write the shards of a source that are not there yet, and yield each when it is whole.

    The clips of a shard, and their bytes, do not depend on how many parts or processes share the work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(part, -(-len(source) // per_shard), parts)
    missing = [number for number in numbers if not shard_path(folder, number).exists()]
    work = partial(_write, source, folder, per_shard)
    if processes == 1:
        yield from map(work, missing)
        return
    # Spawned, not forked: OpenCV's and PyAV's threads do not live through a fork.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, missing)


def _write(source: ClipSource, folder: Path, per_shard: int, number: int) -> Path:
    cv2.setNumThreads(1)
    return write_shard(folder, number, _clips(source, range(number * per_shard, (number + 1) * per_shard)))


def _clips(source: ClipSource, numbers: range) -> Iterator[Clip]:
    for number in numbers:
        if number < len(source):
            yield source.clip(number)
