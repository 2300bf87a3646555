"""Which modes the board allows now: down at once under pressure, up one row after a calm time. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from edge.job import Job
from edge.mode import Mode, lower_of
from edge.pressure import PressureReading
from edge.result import ModeChoice
from edge.settings import GovernorLimits, Limits

SWAP_WINDOW_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is allowed and why, and what must be remembered until the next look; times are monotonic seconds.

    `since` is when the row was entered or last confirmed. The swap-in rate is taken over a window that begins at
    `window_start` with `window_mib`.
    """

    mode: Mode = Mode.THINK
    reason: str = ""
    since: float = 0.0
    swap_in_mib_s: float = 0.0
    window_start: float = 0.0
    window_mib: float | None = None


def step(before: Verdict, reading: PressureReading, *, now: float, limits: GovernorLimits) -> Verdict:
    """Judge one reading. A worse row is entered at once; a row is left for the next better one after `calm_s`."""
    rate, window_start, window_mib = _swap_rate(before, reading, now=now)
    mode, reason = _worst(reading, swap_in_mib_s=rate, limits=limits)
    since = now
    if mode.rank < before.mode.rank:
        calm = now - before.since >= limits.calm_s
        mode = list(Mode)[before.mode.rank - 1] if calm else before.mode
        reason = before.reason if mode is not Mode.THINK else ""
        since = now if calm else before.since
    return Verdict(
        mode=mode,
        reason=reason,
        since=since,
        swap_in_mib_s=rate,
        window_start=window_start,
        window_mib=window_mib,
    )


def choose(
    job: Job, *, asked: Mode, reason: str, verdict: Verdict, fits: Mode = Mode.THINK, short: str = ""
) -> ModeChoice | None:
    """Choose the mode for a job: what it asks for, or the best that memory, pressure and earlier crashes leave.

    `asked` is what the request means on this board, `reason` why that is less than it says; `fits` the best mode that
    memory has room for, `short` why no better. None means that the job has to wait: the board is paused, nothing
    fits, or the job rather waits than go below its `min_mode`.
    """
    choice = asked
    for cap, why in ((fits, short), (job.mode_cap, "an earlier run crashed"), (verdict.mode, verdict.reason)):
        if cap and cap.rank > choice.rank:
            choice, reason = cap, why
    if choice is Mode.PAUSED or choice.rank > lower_of(job.request.min_mode, asked).rank:
        return None
    return ModeChoice(requested=job.request.mode, effective=choice, reason=reason)


def _swap_rate(before: Verdict, reading: PressureReading, *, now: float) -> tuple[float, float, float | None]:
    """MiB/s over the last full window, so that one burst while a model wakes up does not count as thrashing."""
    if before.window_mib is None or reading.swap_in_mib is None:
        return 0.0, now, reading.swap_in_mib
    if now - before.window_start < SWAP_WINDOW_S:
        return before.swap_in_mib_s, before.window_start, before.window_mib
    return (reading.swap_in_mib - before.window_mib) / (now - before.window_start), now, reading.swap_in_mib


def _worst(reading: PressureReading, *, swap_in_mib_s: float, limits: GovernorLimits) -> tuple[Mode, str]:
    rows = (
        (Mode.PAUSED, limits.paused),
        (Mode.SPARE, limits.spare),
        (Mode.LITE, limits.lite),
        (Mode.DIRECT, limits.direct),
    )
    for mode, row in rows:
        if reason := _passed(reading, swap_in_mib_s=swap_in_mib_s, row=row):
            return mode, reason
    return (Mode.LITE, "throttled: check power supply and cooling") if reading.throttled else (Mode.THINK, "")


def _passed(reading: PressureReading, *, swap_in_mib_s: float, row: Limits) -> str:
    """The first limit of a row that is passed, as a reason; empty when there is none."""
    available = reading.available_percent
    if available is not None and available < row.mem_available_percent:
        return f"memory: {available:.0f} % available"
    for value, limit, text in (
        (reading.some_avg10, row.some_avg10, "memory pressure: some avg10 {:.0f} %"),
        (reading.full_avg10, row.full_avg10, "memory pressure: full avg10 {:.0f} %"),
        (swap_in_mib_s, row.swap_in_mib_s, "swapping in {:.1f} MiB/s"),
        (reading.temperature_celsius, row.temperature_celsius, "heat: {:.0f} °C"),
    ):
        if value is not None and value > limit:
            return text.format(value)
    return ""
