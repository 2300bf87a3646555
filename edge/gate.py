"""Whether a board takes work from its pools: out at once when it has enough, back in when it has been calm for a while.

Why not leave it to the broker: mosquitto deals requests out in turn, to boards with full hands as well
(mosquitto 2.0.11, `subs__shared_process`). Only a board that has left is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge.sections import Fleet


@dataclass(frozen=True, kw_only=True)
class Gate:
    """`is_open`, why not, and since when (monotonic seconds) nothing has been against opening it."""

    is_open: bool = False
    reason: str = "just started"
    calm_since: float | None = None


def step(gate: Gate, *, depth: int, closed_by: str, now: float, fleet: Fleet, spread: float) -> Gate:
    """The gate after a look at `depth` jobs waiting or running; `closed_by` is any other reason to stay out, or empty.

    `spread` -1..1 lengthens or shortens the calm time by up to a quarter. At the start nothing is waited for.
    """
    full = f"{depth} jobs wait or run here" if depth >= fleet.high else ""
    if reason := closed_by or full:
        return Gate(is_open=False, reason=reason)
    if gate.is_open or gate.reason == Gate().reason:
        return Gate(is_open=True, reason="")
    if depth > fleet.low:
        return replace(gate, calm_since=None)
    since = now if gate.calm_since is None else gate.calm_since
    if now - since >= fleet.calm_s * (1 + spread / 4):
        return Gate(is_open=True, reason="")
    return replace(gate, calm_since=since)
