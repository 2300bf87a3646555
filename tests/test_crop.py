"""Another shape: the largest even window there is, led softly, with the subject in it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.crop import cropped, ways, window_size

FRAME = (848, 480)
TALL = (270, 480)
Doubles = NDArray[np.float64]


def boxes(x: Doubles, *, half: float = 0.08) -> Doubles:
    """A subject in the middle of the height that is `half` of the width to either side of `x` [frames]."""
    return np.stack([x - half, np.full_like(x, 0.35), x + half, np.full_like(x, 0.65)], axis=1)


@pytest.mark.parametrize(
    ("ratio", "size"),
    [((9, 16), (270, 480)), ((1, 1), (480, 480)), ((16, 9), (848, 476)), ((4, 5), (384, 480)), ((5, 1), (848, 168))],
)
def test_the_window_is_as_large_as_it_can_be_and_even(ratio: tuple[int, int], size: tuple[int, int]) -> None:
    assert window_size(ratio, width=848, height=480) == size


@pytest.mark.parametrize("motion", ["across", "to and fro", "at the edge"])
def test_a_subject_that_has_room_stays_in_the_window_and_the_window_in_the_frame(motion: str) -> None:
    time = np.linspace(0, 1, 96)
    x = {"across": 0.1 + 0.8 * time, "to and fro": 0.5 + 0.35 * np.sin(9 * time), "at the edge": np.full(96, 0.97)}[
        motion
    ]
    way = ways([boxes(x)], size=TALL, frame=FRAME, loop=False)

    left, right = (x - 0.08) * 848, np.minimum((x + 0.08) * 848, 848)
    assert np.all(way[:, 0] <= left + 3) and np.all(way[:, 0] + 270 >= right - 3)
    assert np.all(way >= 0) and np.all(way[:, 0] <= 848 - 270) and np.all(way[:, 1] == 0)


def test_the_window_goes_softly_where_the_subject_does_not() -> None:
    time = np.linspace(0, 1, 96)
    x = 0.3 + 0.4 * (time > 0.5)  # a jump within one frame
    way = ways([boxes(x)], size=TALL, frame=FRAME, loop=False)[:, 0]

    assert np.ptp(way) > 100
    assert np.abs(np.diff(way, 2)).max() < 6  # pixels: no corner that an eye would see


def test_a_subject_that_stays_in_one_window_does_not_move_it() -> None:
    x = 0.6 + 0.05 * np.sin(np.linspace(0, 20, 96))
    way = ways([boxes(x)], size=TALL, frame=FRAME, loop=False)

    assert np.all(way == way[0]) and way[0, 0] % 2 == 0
    assert abs(way[0, 0] + 135 - 0.6 * 848) < 4


def test_a_subject_wider_than_the_window_is_in_its_middle() -> None:
    way = ways([boxes(np.full(48, 0.4), half=0.3)], size=TALL, frame=FRAME, loop=False)

    assert abs(way[0, 0] + 135 - 0.4 * 848) <= 2


def test_at_a_cut_the_window_jumps_and_within_a_take_it_does_not() -> None:
    takes = [boxes(np.full(24, 0.2)), boxes(np.full(24, 0.8))]
    way = ways(takes, size=TALL, frame=FRAME, loop=False)[:, 0]

    assert np.ptp(way[:24]) == np.ptp(way[24:]) == 0
    assert way[24] - way[23] > 300


def test_in_a_loop_the_window_ends_where_it_begins_and_else_it_need_not() -> None:
    x = 0.5 + 0.35 * np.sin(2 * np.pi * np.arange(96) / 96 + 1)
    looped = ways([boxes(x)], size=TALL, frame=FRAME, loop=True)[:, 0]
    straight = ways([boxes(0.2 + 0.6 * np.arange(96) / 96)], size=TALL, frame=FRAME, loop=False)[:, 0]

    assert abs(looped[0] - looped[-1]) <= 1.5 * np.abs(np.diff(looped)).max()
    assert abs(straight[0] - straight[-1]) > 300


def test_a_window_on_whole_pixels_is_a_piece_of_the_frame_bit_for_bit() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (720, 848), np.uint8)
    made = next(cropped(iter([frame]), np.array([[100.0, 0.0]]), size=TALL))

    assert made.shape == (720, 270) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:480], frame[:480, 100:370])
    halves, whole = made[480:].reshape(2, 240, 135), frame[480:].reshape(2, 240, 424)
    np.testing.assert_array_equal(halves, whole[:, :, 50:185])


def test_a_window_between_two_pixels_shows_what_is_between_them() -> None:
    ramp = np.tile(np.arange(848, dtype=np.float64) / 4, (720, 1)).astype(np.uint8)
    made = next(cropped(iter([ramp]), np.array([[100.5, 0.0]]), size=TALL))

    assert np.abs(made[:480].astype(float) - (np.arange(270) + 100.5) / 4).max() < 1.2
