"""The layouts of a whole plan: shots that show the same things in the same place go on from each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.plan import Shot
from edge.video.layout import Layout, Link, Span, make_layout
from edge.video.loop import Loop, overlap

SAME_THINGS = ("subject", "colour", "count", "second", "second_colour", "background")
SAME_MOTION = ("motion", "speed", "size")
SAME_CAMERA = ("camera",)


def make_layouts(shots: Sequence[Shot], *, seed: int, frames: Sequence[int]) -> Iterator[Layout]:
    """Yield the layout of each shot, `frames` long; only the one before is kept in memory.

    A shot that shows other things or another place is a cut, and starts where its own law says. Otherwise subjects and
    camera go on from where they were; one motion (or one camera move) over several such shots is drawn as one.
    """
    before: Layout | None = None
    for index, shot in enumerate(shots):
        link = Link(
            before=before if index > 0 and goes_on(shots[index - 1], shot) else None,
            motion=_span(shots, index, frames=frames, names=(*SAME_THINGS, *SAME_MOTION)),
            camera=_span(shots, index, frames=frames, names=(*SAME_THINGS, *SAME_CAMERA)),
        )
        before = make_layout(shot, seed=seed, frames=frames[index], start_frame=sum(frames[:index]), link=link)
        yield before


def make_loop(shots: Sequence[Shot], *, seed: int, frames: Sequence[int], loop: Loop) -> Iterator[tuple[Shot, Layout]]:
    """Yield shots and layouts of a loop: it has `overlap(sum(frames))` frames more, which show what the first ones show.

    One shot comes round by itself. After several the first one comes again, which is a cut, and is longer than needed.
    """
    if len(shots) == 1:
        over = overlap(frames[0])
        span = Span(before=0, total=frames[0])
        link = Link(before=None, motion=span, camera=span)
        total = frames[0] + over
        yield shots[0], make_layout(shots[0], seed=seed, frames=total, start_frame=-over, link=link, loop=loop)
        return
    yield from zip(shots, make_layouts(shots, seed=seed, frames=frames), strict=True)
    yield shots[0], next(make_layouts(shots, seed=seed, frames=frames))


def goes_on(before: Shot, shot: Shot) -> bool:
    """True where the plan does not cut between two shots: they show the same things in the same place."""
    return _alike(before, shot, SAME_THINGS)


def _span(shots: Sequence[Shot], index: int, *, frames: Sequence[int], names: Sequence[str]) -> Span:
    """The run of shots around one whose slots of these names are all alike."""
    first, last = index, index + 1
    while first > 0 and _alike(shots[first - 1], shots[index], names):
        first -= 1
    while last < len(shots) and _alike(shots[last], shots[index], names):
        last += 1
    return Span(before=sum(frames[first:index]), total=sum(frames[first:last]))


def _alike(one: Shot, two: Shot, names: Sequence[str]) -> bool:
    return all(one.slots.get(name) == two.slots.get(name) for name in names)
