"""How long each mode takes for the same requests: to the plan, and with --clips to the finished clip.

    python -m bench.modes [--requests 20] [--clips 3]

Modes take turns request by request, so that whatever else runs here slows all of them alike. Prints medians, how much
faster no_think is than think to the plan, and each mode's time against direct (`time_ratio` in edge/mode.py).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from edge.mode import Mode
from edge.models import Models, models_of
from edge.pipeline import expand, run
from edge.request import make_request
from edge.settings import load_settings
from edge.stop import Stop

PROMPTS = (
    "a red balloon rises over snowy mountains", "two blue fish in the deep sea", "一只黄色的小鸟飞过森林",
    "a rocket at night", "something calm and cosy", "a birthday", "a storm is coming", "a glowing jellyfish, zoom in",
    "红色气球升空", "my grandmother's garden in spring", "a small car drives through the city", "落叶",
    "an atom, neon", "a kite on the beach, windy", "the moon over the desert", "a lantern floats on the water",
    "cat in a room", "fireworks", "a heart that beats", "a purple butterfly in the rain",
)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--clips", type=int, default=0, help="requests that are made into clips in every mode")
    args = parser.parse_args()
    settings = load_settings(None, overrides=["engine.small_board=yes"], env=os.environ)
    models = models_of(settings)
    with tempfile.TemporaryDirectory() as cache:
        models = replace(models, cache=Path(cache))
        for mode in (Mode.THINK, Mode.NO_THINK):
            plan_s(PROMPTS[0], mode, models)  # the prefix is read once and kept
        plans(models, args.requests)
        if args.clips:
            clips(models, args.clips, Path(cache))


def plans(models: Models, count: int) -> None:
    """Seconds to the plan."""
    took: dict[Mode, list[float]] = {Mode.THINK: [], Mode.NO_THINK: []}
    for number in range(count):
        for mode, seconds in took.items():
            seconds.append(plan_s(PROMPTS[number % len(PROMPTS)], mode, models))
    think, no_think = (median(seconds) for seconds in took.values())
    pairs = sum(quick < 0.4 * slow for slow, quick in zip(*took.values(), strict=True))
    print(f"to the plan, {count} requests: think {think:.2f} s, no_think {no_think:.2f} s (medians): "
          f"{1 - no_think / think:.0%} faster; at least 60 % in {pairs} of {count}")  # fmt: skip


def clips(models: Models, count: int, folder: Path) -> None:
    """Seconds to the clip."""
    took: dict[Mode, list[float]] = {mode: [] for mode in Mode if mode is not Mode.PAUSED}
    for number in range(count):
        for mode, seconds in took.items():
            request = make_request(PROMPTS[number], seed=1)
            began = time.perf_counter()
            list(run(request, mode=mode, reason="", models=models, out=folder / "a.mp4", poster=None, stop=Stop()))
            seconds.append(time.perf_counter() - began)
    direct = median(took[Mode.DIRECT])
    for mode, seconds in took.items():
        print(
            f"to the clip, {count} requests: {mode.value:8} {median(seconds):6.2f} s, {median(seconds) / direct:.2f} of direct"
        )


def plan_s(prompt: str, mode: Mode, models: Models) -> float:
    """Seconds from the prompt to its plan, the loading of the model included."""
    began = time.perf_counter()
    expand(make_request(prompt), mode=mode, models=models, seed=1, stop=Stop())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
