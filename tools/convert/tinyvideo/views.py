"""What the recognisers learn from: judge views of random scenes with their labels, written once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tools.convert.scenes.render import render, to_i420
from tools.convert.scenes.scene import Scene
from tools.convert.tinyvideo.data import load_vocabulary, random_scene
from tools.convert.tinyvideo.loop import write_array
from tools.convert.tinyvideo.recogniser import MOVING_SLOTS, STILL_SLOTS, VIEW_FRAMES, judge_view

CLIPS_PER_FILE = 250
TRAIN_SEED = (1 << 28) + 1
HEIGHT = 240
VIEW_ROWS = 60
H264_SHARE = 0.4
SLOTS = (*STILL_SLOTS, *MOVING_SLOTS)
Bytes = NDArray[np.uint8]


def slot_values() -> dict[str, list[str]]:
    """The values of every slot that is judged, in order."""
    return {slot: list(values.values) for slot, values in load_vocabulary().items() if slot in SLOTS}


def write_views(out: Path, *, first_seed: int = TRAIN_SEED, files: int, part: int = 0, parts: int = 1) -> None:
    """Render `files` files of views uint8 [n, 16, 6, 60, 108] with labels and places; whole ones are kept.

    Labels int16 [n, SLOTS + 2]: the last two are the second subject and its colour, -1 where there is none. Places
    float32 [n, 16, 2]: row and column of the first subject's centre in the view. Some clips go through H.264.
    """
    out.mkdir(parents=True, exist_ok=True)
    for number in range(part, files, parts):
        if (out / f"{number:04d}.views.npy").exists():
            continue
        first = first_seed + number * CLIPS_PER_FILE
        rows = [_row(seed) for seed in range(first, first + CLIPS_PER_FILE)]
        for name, column in (("places", 2), ("labels", 1), ("views", 0)):  # views last: they mark the rest complete
            write_array(out / f"{number:04d}.{name}.npy", np.stack([row[column] for row in rows]))


@dataclass(frozen=True)
class ViewFile:
    """One finished file, its views as a memory map."""

    views: Bytes
    labels: NDArray[np.int16]
    places: NDArray[np.float32]


def read_views(out: Path) -> list[ViewFile]:
    """The finished files in order."""
    paths = sorted(out.glob("*.views.npy"))
    return [ViewFile(np.load(path, mmap_mode="r"), _beside(path, "labels"), _beside(path, "places")) for path in paths]


def _beside(path: Path, name: str) -> NDArray[np.generic]:
    return np.load(path.with_name(path.name.replace("views", name)))


def labels_of(scene: Scene) -> NDArray[np.int16]:
    """The numbers of the scene's values in SLOTS order, then of its second subject and colour (-1: none)."""
    values, slots = slot_values(), scene.shot.slots
    row = [values[slot].index(slots[slot]) for slot in SLOTS]
    for slot, name in (("subject", "second"), ("colour", "second_colour")):
        row.append(values[slot].index(slots[name]) if slots.get(name, "none") in values[slot] else -1)
    return np.array(row, np.int16)


def places_of(scene: Scene, numbers: list[int]) -> NDArray[np.float32]:
    """Row and column in the view of the first subject's centre at the given frames, float32 [frames, 2]."""
    track = scene.layout.tracks[0]
    return np.stack([track.y[numbers] * VIEW_ROWS, track.x[numbers] * VIEW_ROWS], axis=1).astype(np.float32)


def _row(seed: int) -> tuple[Bytes, NDArray[np.int16], NDArray[np.float32]]:
    scene = random_scene(load_vocabulary(), seed=seed)
    numbers = [round(i) for i in np.linspace(0, scene.layout.frames - 1, VIEW_FRAMES)]
    frames = [to_i420(frame) for frame in render(scene, numbers, height=HEIGHT)]
    rng = np.random.default_rng([seed, 0x5E])
    if rng.uniform() < H264_SHARE:
        frames = _through_h264(frames, quality=int(rng.integers(20, 34)))
    return judge_view(frames), labels_of(scene), places_of(scene, numbers)


def _through_h264(frames: list[Bytes], *, quality: int) -> list[Bytes]:
    """Encode and decode, so that a recogniser does not mind what a codec does."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=8, options={"preset": "ultrafast", "crf": str(quality)})
        stream.height, stream.width, stream.pix_fmt = frames[0].shape[0] * 2 // 3, frames[0].shape[1], "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="yuv420p")))
        file.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as file:
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in file.decode(video=0)]
