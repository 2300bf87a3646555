"""Frames into an H.264 MP4 as they come, with a poster image; never half a file where a finished one is expected.

Why one thread: x264 with several may cut a frame differently from run to run on another machine, and a
clip is promised to have the same sha256 for the same seed. At 848x480 one thread is far faster than the generator.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Generator, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edge.clip import Clip
from edge.errors import EngineError, OutputError
from edge.manifest import file_sha256
from edge.stop import Stop
from edge.whole_file import whole_file

Frame = NDArray[np.uint8]

CODEC = "h264"
JPEG_QUALITY = 88
X264 = {"preset": "superfast", "crf": "20", "profile": "high", "threads": "1"}


class Writer(Protocol):
    """Writes a whole file of frames, as `write_frames` does."""

    def __call__(
        self, frames: Iterator[Frame], part: Path, *, fps: int, stop: Stop, poster_frame: int
    ) -> Generator[int, None, tuple[int, Frame]]:
        """Write it."""


def encode(
    frames: Iterator[Frame], path: Path, *, fps: int, poster: Path | None, stop: Stop, poster_frame: int = 0,
    write: Writer | None = None,
) -> Generator[int, None, Clip]:  # fmt: skip
    """Encode planar I420 frames, uint8 (height * 3 / 2, width), BT.601 limited range; returns the Clip.

    Yields the number of frames written so far after each one. The file grows under a temporary name beside `path`
    and takes its name only when it is complete and synced; on any error nothing is left behind. `poster` is a JPEG
    of frame number `poster_frame`, or of the last one when the clip is shorter. `write` may take the place of
    `write_frames`.
    Raises OutputError when a file cannot be written, EngineError when there is no frame, and what `stop` raises.
    """
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(whole_file(path))
        write = write or write_frames
        count, kept = yield from write(frames, part, fps=fps, stop=stop, poster_frame=poster_frame)
        if poster is not None:
            _write_poster(kept, stack.enter_context(whole_file(poster)))
    height, width = kept.shape[0] * 2 // 3, kept.shape[1]
    return Clip(
        path=str(path), width=width, height=height, fps=fps, frames=count, seconds=round(count / fps, 3), codec=CODEC,
        bytes=path.stat().st_size, sha256=file_sha256(path), poster=str(poster or ""),
    )  # fmt: skip


def write_frames(
    frames: Iterator[Frame], part: Path, *, fps: int, stop: Stop, poster_frame: int, options: Mapping[str, str] = X264
) -> Generator[int, None, tuple[int, Frame]]:
    """Write the whole file, yielding as `encode` does; returns the number of frames and a copy of the poster's."""
    kept = next(frames, None)
    if kept is None:
        raise EngineError("The generator drew no frame.", hint="Run `edgereel models verify`.")
    count = 0
    with FileWriter(part, fps=fps, options=options) as file:
        for frame in itertools.chain([kept], frames):
            stop.check()
            file.write(frame)
            kept = frame.copy() if count <= poster_frame else kept
            count += 1
            yield count
    return count, kept


class FileWriter:
    """An MP4 that grows frame by frame; its size is that of the first one. It is complete when the `with` block ends well."""

    def __init__(self, path: Path, *, fps: int, options: Mapping[str, str] = X264) -> None:
        self._container = av.open(os.fspath(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._fps, self._options = fps, options
        self._stream: VideoStream | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        try:
            if kind is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, frame: Frame) -> Frame:
        """Add a frame as `encode` takes them; it is given back."""
        self._stream = self._stream or _open_stream(self._container, frame, fps=self._fps, options=self._options)
        self._container.mux(self._stream.encode(_picture(frame, self._count, fps=self._fps)))
        self._count += 1
        return frame


def _open_stream(container: OutputContainer, first: Frame, *, fps: int, options: Mapping[str, str]) -> VideoStream:
    stream = container.add_stream("libx264", rate=fps, options=dict(options))
    stream.width, stream.height = first.shape[1], first.shape[0] * 2 // 3
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU601
    context.color_primaries, context.color_trc = ColorPrimaries.SMPTE170M, ColorTrc.SMPTE170M
    return stream


def _picture(frame: Frame, index: int, *, fps: int) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(frame, format="yuv420p")
    picture.color_range, picture.colorspace = ColorRange.MPEG, Colorspace.ITU601
    picture.pts, picture.time_base = index, Fraction(1, fps)
    return picture


def _write_poster(frame: Frame, part: Path) -> None:
    picture = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    good, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not good:
        raise OutputError("The poster could not be encoded as JPEG.", hint="Leave --poster out.")
    part.write_bytes(jpeg.tobytes())
