"""Wide edges become narrower, nothing overshoots, and what is flat stays as it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.video.sharpen import Sharpener

HEIGHT, WIDTH = 96, 128
sharpen = Sharpener().sharpen


def frame(luma: np.ndarray) -> np.ndarray:
    chroma = np.random.default_rng(1).integers(0, 255, (HEIGHT // 2, WIDTH), dtype=np.uint8)
    return np.concatenate([luma.astype(np.uint8), chroma])


def step(*, blur: float, across: bool) -> np.ndarray:
    luma = np.full((HEIGHT, WIDTH), 60, np.float32)
    if across:
        luma[:, WIDTH // 2 :] = 180
    else:
        luma[HEIGHT // 2 :] = 180
    return cv2.GaussianBlur(luma, (0, 0), blur)


def width(luma: np.ndarray, *, across: bool) -> float:
    """Samples between 10 and 90 % of the step."""
    line = luma[HEIGHT // 2] if across else luma[:, WIDTH // 2]
    return float(((line > 72) & (line < 168)).sum())


@pytest.mark.parametrize("across", [True, False])
def test_a_wide_edge_becomes_narrower_and_does_not_overshoot(across: bool) -> None:  # noqa: FBT001
    soft = frame(step(blur=2.5, across=across))
    made = sharpen(soft)

    assert width(made[:HEIGHT], across=across) < 0.75 * width(soft[:HEIGHT], across=across)
    assert made[:HEIGHT].min() >= 60 and made[:HEIGHT].max() <= 180


def test_the_edge_stays_where_it_is() -> None:
    made = sharpen(frame(step(blur=2.5, across=True)))[HEIGHT // 2].astype(int)
    assert abs(int(np.argmax(made > 120)) - WIDTH // 2) <= 1


def test_what_is_flat_and_all_chroma_stay_as_they_are() -> None:
    flat = frame(np.full((HEIGHT, WIDTH), 90))
    made = sharpen(flat)
    assert np.array_equal(made, flat)

    soft = frame(step(blur=2.5, across=True))
    assert np.array_equal(sharpen(soft)[HEIGHT:], soft[HEIGHT:])
    assert soft.base is None or not np.shares_memory(sharpen(soft), soft)


def test_a_frame_does_not_depend_on_the_one_before() -> None:
    one, other = frame(step(blur=2.5, across=True)), frame(step(blur=2.5, across=False))
    sharpener = Sharpener()
    first = sharpener.sharpen(one)
    sharpener.sharpen(other)
    assert np.array_equal(sharpener.sharpen(one), first)
