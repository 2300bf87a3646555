"""python -m bench.distil FOLDER: films of a stranger, to distil a pack from: MP4s, captions.csv, a vocabulary, and prompts.

The renderer draws them, but nothing of what it knows goes into the folder: only pictures in H.264, and captions that
leave out much. `prompts.yaml` beside them is for the judges: what the films never showed in just this combination.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge.manifest import Slot
from tools.convert.captions import caption
from tools.convert.captions.caption import tell
from tools.convert.scenes.film import write_mp4
from tools.convert.scenes.render import render
from tools.convert.scenes.scene import make_scene, random_slots
from tools.convert.tinyvideo.prompts import Prompt
from tools.convert.tinyvideo.vocabulary import load_vocabulary

SEED, PROMPT_SEED = 77_000_000, 88_000_000
SHOWN = {
    "subject": ["balloon", "boat", "car", "heart", "star", "fish"],
    "colour": ["red", "blue", "green", "yellow", "pink", "white"],
    "background": ["sky", "sunset", "deep_sea", "meadow", "city", "desert"],
}  # fmt: skip
ALWAYS = {"count": ["one"], "particles": ["none"], "style": ["cartoon"], "light": ["natural"]}
ASKED = (*SHOWN, "motion", "camera", "size", "count")


def main() -> None:
    """Write what is not there yet."""
    parser = argparse.ArgumentParser(prog="python -m bench.distil", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=60)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    told = [film(args.folder, number) for number in range(args.films)]
    with (args.folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "caption"), *told])
    vocabulary = {name: own_slot(name) for name in SHOWN}
    (args.folder / "vocabulary.yaml").write_bytes(msgspec.yaml.encode(vocabulary))
    (args.folder / "prompts.yaml").write_bytes(msgspec.yaml.encode([prompt(number) for number in range(args.prompts)]))


def film(folder: Path, number: int) -> tuple[str, str]:
    """Draw one film unless it is there; its name and caption."""
    slots, rng = scene_slots(SEED + number)
    scene = make_scene(slots, seed=SEED + number, seconds=float(rng.choice([2.0, 4.0])))
    path = folder / f"film{number:03d}.mp4"
    if not path.exists():
        part = folder / ".part.mp4"
        write_mp4(render(scene, range(scene.layout.frames), height=240), part, fps=24)
        part.replace(path)
    return path.name, caption(slots, np.random.default_rng([SEED + number, 0x7C])).text


def prompt(number: int) -> Prompt:
    """A prompt that says what the judges look at."""
    slots, rng = scene_slots(PROMPT_SEED + number)
    stated = {name: slots[name] for name in ASKED}
    return Prompt(prompt=tell(stated, slots, rng, language="en"), slots=stated)


def scene_slots(seed: int) -> tuple[dict[str, str], np.random.Generator]:
    """A random combination of what is shown, and the generator after it."""
    rng = np.random.default_rng([seed, 5])
    values = {name: list(slot.values) for name, slot in load_vocabulary().items()}
    return random_slots(values | SHOWN | ALWAYS, rng, pairs=0), rng


def own_slot(name: str) -> Slot:
    """The words for what is shown, as the stranger would write them down."""
    slot = load_vocabulary()[name]
    return Slot(default=SHOWN[name][0], values={value: slot.values[value] for value in SHOWN[name]})


if __name__ == "__main__":
    main()
