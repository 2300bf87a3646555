"""The runs of a board as a picture: how long each took and what it held at most, one after the other, coloured by mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.mode import Mode
from edge.runlog import RunRow
from edge.video.sheet import Colour, Sheet

SCALE = 420  # pixels of a panel's height
WIDTH, LEFT, TOP, GAP = 2.4, 0.2, 0.24, 0.28
PAPER, CANVAS, LINE, INK = (246, 244, 239), (255, 255, 255), (226, 224, 218), (52, 52, 58)
CROSS: Colour = (196, 60, 60)
COLOURS: dict[Mode, Colour] = {
    Mode.THINK: (134, 78, 184), Mode.NO_THINK: (56, 110, 206), Mode.DIRECT: (44, 160, 120), Mode.LITE: (214, 160, 40),
    Mode.SPARE: (222, 110, 50), Mode.PAUSED: (132, 136, 142),
}  # fmt: skip


def draw_runs(runs: Sequence[RunRow]) -> bytes:
    """Seconds and peak memory of runs, oldest on the left, as a PNG; a cross is a run that did not end well."""
    sheet = Sheet(WIDTH + 2 * LEFT, 2 + 2 * TOP + GAP, scale=SCALE, paper=PAPER)
    for place, mode in enumerate(mode for mode in Mode if any(run.mode is mode for run in runs)):
        x = LEFT + place * 0.4
        sheet.disc(x + 0.02, 0.09, 0.018, COLOURS[mode])
        sheet.text(x + 0.06, 0.105, mode.value, INK, size=0.03)
    _panel(sheet.at(LEFT, TOP), runs, name="seconds", value=lambda run: run.seconds)
    _panel(
        sheet.at(LEFT, TOP + 1 + GAP), runs, name="peak MiB (PSS)", value=lambda run: run.figures.get("peak_pss_mib")
    )
    return sheet.png()


def _panel(sheet: Sheet, runs: Sequence[RunRow], *, name: str, value: Callable[[RunRow], float | None]) -> None:
    sheet.box(0, 0, WIDTH, 1, fill=CANVAS, line=LINE)
    most = _round_up(max((found for run in runs if (found := value(run)) is not None), default=1.0))
    sheet.text(0, -0.03, f"{name}, {len(runs)} runs", INK, size=0.03)
    for part in range(5):
        y = 1 - part / 4
        sheet.line([(0, y), (WIDTH, y)], LINE)
        sheet.text(-0.02, y + 0.01, f"{most * part / 4:g}", INK, size=0.024, align=1.0)
    for place, run in enumerate(runs):
        x = WIDTH * (place + 0.5) / len(runs)
        found = value(run)
        if run.ended != "done":
            sheet.cross(x, 0.97, 0.014, CROSS)
        elif found is not None:
            sheet.disc(x, 1 - found / most, 0.014, COLOURS[run.mode])


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten: its quarters are round."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value and power > 1e-6:
        power /= 10
    return next(power * step for step in (1, 2, 4, 8, 16) if power * step >= value)
