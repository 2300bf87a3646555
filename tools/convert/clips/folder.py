"""Clips from a folder of somebody's own videos, with captions in `captions.csv` or a `.txt` beside each video."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from edge.expand.lexicon import Lexicon
from edge.manifest import Slot
from edge.video.layout import ASPECT, FPS
from tools.convert.clips.clip import Clip, ClipError
from tools.convert.scenes.render import to_i420
from tools.convert.tinyvideo.data import load_vocabulary

KINDS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif"})
TABLE = "captions.csv"
SHORTEST_S = 0.5
HAN = re.compile(r"[\u4e00-\u9fff]")


class FolderSource:
    """Every video of a folder, cut into clips of at most `seconds`; the pieces of a video share its caption.

    Pictures are scaled and cropped around their middle to a canvas `height` pixels high, at 24 frames per second.
    The slots that the lexicon reads in a caption, by `vocabulary` or that of the repository, become the clip's `stated`.
    With `about` a video whose caption does not state that slot is none of the source: it is among those `left_out`.
    """

    def __init__(
        self, folder: Path, *, height: int = 240, seconds: float = 4.0, vocabulary: Mapping[str, Slot] | None = None,
        about: str = "", shortest: float = SHORTEST_S,
    ) -> None:  # fmt: skip
        self.height = height
        self.seconds = seconds
        self._lexicon = Lexicon(vocabulary or load_vocabulary())
        every = captions_of(folder)
        self.captions = {
            path: text for path, text in every.items() if not about or about in self._lexicon.read(text).said
        }
        self.left_out = {path: text for path, text in every.items() if path not in self.captions}
        self._pieces = [(path, piece) for path in self.captions for piece in range(_count(path, seconds, shortest))]

    def __len__(self) -> int:
        return len(self._pieces)

    def clip(self, number: int) -> Clip:
        """Clip `number`: videos in the order of their names, pieces in the order of time."""
        path, piece = self._pieces[number]
        caption = self.captions[path]
        pictures = [on_canvas(picture, self.height) for picture in _pictures(path, piece * self.seconds, self.seconds)]
        if len(pictures) < SHORTEST_S * FPS:
            raise ClipError(f"{path}: only {len(pictures)} frames could be read. Remove the video, or encode it again.")
        return Clip(
            video=np.stack(pictures), caption=caption, language=language_of(caption),
            origin=f"{path.name}#{piece}", stated=self._lexicon.read(caption).said,
        )  # fmt: skip


def on_canvas(rgb: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """An RGB picture of any size [h, w, 3], scaled and cropped around its middle, as planar 4:2:0 `height` pixels high."""
    width = round(height * ASPECT)
    scale = max(height / rgb.shape[0], width / rgb.shape[1])
    size = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return to_i420(np.ascontiguousarray(scaled[top : top + height, left : left + width]))


def language_of(caption: str) -> str:
    """`zh` where it holds a Chinese character, else `en`."""
    return "zh" if HAN.search(caption) else "en"


def captions_of(folder: Path) -> dict[Path, str]:
    """The caption of every video, in the order of their names. Raises ClipError naming all that is missing."""
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS) if folder.is_dir() else []
    if not videos:
        raise ClipError(f"{folder}: no videos here ({', '.join(sorted(KINDS))}).")
    table = _table(folder / TABLE)
    unknown = sorted(set(table) - {path.name for path in videos})
    if unknown:
        raise ClipError(f"{folder / TABLE}: no such video: {', '.join(unknown)}. Correct the name, or remove the row.")
    captions = {path: table.get(path.name) or _text_beside(path) for path in videos}
    silent = [path.name for path, text in captions.items() if not text]
    if silent:
        raise ClipError(
            f"{folder}: no caption for {', '.join(silent)}. Add a row to {TABLE} (file,caption), or a text file of the "
            f"same name, such as {Path(silent[0]).with_suffix('.txt')}."
        )
    return captions


def _table(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"file", "caption"} <= set(rows.fieldnames or ()):
            raise ClipError(f"{path}: its first line must name the columns: file,caption")
        return {row["file"].strip(): (row["caption"] or "").strip() for row in rows}


def _text_beside(path: Path) -> str:
    text = path.with_suffix(".txt")
    return text.read_text(encoding="utf-8-sig").strip() if text.is_file() else ""


def _open(path: Path) -> InputContainer:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as exc:
        raise ClipError(f"{path} is not a video that can be read: {exc}. Remove it, or encode it again.") from exc
    if not container.streams.video:
        container.close()
        raise ClipError(f"{path} holds no video. Remove it.")
    return container


def _count(path: Path, seconds: float, shortest: float) -> int:
    """How many clips of `seconds` a video holds: at least one; a shorter rest is left out."""
    with _open(path) as container:
        stream = container.streams.video[0]
        length = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        length = length or float(container.duration or 0) / av.time_base
    if 0 < length < shortest:
        raise ClipError(f"{path} is {length:.2f} s long, the shortest clip is {shortest:g} s. Remove it.")
    return max(1, int(length / seconds + 1e-3))


def _pictures(path: Path, start: float, seconds: float) -> Iterator[NDArray[np.uint8]]:
    """RGB frames at 24 per second from `start` on: each is the last one shown at its time."""
    wanted = 0
    shown: NDArray[np.uint8] | None = None
    try:
        for time, rgb in _decoded(path, start):
            while shown is not None and wanted < round(seconds * FPS) and start + (wanted + 0.5) / FPS < time:
                yield shown
                wanted += 1
            shown = rgb
            last = time
    except av.FFmpegError as exc:
        raise ClipError(f"{path} is damaged: {exc}. Remove it, or encode it again.") from exc
    if shown is not None and wanted < round(seconds * FPS) and start + (wanted + 0.5) / FPS < last + 1 / FPS:
        yield shown


def _decoded(path: Path, start: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Frames with their time in seconds, from the key frame before `start`."""
    with _open(path) as container:
        if start > 0:
            container.seek(int(start * av.time_base))
        first = float((container.streams.video[0].start_time or 0) * (container.streams.video[0].time_base or 0))
        for frame in container.decode(video=0):
            if frame.time is not None:
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                yield frame.time - first, np.ascontiguousarray(turned)
