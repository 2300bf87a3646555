"""The governor: down at once, up one row after a calm time; and the choice of a mode for one job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.governor import Verdict, choose, sooner_to_finish, step
from edge.job import Job, JobState
from edge.mode import Mode
from edge.pressure import PressureReading
from edge.request import make_request
from edge.sections import GovernorLimits

LIMITS = GovernorLimits(calm_s=60)
CALM = PressureReading(mem_total_mib=1000, mem_available_mib=900, some_avg10=0, full_avg10=0, temperature_celsius=40)


def judge(before: Verdict, now: float, **changes: float | bool | None) -> Verdict:
    return step(before, replace(CALM, **changes), now=now, limits=LIMITS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "mode", "reason"),
    [
        ({}, Mode.THINK, ""),
        ({"mem_available_mib": 190}, Mode.DIRECT, "memory: 19 % available"),
        ({"mem_available_mib": 110}, Mode.LITE, "memory: 11 %"),
        ({"mem_available_mib": 60}, Mode.SPARE, "memory: 6 %"),
        ({"mem_available_mib": 30}, Mode.PAUSED, "memory: 3 %"),
        ({"some_avg10": 6}, Mode.DIRECT, "some avg10 6 %"),
        ({"full_avg10": 11}, Mode.SPARE, "full avg10 11 %"),
        ({"temperature_celsius": 81}, Mode.LITE, "heat: 81 °C"),
        ({"temperature_celsius": 90}, Mode.PAUSED, "heat"),
        ({"throttled": True}, Mode.LITE, "throttled"),
    ],
)
def test_each_limit_leads_to_its_row_at_once_with_its_reason(
    changes: dict[str, float], mode: Mode, reason: str
) -> None:
    verdict = judge(Verdict(), 0, **changes)
    assert verdict.mode is mode
    assert reason in verdict.reason


def test_a_board_that_reports_nothing_may_do_everything() -> None:
    assert step(Verdict(), PressureReading(), now=0, limits=LIMITS).mode is Mode.THINK


def test_the_way_up_is_one_row_per_calm_time() -> None:
    verdict = judge(Verdict(), 0, mem_available_mib=30)
    climbed = []
    for now in range(2, 320, 2):
        after = judge(verdict, now)
        if after.mode is not verdict.mode:
            climbed.append((now, after.mode))
        verdict = after
    assert climbed == [
        (60, Mode.SPARE), (120, Mode.LITE), (180, Mode.DIRECT), (240, Mode.NO_THINK), (300, Mode.THINK),
    ]  # fmt: skip
    assert verdict.reason == ""


def test_new_pressure_begins_the_calm_time_anew() -> None:
    verdict = judge(Verdict(), 0, mem_available_mib=190)
    verdict = judge(verdict, 50)
    verdict = judge(verdict, 59, mem_available_mib=190)
    assert judge(verdict, 70).mode is Mode.DIRECT
    assert judge(verdict, 119).mode is Mode.NO_THINK


def test_a_waiting_row_keeps_the_reason_that_led_to_it() -> None:
    verdict = judge(Verdict(), 0, mem_available_mib=190)
    assert "memory" in judge(verdict, 10).reason


def test_swapping_in_counts_over_a_window_and_a_short_burst_does_not() -> None:
    verdict = judge(Verdict(), 0, swap_in_mib=0)
    assert judge(verdict, 2, swap_in_mib=4).mode is Mode.THINK
    assert judge(verdict, 10, swap_in_mib=4).mode is Mode.THINK
    steady = judge(verdict, 10, swap_in_mib=20)
    assert steady.mode is Mode.LITE
    assert "swapping in 2.0 MiB/s" in steady.reason


def job(mode: str = "auto", *, cap: Mode | None = None, min_mode: str = "spare") -> Job:
    return Job(
        id="a", request=make_request("a fish", mode=mode, min_mode=min_mode), state=JobState.QUEUED, rev=1, crashes=0,
        mode_cap=cap, cancel_asked=False, mode=None, reason="", outcome=None, reply=None, created_at=0, updated_at=0,
    )  # fmt: skip


def test_a_job_gets_what_it_asks_for_when_the_board_allows_it() -> None:
    choice = choose(job("think"), asked=Mode.THINK, reason="", caps=[])
    assert choice and (choice.requested, choice.effective, choice.reason) == ("think", Mode.THINK, "")


def test_a_job_is_never_lifted_above_what_it_asks_for() -> None:
    choice = choose(job("lite"), asked=Mode.LITE, reason="", caps=[(Mode.DIRECT, "memory")])
    assert choice and (choice.effective, choice.reason) == (Mode.LITE, "")


def test_a_job_under_pressure_gets_less_and_the_reason() -> None:
    choice = choose(job(), asked=Mode.NO_THINK, reason="", caps=[(Mode.LITE, "memory")])
    assert choice and (choice.effective, choice.reason) == (Mode.LITE, "memory")


def test_a_job_that_crashed_gets_its_cap_and_the_reason() -> None:
    choice = choose(job(cap=Mode.SPARE), asked=Mode.NO_THINK, reason="", caps=[])
    assert choice and (choice.effective, choice.reason) == (Mode.SPARE, "an earlier run crashed")


def test_a_job_rather_waits_than_go_below_its_min_mode() -> None:
    low = (Mode.LITE, "memory")
    assert choose(job(min_mode="direct"), asked=Mode.NO_THINK, reason="", caps=[low]) is None
    assert choose(job(min_mode="lite"), asked=Mode.NO_THINK, reason="", caps=[low]) is not None


def test_a_min_mode_above_what_is_asked_for_does_not_block_the_job() -> None:
    choice = choose(job("lite", min_mode="think"), asked=Mode.LITE, reason="", caps=[])
    assert choice and choice.effective is Mode.LITE


def test_nothing_starts_while_paused() -> None:
    assert choose(job("spare"), asked=Mode.SPARE, reason="", caps=[(Mode.PAUSED, "heat")]) is None


def test_of_several_caps_the_lowest_counts_with_its_own_reason() -> None:
    caps = [(Mode.DIRECT, "memory: no_think needs 300 MiB, 200 are free"), (Mode.LITE, "heat: 81 °C")]
    choice = choose(job("think"), asked=Mode.THINK, reason="", caps=caps)
    assert choice and (choice.effective, choice.reason) == (Mode.LITE, "heat: 81 °C")
    choice = choose(job("think"), asked=Mode.THINK, reason="", caps=caps[:1])
    assert choice and choice.reason.startswith("memory: no_think needs")


def test_without_psi_pages_that_are_read_again_count_and_with_it_they_do_not() -> None:
    blind = {"some_avg10": None, "full_avg10": None}
    verdict = judge(Verdict(), 0, refault_mib=0, **blind)
    assert judge(verdict, 10, refault_mib=90, **blind).mode is Mode.LITE
    assert "dropped pages again 9.0 MiB/s" in judge(verdict, 10, refault_mib=90, **blind).reason
    assert judge(verdict, 10, refault_mib=90).mode is Mode.THINK


@pytest.mark.parametrize(("elapsed_s", "fraction", "anew_s", "finish"), [
    (30, 0.9, 5, True),  # 3.3 s are left
    (30, 0.5, 5, False),  # 30 s are left
    (1, 0.0, 100, False),  # nothing is known yet
])  # fmt: skip
def test_a_job_that_is_nearly_done_is_finished(
    elapsed_s: float, fraction: float, anew_s: float, *, finish: bool
) -> None:
    assert sooner_to_finish(elapsed_s=elapsed_s, fraction=fraction, anew_s=anew_s) is finish


def test_a_kill_in_the_control_group_leads_down_once_and_an_old_one_does_not() -> None:
    first = judge(Verdict(), 0, oom_kills=3)
    assert first.mode is Mode.THINK
    killed = judge(first, 1, oom_kills=4)
    assert (killed.mode, killed.since) == (Mode.SPARE, 1)
    assert "killed" in killed.reason
    assert judge(killed, 62, oom_kills=4).mode is Mode.LITE
