"""What stands still does not shimmer, what moves is shown at once, and slow fades are not lost."""

from __future__ import annotations

import numpy as np

from edge.video.steady import LIMIT, Steady

RNG = np.random.default_rng(3)
STILL = RNG.integers(40, 200, size=(72, 64), dtype=np.uint8)


def noisy(picture: np.ndarray) -> np.ndarray:
    return (picture.astype(int) + RNG.integers(-2, 3, size=picture.shape)).astype(np.uint8)


def change(frames: list[np.ndarray]) -> float:
    return float(np.abs(np.diff(np.stack(frames).astype(float), axis=0)).mean())


def test_noise_on_a_still_picture_shrinks_to_a_sixth() -> None:
    given = [noisy(STILL) for _ in range(24)]
    steady = Steady()
    shown = [steady.show(frame) for frame in given]

    assert change(shown[4:]) < change(given[4:]) / 6
    assert np.abs(shown[-1].astype(float) - STILL).mean() < 2


def test_a_large_change_is_shown_at_once_and_whole() -> None:
    steady = Steady()
    steady.show(STILL)
    moved = STILL.copy()
    moved[10:20, 10:20] += 2 * LIMIT + 1
    moved[40, 50] = 255  # one sample, such as a star that lights up

    assert np.array_equal(steady.show(moved), moved)


def test_a_faint_change_over_an_area_is_shown_at_once_in_its_middle() -> None:
    steady = Steady()
    steady.show(STILL)
    moved = STILL.copy()
    moved[10:20, 10:20] += LIMIT + 1

    assert np.array_equal(steady.show(moved)[12:18, 12:18], moved[12:18, 12:18])


def test_a_slow_fade_is_followed_within_a_few_levels() -> None:
    steady = Steady()
    for level in range(100, 160):
        shown = steady.show(np.full((6, 4), level, np.uint8))
        assert abs(int(shown[0, 0]) - level) <= LIMIT

    assert int(shown[0, 0]) >= 160 - LIMIT


def test_what_was_left_behind_is_gone_after_two_seconds() -> None:
    steady = Steady()
    steady.show(STILL + 3)
    for _ in range(48):
        shown = steady.show(STILL)

    assert np.abs(shown.astype(int) - STILL).max() <= 1


def test_after_a_cut_nothing_of_the_picture_before_is_left() -> None:
    steady = Steady()
    steady.show(STILL)
    steady.reset()
    other = STILL + 3

    assert np.array_equal(steady.show(other), other)


def test_after_a_cut_the_same_frames_are_shown_the_same() -> None:
    given = [noisy(STILL) for _ in range(15)]
    steady = Steady()
    first = [steady.show(frame) for frame in given]
    steady.reset()

    assert all(np.array_equal(steady.show(frame), shown) for frame, shown in zip(given, first, strict=True))


def test_a_frame_that_was_given_is_not_written_to() -> None:
    steady = Steady()
    first, second = noisy(STILL), noisy(STILL)
    kept = second.copy()
    steady.show(first)
    steady.show(second)

    assert np.array_equal(second, kept)
