"""Which modes the board allows now: down at once under pressure, up one row after a calm time. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from edge.job import Job
from edge.mode import Mode, lower_of
from edge.pressure import PressureReading
from edge.result import ModeChoice
from edge.sections import GovernorLimits, Limits

RATE_WINDOW_S = 10.0


class Counts(NamedTuple):
    """What only grows, in MiB, or how fast it grows, in MiB/s."""

    swap_in: float = 0.0
    refault: float = 0.0


NOTHING = Counts()
KILLED = "memory: the kernel killed a process at the limit of the control group"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is allowed and why, and what must be remembered until the next look; times are monotonic seconds.

    `since` is when the row was entered or last confirmed. Rates in MiB/s are taken over a window that began at
    `window_start` with the counts `window`. `oom_kills` is how often the kernel had killed in our control group.
    """

    mode: Mode = Mode.THINK
    reason: str = ""
    since: float = 0.0
    rates: Counts = NOTHING
    window_start: float = 0.0
    window: Counts | None = None
    oom_kills: int | None = None


def step(before: Verdict, reading: PressureReading, *, now: float, limits: GovernorLimits) -> Verdict:
    """Judge one reading. A worse row is entered at once; a row is left for the next better one after `calm_s`."""
    rates, window_start, window = _rates(before, reading, now=now)
    mode, reason = _worst(reading, rates=rates, limits=limits)
    if None not in (before.oom_kills, reading.oom_kills) and reading.oom_kills != before.oom_kills:
        mode, reason = max((mode, reason), (Mode.SPARE, KILLED), key=lambda row: row[0].rank)
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
        rates=rates,
        window_start=window_start,
        window=window,
        oom_kills=reading.oom_kills,
    )


def choose(job: Job, *, asked: Mode, reason: str, caps: Iterable[tuple[Mode, str]]) -> ModeChoice | None:
    """Choose the mode for a job: what it asks for, or the best that `caps` and earlier crashes leave.

    `asked` is what the request means on this board, `reason` why that is less than it says; each cap is a mode and why
    it may be no better: memory, pressure, somebody's word. None means that the job has to wait: the board is paused,
    nothing fits, or the job rather waits than go below its `min_mode`.
    """
    choice = asked
    for cap, why in ((job.mode_cap, "an earlier run crashed"), *caps):
        if cap and cap.rank > choice.rank:
            choice, reason = cap, why
    if choice is Mode.PAUSED or choice.rank > lower_of(job.request.min_mode, asked).rank:
        return None
    return ModeChoice(requested=job.request.mode, effective=choice, reason=reason)


def sooner_to_finish(*, elapsed_s: float, fraction: float, anew_s: float) -> bool:
    """Whether a running job, `fraction` done after `elapsed_s`, ends before a run in a cheaper mode of `anew_s` would."""
    return fraction > 0 and elapsed_s * (1 - fraction) / fraction <= anew_s


def _rates(before: Verdict, reading: PressureReading, *, now: float) -> tuple[Counts, float, Counts]:
    """MiB/s over the last full window, so that one burst while a model wakes up does not count as thrashing."""
    counts = Counts(reading.swap_in_mib or 0.0, reading.refault_mib or 0.0)
    passed = now - before.window_start
    if before.window is None:
        return NOTHING, now, counts
    if passed < RATE_WINDOW_S:
        return before.rates, before.window_start, before.window
    grown = zip(counts, before.window, strict=True)
    return Counts(*((count - earlier) / passed for count, earlier in grown)), now, counts


def _worst(reading: PressureReading, *, rates: Counts, limits: GovernorLimits) -> tuple[Mode, str]:
    rows = (
        (Mode.PAUSED, limits.paused),
        (Mode.SPARE, limits.spare),
        (Mode.LITE, limits.lite),
        (Mode.DIRECT, limits.direct),
    )
    for mode, row in rows:
        if reason := _passed(reading, rates=rates, row=row):
            return mode, reason
    return (Mode.LITE, "throttled: check power supply and cooling") if reading.throttled else (Mode.THINK, "")


def _passed(reading: PressureReading, *, rates: Counts, row: Limits) -> str:
    """The first limit of a row that is passed, as a reason; empty when there is none."""
    available = reading.available_percent
    if available is not None and available < row.mem_available_percent:
        return f"memory: {available:.0f} % available"
    for value, limit, text in (
        (reading.some_avg10, row.some_avg10, "memory pressure: some avg10 {:.0f} %"),
        (reading.full_avg10, row.full_avg10, "memory pressure: full avg10 {:.0f} %"),
        (rates.swap_in, row.swap_in_mib_s, "swapping in {:.1f} MiB/s"),
        (
            rates.refault if reading.some_avg10 is None else None,
            row.refault_mib_s,
            "reading dropped pages again {:.1f} MiB/s",
        ),
        (reading.temperature_celsius, row.temperature_celsius, "heat: {:.0f} °C"),
    ):
        if value is not None and value > limit:
            return text.format(value)
    return ""
