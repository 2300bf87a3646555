"""A clock that never jumps."""

from __future__ import annotations

import time

from edge.clock import steady_clock


def test_it_begins_with_the_wall_time() -> None:
    assert abs(steady_clock()() - time.time()) < 1


def test_it_runs_on_with_the_kernels_clock() -> None:
    running = [100.0]
    clock = steady_clock(wall=lambda: 5000.0, running=lambda: running[0])
    assert clock() == 5000.0
    running[0] = 160.5
    assert clock() == 5060.5


def test_a_wall_clock_that_is_set_later_does_not_move_it() -> None:
    wall, running = [1000.0], [7.0]
    clock = steady_clock(wall=lambda: wall[0], running=lambda: running[0])
    for setting in (900_000.0, -5.0):
        wall[0] = setting
        running[0] += 1
        assert clock() == 1000.0 + running[0] - 7.0


def test_a_clock_that_is_made_later_begins_with_the_time_of_then() -> None:
    wall = [1000.0]
    steady_clock(wall=lambda: wall[0], running=lambda: 0.0)
    wall[0] = 2000.0
    assert steady_clock(wall=lambda: wall[0], running=lambda: 0.0)() == 2000.0


def test_time_never_runs_back() -> None:
    clock = steady_clock()
    seen = [clock() for _ in range(1000)]
    assert seen == sorted(seen)
