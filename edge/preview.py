"""A small moving picture of a finished clip for places that play no video: GIF, or WebP with a quarter of its bytes.

At most `LONGEST` frames of the first of `SIDES` and `FPS` a second, whatever the clip: of a longer one every so many
frames are shown, so it passes by quicker. A GIF has one palette, chosen for all of its frames; it is made in a first pass.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import cast

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.clip import Clip
from edge.errors import OutputError
from edge.whole_file import whole_file

SIDES, LARGEST = (360, 288, 224), 2_000_000  # pixels, bytes: the next side is taken where there would be more
FPS = Fraction(10)  # a GIF counts in hundredths of a second
LONGEST = 100
PALETTE = "stats_mode=full:reserve_transparent=0"
DITHER = "dither=bayer:bayer_scale=4:diff_mode=rectangle"
OPTIONS = {"gif": {}, "libwebp_anim": {"quality": "75", "compression_level": "4"}}
TICK = Fraction(1, 100)


def write_preview(clip: Clip, out: Path) -> dict[str, object]:
    """Write the preview of a clip to `out`, a .gif or .webp that repeats for ever; returns what it is.

    Raises OutputError.
    """
    numbers = chosen(clip.frames, fps=clip.fps)
    make = _write_gif if out.suffix.lower() == ".gif" else _write_webp
    with whole_file(out) as part:
        try:
            for side in SIDES:
                size = make(partial(_small, clip, numbers, side=side), part, min(FPS, Fraction(clip.fps)))
                if part.stat().st_size <= LARGEST:
                    break
        except av.FFmpegError as exc:
            raise OutputError(
                f"The preview {out} cannot be made: {exc.strerror}.", hint="Leave --preview out."
            ) from exc
    return {"path": str(out), "width": size[0], "height": size[1], "frames": len(numbers), "bytes": out.stat().st_size}


def chosen(frames: int, *, fps: int) -> list[int]:
    """The numbers of the frames that a preview shows."""
    count = min(LONGEST, max(1, round(frames * min(FPS, Fraction(fps)) / fps)))
    return [number * frames // count for number in range(count)]


def _write_gif(small: Callable[..., Iterator[VideoFrame]], part: Path, pace: Fraction) -> tuple[int, int]:
    pictures = _in_colours(small(form="rgb24"), _palette(small(form="rgb24")))
    return _write(pictures, part, kind="gif", codec="gif", pace=pace)


def _write_webp(small: Callable[..., Iterator[VideoFrame]], part: Path, pace: Fraction) -> tuple[int, int]:
    return _write(small(form="yuv420p"), part, kind="webp", codec="libwebp_anim", pace=pace)


def _small(clip: Clip, numbers: list[int], *, side: int, form: str) -> Iterator[VideoFrame]:
    """Those frames of the clip, none of whose sides is longer than `side`, one hundredth of a second after another."""
    scale = min(1.0, side / max(clip.width, clip.height))
    width, height = (max(2, round(pixels * scale / 2) * 2) for pixels in (clip.width, clip.height))
    places = {number: place for place, number in enumerate(numbers)}
    with av.open(clip.path) as container:
        for number, picture in enumerate(container.decode(video=0)):
            if number in places:
                made = picture.reformat(width, height, format=form, interpolation="AREA")
                made.pts, made.time_base = places[number], TICK
                yield made


def _palette(pictures: Iterator[VideoFrame]) -> VideoFrame:
    first = next(pictures)
    graph = Graph()
    source = _source(graph, first)
    graph.link_nodes(source, graph.add("palettegen", PALETTE), graph.add("buffersink")).configure()
    for picture in chain([first], pictures):
        source.push(picture)
    source.push(None)
    return graph.vpull()


def _in_colours(pictures: Iterator[VideoFrame], palette: VideoFrame) -> Iterator[VideoFrame]:
    """The pictures in the colours of a palette."""
    first = next(pictures)
    graph = Graph()
    source, colours = _source(graph, first), _source(graph, palette)
    use, sink = graph.add("paletteuse", DITHER), graph.add("buffersink")
    source.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    palette.pts, palette.time_base = 0, TICK
    colours.push(palette)
    colours.push(None)
    for picture in chain([first], pictures, [None]):
        source.push(picture)
        yield from _ready(graph)


def _source(graph: Graph, picture: VideoFrame) -> FilterContext:
    return graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=TICK)


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return


def _write(pictures: Iterator[VideoFrame], part: Path, *, kind: str, codec: str, pace: Fraction) -> tuple[int, int]:
    """Write the file; returns width and height."""
    first = next(pictures)
    with av.open(os.fspath(part), "w", format=kind, options={"loop": "0"}) as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=pace, options=OPTIONS[codec]))
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        for number, picture in enumerate(chain([first], pictures)):
            picture.pts, picture.time_base = number, 1 / pace
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return first.width, first.height
