"""The seam between two shots of a chain: what moved goes on from where it was, and turns softly into its new law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.video.motions import ASPECT, FPS

Reals = NDArray[np.floating]

SHORTEST_S = 0.9
LONGEST = 0.6  # of the shot
PACE = 0.18  # canvas heights per second on the way from the old place to the new law
COAST = 0.8  # of its speed is left to a thing after each frame when no law moves it
SIDE, ABOVE = 0.9, 0.95  # radii that a body reaches to the sides and up


def last_steps(*columns: Reals) -> Reals:
    """The last two values of each column [frames], or of a single frame twice: [2, columns]."""
    table = np.stack(columns, axis=-1).astype(np.float64)
    return table[[max(len(table) - 2, 0), -1]]


def hand_over(law: Reals, ends: Reals, *, keep: Reals, low: Reals, high: Reals, pace: float = PACE) -> Reals:
    """`law` [..., frames, n], entered from `ends` [..., 2, n], the last two values before it.

    The first frames coast from the last value, slowing down, within `low` and `high` [..., 1, n]; then they pass
    softly into the law, which is moved by `keep` [..., 1, n] for good. `pace` is in units of `law` per second.
    """
    frames = law.shape[-2]
    step = ends[..., 1:, :] - ends[..., :1, :]
    number = np.arange(1, frames + 1)[:, None]
    last = ends[..., 1:, :]
    coast = last + step * (1 - COAST**number) / (1 - COAST) * COAST
    coast = np.clip(coast, np.minimum(low, last), np.maximum(high, last))
    gap = float(np.linalg.norm(last - law[..., :1, :] - keep, axis=-1).max())
    most = LONGEST * frames / FPS
    rest = hand_weight(frames, seconds=min(max(gap / pace, SHORTEST_S), max(most, SHORTEST_S)))[:, None]
    mixed: Reals = rest * coast + (1 - rest) * (law + keep)
    return mixed


def hand_weight(frames: int, *, seconds: float = SHORTEST_S) -> Reals:
    """The weight of what was before [frames]: 1 at first, softly down to 0 after `seconds`."""
    done = np.clip(np.arange(frames) / (seconds * FPS), 0, 1)
    return 1 - done * done * (3 - 2 * done)


def join_places(law: Reals, ends: Reals, *, below: float, stay: tuple[bool, bool]) -> Reals:
    """Places [members, frames, 3] (x, y, radius) of a group that was at `ends` [members, 2, 3] before.

    Where `stay` (x, y) allows it, the group goes on around its old place as far as the frame has room for the law;
    else it comes back to the place that the law draws. `below` is how far bodies reach down, in radii.
    """
    x, y, radius = np.moveaxis(law, -1, 0)
    first = np.mean(ends[:, 1] - law[:, 0], axis=0)
    keep = np.zeros(3)
    if stay[0]:
        keep[0] = _within(first[0], (SIDE * radius - x).max(), (ASPECT - SIDE * radius - x).min())
    if stay[1]:
        keep[1] = _within(first[1], (ABOVE * radius - y).max(), (1 - below * radius - y).min())
    size = ends[:, 1:, 2:]
    low = np.concatenate([SIDE * size, ABOVE * size, size / 2], axis=-1)
    high = np.concatenate([ASPECT - SIDE * size, 1 - below * size, size * 2], axis=-1)
    return hand_over(law, ends, keep=keep[None, None], low=low, high=high)


def join_path(law: Reals, ends: Reals) -> Reals:
    """Places [members, frames, 3] on a path that was asked for, after `ends` [members, 2, 3]: soon exactly on it."""
    step = law[:, min(1, law.shape[1] - 1)] - law[:, 0]
    gap = ends[:, 1] + step - law[:, 0]
    joined: Reals = law + gap[:, None] * hand_weight(law.shape[1])[:, None]
    return joined


def join_camera(law: Reals, ends: Reals, *, low: Reals, high: Reals) -> Reals:
    """Camera [frames, 2] (shift, zoom) after `ends` [2, 2]; it stays where it was as far as `low` and `high` [2] allow."""
    law, ends, low, high = (_in_logs(values) for values in (law, ends, low, high))
    first = ends[1] - law[0]
    keep = np.array([_within(first[i], (low - law)[:, i].max(), (high - law)[:, i].min()) for i in range(2)])
    joined = hand_over(law, ends, keep=keep[None], low=low[None], high=high[None])
    return np.stack([joined[:, 0], np.exp(joined[:, 1])], axis=1)


def join_angle(law: Reals, before: float) -> Reals:
    """Angles [frames] that start at the angle `before` and turn softly, the short way round."""
    turn = (before - law[0] + np.pi) % (2 * np.pi) - np.pi
    turned: Reals = law + turn * hand_weight(len(law))
    return turned


def _within(wanted: float, low: float, high: float) -> float:
    """As much of a shift as there is room for; none where there is no room at all."""
    return float(np.clip(wanted, min(low, 0.0), max(high, 0.0)))


def _in_logs(values: Reals) -> Reals:
    """Shift and zoom [..., 2] -> shift and the logarithm of the zoom."""
    return np.stack([values[..., 0], np.log(values[..., 1])], axis=-1)
