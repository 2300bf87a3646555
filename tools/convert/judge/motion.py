"""Which motion a path shows: ten families of curves, and the one that leaves the least of the path unexplained.

Only the shapes are given, and the size without which a motion would not be that motion: a rise has to climb, an orbit
to turn. Speed, place, direction and start are fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.convert.judge.curves import Curves

Reals = NDArray[np.floating]

MOTIONS = ("rise", "fall", "move_left", "move_right", "orbit", "bounce", "hover", "sway", "zigzag", "approach")
# Canvas heights.
TRAVEL = 0.17
ZIGZAG_TRAVEL = 0.25
SWING = 0.10
ORBIT = (0.14, 0.09)
HOP = 0.14
LEG = 0.08
DRIFT = 0.2  # the members of a group part by no more while they grow
# Per second.
TURNS = np.arange(0.25, 0.75, 0.05)
HOPS = np.arange(0.7, 1.8, 0.05)
SWINGS = np.arange(0.35, 1.1, 0.05)
LEGS = np.arange(0.6, 1.3, 0.05)
GROWTH = 1.5
HEIGHTS_PER_GROWTH = 0.2  # how many heights a size wrong by a factor of e counts
# What stays in place leaves little to be tracked, so its path is mostly noise: another family has to leave less than
# this share of what standing still leaves. Growing leaves more to be tracked.
CLEARLY, CLEARLY_GROWN = 0.52, 0.84
# Curves with more to be fitted come closer to any path.
FREEDOM = {"orbit": 1.25, "zigzag": 1.15}


@dataclass(frozen=True, kw_only=True)
class Path:
    """One subject over time: centre `x`, `y` in canvas heights, `size` against itself, and how surely; all [frames]."""

    seconds: Reals
    x: Reals
    y: Reals
    size: Reals
    weight: Reals


def misfits(path: Path) -> dict[str, float]:
    """For every motion the root mean square distance, in canvas heights, of the path from its best curve."""
    fit = Curves(path.seconds, path.weight)
    x, y, size = path.x, path.y, HEIGHTS_PER_GROWTH * np.log(np.maximum(path.size, 1e-3))
    still_x, still_y = fit.still(x), fit.still(y)
    across = min(fit.line(x, ZIGZAG_TRAVEL), fit.line(x, -ZIGZAG_TRAVEL))
    squares = {
        "rise": still_x + fit.line(y, -TRAVEL),
        "fall": still_x + fit.line(y, TRAVEL),
        "move_left": fit.line(x, -TRAVEL) + still_y,
        "move_right": fit.line(x, TRAVEL) + still_y,
        "orbit": fit.turn(x, y, TURNS, ORBIT),
        "bounce": still_x + fit.hops(y, HOPS, HOP),
        "hover": still_x + still_y,
        "sway": fit.swing(x, SWINGS, SWING) + still_y,
        "zigzag": across + fit.legs(y, LEGS, LEG),
    }
    squares = {name: left + fit.still(size) for name, left in squares.items()}
    grown = fit.line(size, HEIGHTS_PER_GROWTH * np.log(GROWTH))
    squares["approach"] = fit.drift(x, DRIFT) + fit.drift(y, DRIFT) + grown
    return {name: float(np.sqrt(squares[name])) for name in MOTIONS}


def best_motion(scores: dict[str, float]) -> str:
    """The motion with the least misfit; hovering has the benefit of the doubt."""
    best = min((name for name in scores if name != "hover"), key=lambda name: scores[name] * FREEDOM.get(name, 1.0))
    share = CLEARLY_GROWN if best == "approach" else CLEARLY
    return best if scores[best] < share * scores["hover"] else "hover"
