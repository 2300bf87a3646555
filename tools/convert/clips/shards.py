"""Shards: clips on disk as plain arrays and one JSON file, whole or not there at all.

A shard is a folder:
    video.npy   uint8 [all frames, height * 3 / 2, width], planar 4:2:0, the clips one after the other
    camera.npy  float32 [all frames, 2], zero zoom where it is not known
    tracks.npy  float32 [rows, 6]: x, y, radius, angle, flip, phase; the rows of a clip are its tracks one after the other
    about.json  for each clip its frames, caption, language, origin, stated, slots, seed, and its tracks' subjects and colours
Any teacher pipeline may write them with `write_shard`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.video.layout import Track
from tools.convert.clips.clip import Clip, ClipError

FORMAT = 2  # 1 held frames as blocks of 4 x 4 pixels
TRACK_FIELDS = ("x", "y", "radius", "angle", "flip", "phase")
HEADER_BYTES = 128
FILES = ("video.npy", "camera.npy", "tracks.npy", "about.json")


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` of a folder stands."""
    return folder / f"{number:06d}"


def write_shard(folder: Path, number: int, clips: Iterable[Clip]) -> Path:
    """Write a shard under a temporary name and rename it when it is whole; clips may come from a generator.

    The same clips give the same bytes. Raises ClipError when there is no clip, or they are not of one size.
    """
    target = shard_path(folder, number)
    part = folder / f".{target.name}.part"
    shutil.rmtree(part, ignore_errors=True)  # of a process that was stopped
    part.mkdir(parents=True)
    about: list[dict[str, Any]] = []
    cameras: list[NDArray[np.float32]] = []
    tracks: list[NDArray[np.float32]] = []
    shape: tuple[int, ...] | None = None
    with (part / "video.npy").open("wb") as file:
        file.write(bytes(HEADER_BYTES))
        for clip in clips:
            shape = _check(clip, shape, target)
            file.write(np.ascontiguousarray(clip.video).tobytes())
            cameras.append(np.zeros((clip.frames, 2), np.float32) if clip.camera is None else clip.camera)
            tracks += [_rows(track) for track in clip.tracks]
            about.append(_about(clip))
        if shape is None:
            raise ClipError(f"{target}: a shard needs at least one clip.")
        file.seek(0)
        file.write(_header((sum(entry["frames"] for entry in about), *shape)))
        os.fsync(file.fileno())
    np.save(part / "camera.npy", np.concatenate(cameras))
    np.save(part / "tracks.npy", np.concatenate([np.zeros((0, len(TRACK_FIELDS)), np.float32), *tracks]))
    text = json.dumps({"format": FORMAT, "clips": about}, ensure_ascii=False, indent=1, sort_keys=True)
    (part / "about.json").write_text(text, encoding="utf-8")
    part.rename(target)
    return target


class ShardSource:
    """The clips of every whole shard in a folder; videos stay on disk until a clip is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards = sorted(path for path in folder.glob("[0-9]*") if path.is_dir())
        if not self.shards:
            raise ClipError(
                f"{folder}: no shards here. Make some with `python -m tools.convert.clips render --out {folder}`."
            )
        self._abouts = [_read_about(path) for path in self.shards]
        self._places = [(shard, clip) for shard, about in enumerate(self._abouts) for clip in range(len(about))]

    def __len__(self) -> int:
        return len(self._places)

    def about(self, number: int) -> dict[str, Any]:
        """What is known of a clip without reading its video: caption, language, slots, ..."""
        shard, clip = self._places[number]
        return self._abouts[shard][clip]

    def clip(self, number: int) -> Clip:
        """Clip `number`, in the order of the shards; `video` is a read-only view of the file."""
        shard, index = self._places[number]
        path, before, about = self.shards[shard], self._abouts[shard][:index], self._abouts[shard][index]
        first, frames = sum(entry["frames"] for entry in before), about["frames"]
        row = sum(entry["frames"] * len(entry["tracks"]) for entry in before)
        rows = np.load(path / "tracks.npy")[row : row + frames * len(about["tracks"])]
        camera = np.load(path / "camera.npy")[first : first + frames]
        return Clip(
            video=np.load(path / "video.npy", mmap_mode="r")[first : first + frames],
            camera=camera if camera[:, 1].all() else None,
            tracks=tuple(
                Track(**names, **dict(zip(TRACK_FIELDS, np.ascontiguousarray(part.T), strict=True)))
                for names, part in zip(about["tracks"], rows.reshape(-1, frames, len(TRACK_FIELDS)), strict=True)
            ),
            **{name: about[name] for name in ("caption", "language", "origin", "stated", "slots", "seed")},
        )


def _check(clip: Clip, shape: tuple[int, ...] | None, where: Path) -> tuple[int, ...]:
    found = clip.video.shape[1:]
    if clip.video.dtype != np.uint8 or clip.video.ndim != 3 or found[0] % 3 or not clip.frames:
        raise ClipError(
            f"{where}: {clip.origin}: video is {clip.video.dtype} {clip.video.shape}; "
            "make frames planar 4:2:0, uint8 [frames, height * 3 / 2, width]."
        )
    if shape is not None and found != shape:
        raise ClipError(f"{where}: {clip.origin}: a clip of {found} among clips of {shape}; a shard holds one size.")
    return found


def _about(clip: Clip) -> dict[str, Any]:
    return {
        "frames": clip.frames, "caption": clip.caption, "language": clip.language, "origin": clip.origin,
        "stated": clip.stated, "slots": clip.slots, "seed": clip.seed,
        "tracks": [{"subject": track.subject, "colour": track.colour} for track in clip.tracks],
    }  # fmt: skip


def _read_about(path: Path) -> list[dict[str, Any]]:
    missing = [name for name in FILES if not (path / name).is_file()]
    if missing:
        raise ClipError(f"{path}: {', '.join(missing)} missing. Remove the folder and make the shard again.")
    found = json.loads((path / "about.json").read_text(encoding="utf-8"))
    if found.get("format") != FORMAT:
        raise ClipError(f"{path}: format {found.get('format')!r}, this version reads {FORMAT}. Make the shards again.")
    return list(found["clips"])


def _rows(track: Track) -> NDArray[np.float32]:
    return np.stack([getattr(track, name) for name in TRACK_FIELDS], axis=1).astype(np.float32)


def _header(shape: tuple[int, ...]) -> bytes:
    """An npy header of fixed length, so that the video can be written before its length is known."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    return (
        b"\x93NUMPY\x01\x00"
        + (HEADER_BYTES - 10).to_bytes(2, "little")
        + text.ljust(HEADER_BYTES - 11).encode()
        + b"\n"
    )
