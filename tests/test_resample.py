"""Another rate: at every moment the frame that is on the screen then, and as many as the time needs."""

from __future__ import annotations

import numpy as np
import pytest

from edge.resample import resampled, resampled_count


def numbers(frames: int, fps: int) -> list[int]:
    """Which of the drawn frames are shown."""
    drawn = (np.full((3, 2), number, np.uint8) for number in range(frames))
    return [int(frame[0, 0]) for frame in resampled(drawn, drawn_fps=24, fps=fps)]


def test_half_the_rate_shows_every_second_frame_and_twice_the_rate_every_one_twice() -> None:
    assert numbers(8, 12) == [0, 2, 4, 6]
    assert numbers(3, 48) == [0, 0, 1, 1, 2, 2]
    assert numbers(5, 24) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("fps", [1, 7, 12, 15, 24, 25, 30, 50, 60])
@pytest.mark.parametrize("frames", [1, 12, 48, 95])
def test_the_time_of_the_clip_stays_and_no_frame_is_shown_before_its_time(fps: int, frames: int) -> None:
    shown = numbers(frames, fps)

    assert len(shown) == resampled_count(frames, drawn_fps=24, fps=fps)
    assert 0 <= len(shown) / fps - frames / 24 < 1 / fps
    assert shown[0] == 0
    assert all(number / 24 <= place / fps < (number + 1) / 24 for place, number in enumerate(shown))
