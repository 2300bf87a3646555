"""How quickly scenes are rendered: `python -m bench.render`, one thread, over random scenes of the whole vocabulary.

Prints frames per second of processor time, so that a busy machine does not matter, and by the clock: once with all
scenery painted anew for these scenes alone, and once with the bank of scenery already painted, which is how training
sees it after its first minutes. Where there is an accelerator, its figure too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np

from tools.convert.scenes.render import render
from tools.convert.scenes.scene import Scene, make_scene, random_slots
from tools.convert.scenes.scenery import plates
from tools.convert.tinyvideo.vocabulary import load_vocabulary

SECONDS = 4.0
FRAMES = 96


def main() -> None:
    """Print one line per size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scenes", type=int, default=24, help="random scenes per run")
    options.add_argument("--runs", type=int, default=3, help="the median of so many runs is printed")
    options.add_argument("--heights", type=int, nargs="+", default=[240, 480])
    asked = options.parse_args()
    cv2.setNumThreads(1)
    scenes = list(random_scenes(asked.scenes))
    for height in asked.heights:
        cold, warm = [], []
        for _ in range(asked.runs):
            plates.cache_clear()
            cold.append(_frames_per_second(scenes, height))
            warm.append(_frames_per_second(scenes, height))
        print(
            f"{round(height * 1.8)}x{height}, one thread, {len(scenes)} scenes of {FRAMES} frames, {asked.runs} runs:"
        )
        for name, runs in (("scenery painted for these scenes alone", cold), ("scenery in the bank", warm)):
            busy, clock = (statistics.median(values) for values in zip(*runs, strict=True))
            print(f"  {busy:5.0f} frames/s of processor time, {clock:5.0f} by the clock: {name}")
        _accelerator(scenes, height, asked.runs)


def random_scenes(count: int) -> Iterator[Scene]:
    """Scenes as training draws them."""
    values = {name: list(slot.values) for name, slot in load_vocabulary().items()}
    for seed in range(count):
        yield make_scene(random_slots(values, np.random.default_rng([seed, 0xBE])), seed=seed, seconds=SECONDS)


def _frames_per_second(scenes: list[Scene], height: int) -> tuple[float, float]:
    """Frames per second of processor time, and by the clock."""
    busy, clock = time.process_time(), time.perf_counter()
    drawn = sum(1 for scene in scenes for _ in render(scene, range(FRAMES), height=height))
    return drawn / (time.process_time() - busy), drawn / (time.perf_counter() - clock)


def _accelerator(scenes: list[Scene], height: int, runs: int) -> None:
    """Print frames per second of the batched renderer where torch sees an accelerator."""
    try:
        import torch

        from tools.convert.scenes.raster_torch import paint
        from tools.convert.scenes.tables import tables
    except ModuleNotFoundError:
        return
    if not torch.cuda.is_available():
        return
    make = partial(tables, frames=range(FRAMES), height=height)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(make, scenes))  # the workers start
        clock = time.perf_counter()
        made = list(pool.map(make, scenes))
        tabling = len(scenes) * FRAMES / (time.perf_counter() - clock)
    rates = []
    for _ in range(runs + 1):
        torch.cuda.synchronize()
        clock = time.perf_counter()
        for table in made:
            paint(table, device="cuda")
        torch.cuda.synchronize()
        rates.append(len(scenes) * FRAMES / (time.perf_counter() - clock))
    print(
        f"  {statistics.median(rates[1:]):5.0f} frames/s painted on {torch.cuda.get_device_name()}, scenery in its bank; "
        f"{tabling:.0f} frames/s of tables made by {os.cpu_count()} processes"
    )


if __name__ == "__main__":
    main()
