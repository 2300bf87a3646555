"""A plan's layout as a picture for people: where every subject goes in every shot, and what the camera does.

Each shot is one panel in canvas heights: the canvas, the track of each subject with circles of its size every half
second, the camera's frame at its start and end, and the particles of the middle of the shot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.plan import Shot
from edge.video.chain import make_layouts
from edge.video.layout import ASPECT, FPS, Layout, Track
from edge.video.sheet import Colour, Sheet

HEIGHT = 440  # pixels of a canvas
BESIDE, ABOVE, BELOW = 0.25, 0.30, 0.14  # of a panel around the canvas, in canvas heights
COLUMNS = 2
MARK_S = 0.5
LETTER = 0.023  # width of a letter of a label
LABEL_GAP = 0.055  # heights between two labels at least

PAPER, CANVAS, LINE, GREY, INK = (246, 244, 239), (255, 255, 255), (226, 224, 218), (134, 132, 128), (52, 52, 58)
CAMERA, PARTICLE, ASKED = (64, 128, 168), (172, 196, 214), (206, 62, 120)
COLOURS: dict[str, Colour] = {
    "red": (214, 58, 52), "orange": (238, 138, 40), "yellow": (232, 190, 40), "green": (64, 160, 80),
    "blue": (56, 110, 206), "purple": (134, 78, 184), "pink": (236, 122, 168), "white": (206, 208, 214),
    "turquoise": (44, 178, 176), "brown": (136, 92, 58), "grey": (132, 136, 142), "black": (44, 44, 50),
}  # fmt: skip


def draw_plan(shots: Sequence[Shot], *, seed: int, captions: Sequence[str]) -> bytes:
    """The layout of all shots of a plan as a PNG, as the generator would draw it with this seed."""
    frames = [max(1, round(shot.seconds * FPS)) for shot in shots]
    columns = min(COLUMNS, len(shots))
    width, height = ASPECT + 2 * BESIDE, 1 + ABOVE + BELOW
    sheet = Sheet(columns * width, -(-len(shots) // columns) * height, scale=HEIGHT, paper=PAPER)
    began = 0.0
    for index, layout in enumerate(make_layouts(shots, seed=seed, frames=frames)):
        left, top = index % columns * width + BESIDE, index // columns * height + ABOVE
        panel = sheet.at(left, top)
        name = f"shot {index + 1}   {began:g} - {began + shots[index].seconds:g} s"
        _draw_shot(panel, shots[index], layout, name=name, caption=captions[index])
        began += shots[index].seconds
    return sheet.png()


def _draw_shot(panel: Sheet, shot: Shot, layout: Layout, *, name: str, caption: str) -> None:
    panel.box(0, 0, ASPECT, 1, fill=CANVAS, line=LINE)
    for third in (1 / 3, 2 / 3):
        panel.line([(third * ASPECT, 0), (third * ASPECT, 1)], LINE)
        panel.line([(0, third), (ASPECT, third)], LINE)
    _draw_particles(panel, layout)
    _draw_camera(panel, layout, shot.slots["camera"])
    for track in layout.tracks:
        _draw_track(panel, track)
    if shot.path:
        for point in shot.path.points:
            panel.cross(point[0] * ASPECT, point[1], 0.016, ASKED)
    _label_seconds(panel, layout.tracks)
    _label_subjects(panel, layout.tracks, "path" if shot.path else shot.slots["motion"])
    panel.text(0, -0.185, name, INK, size=0.052, bold=True)
    panel.text(0, -0.105, caption, GREY, size=0.042, within=ASPECT)


def _draw_particles(panel: Sheet, layout: Layout) -> None:
    for x, y, strength in layout.particles[layout.frames // 2]:
        if strength > 0 and 0 <= x <= ASPECT and 0 <= y <= 1:
            panel.disc(float(x), float(y), 0.004 + 0.006 * float(strength), PARTICLE)


def _draw_camera(panel: Sheet, layout: Layout, kind: str) -> None:
    """What the camera sees of the scenery at its start (dashed) and end, against what it sees on the whole."""
    shift, zoom = layout.camera[[0, -1], 0], layout.camera[[0, -1], 1]
    if np.ptp(shift) < 0.01 and np.ptp(zoom) < 0.01:
        return
    middle, usual = float(shift.mean()), float(zoom.mean())
    frames = [
        (ASPECT / 2 + float(s) - middle, ASPECT / 2 * usual / float(z), usual / float(z) / 2)
        for s, z in zip(shift, zoom, strict=True)
    ]
    for (x, across, down), dashed in zip(frames, (True, False), strict=True):
        corners = [
            (x - across, 0.5 - down),
            (x + across, 0.5 - down),
            (x + across, 0.5 + down),
            (x - across, 0.5 + down),
        ]
        panel.line([*corners, corners[0]], CAMERA, dashed=dashed)
    foot = 1.075
    panel.text(0, foot + 0.02, f"camera: {kind.replace('_', ' ')}", CAMERA, size=0.042)
    panel.text(ASPECT, foot + 0.02, "dashed: its first frame, solid: its last", CAMERA, size=0.036, align=1.0)


def _draw_track(panel: Sheet, track: Track) -> None:
    colour = COLOURS.get(track.colour, GREY)
    dark = _darker(colour)
    places = np.stack([track.x, track.y], axis=1).astype(np.float64)
    radii = track.radius.tolist()
    spots = [(*places[number].tolist(), radii[number]) for number in marks(len(places))]
    for x, y, radius in spots:
        panel.disc(x, y, radius, colour, alpha=0.10)
        panel.ring(x, y, radius, dark, alpha=0.45)
    panel.line(places, dark, width=3)
    for x, y, _ in spots:
        panel.disc(x, y, 0.009, dark)
    panel.arrow(places, 0.045, dark)
    x, y, _ = spots[0]
    panel.disc(x, y, 0.017, CANVAS)
    panel.ring(x, y, 0.017, dark, width=2)


def _label_seconds(panel: Sheet, tracks: Sequence[Track]) -> None:
    """Seconds beside the marks, first and last before those between, wherever no other label stands."""
    placed: list[tuple[float, float]] = []
    for track in tracks:
        first, *between, last = marks(len(track.x))
        for number in (first, last, *between):
            at = float(track.x[number]) + 0.022, float(track.y[number]) - 0.02
            if all(np.hypot(at[0] - other[0], at[1] - other[1]) > LABEL_GAP for other in placed):
                panel.text(*at, f"{(number + 1) // (FPS * MARK_S) * MARK_S:g}", INK, size=0.034)
                placed.append(at)


def _label_subjects(panel: Sheet, tracks: Sequence[Track], motion: str) -> None:
    """Name each kind of subject once, beside its start, where the fewest tracks pass."""
    ways = np.concatenate([np.stack([track.x, track.y], axis=1) for track in tracks])
    kinds = {(track.colour, track.subject): track for track in reversed(tracks)}
    for (colour, subject), track in kinds.items():
        words = f"{colour} {subject}, {motion}".replace("_", " ")
        x, y = _free_place(track, ways, width=LETTER * len(words))
        panel.text(x, y, words, _darker(COLOURS.get(colour, GREY)), size=0.04, align=0.5, within=ASPECT)
        ways = np.concatenate([ways, [[x + LETTER * step, y] for step in range(-len(words) // 2, len(words) // 2)]])


def _free_place(track: Track, ways: NDArray[np.floating], *, width: float) -> tuple[float, float]:
    """The middle of the base line of a label below, above, right or left of a track's first circle."""
    x, y, radius = float(track.x[0]), float(track.y[0]), float(track.radius[0])
    beside = radius + width / 2 + 0.02
    places = [(x, y + radius + 0.045), (x, y - radius - 0.02), (x + beside, y), (x - beside, y)]

    def met(place: tuple[float, float]) -> int:
        if not (0.05 < place[1] < 0.98 and width / 2 <= place[0] <= ASPECT - width / 2):
            return len(ways)
        far = np.abs(ways - place) > [width / 2 + 0.03, 0.06]
        return int(np.sum(~far.any(axis=1)))

    return min(places, key=met)


def marks(frames: int) -> list[int]:
    """The frames at every half second, the first and the last."""
    step = round(MARK_S * FPS)
    return [0, *range(step, frames - step // 2, step), frames - 1]


def _darker(colour: Colour) -> Colour:
    dark: NDArray[np.float64] = np.array(colour) * 0.72
    return int(dark[0]), int(dark[1]), int(dark[2])
