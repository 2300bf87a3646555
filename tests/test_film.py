"""A pack draws a few pictures; the clip shows them to and fro, or nears a single one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from edge.video.diffusion.film import approach, nearer, order


def test_pictures_pass_at_their_own_rate_and_come_back() -> None:
    assert order(12, pictures=4, rate=1 / 3, loop=False) == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert order(8, pictures=3, rate=1.0, loop=False) == [0, 1, 2, 1, 0, 1, 2, 1]


def test_a_loop_comes_back_at_its_end_whatever_its_length() -> None:
    for frames in (12, 13, 30, 47):
        shown = order(frames, pictures=5, rate=1 / 3, loop=True)
        assert len(shown) == frames and max(shown) == 4
        assert shown[0] == 0 and shown[-1] <= 1
        assert all(abs(one - other) <= 1 for one, other in pairwise(shown))


def test_all_frames_of_a_single_picture_show_it() -> None:
    assert order(5, pictures=1, rate=1.0, loop=False) == [0] * 5


def test_a_single_picture_is_neared_and_in_a_loop_left_again() -> None:
    assert approach(5, loop=False) == [0, 0.25, 0.5, 0.75, 1]
    assert approach(4, loop=True) == [0, 0.5, 1, 0.5]


def test_nearing_keeps_the_middle_and_moves_the_rest_outwards() -> None:
    picture = np.zeros((101, 101, 3), np.uint8)
    picture[45:56, 45:56] = 255
    near = nearer(picture, share=1.0)
    assert near.shape == picture.shape
    assert near[50, 50].min() == 255
    assert near.sum() > 1.1 * picture.sum()
    assert np.array_equal(nearer(picture, share=0.0), picture)
