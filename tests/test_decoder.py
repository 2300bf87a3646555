"""Packed blocks, of whatever size a pack's decoder makes them, come back as the picture that they were."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.manifest import Canvas
from edge.video.decoder import to_i420
from tools.convert.latents.pixels import from_blocks, to_blocks

PICTURE = np.random.default_rng(5).integers(0, 256, size=(144, 176), dtype=np.uint8)


def fine_blocks(i420: np.ndarray) -> np.ndarray:
    """Blocks of 4 x 4 pixels: 16 samples of Y, 4 of U, 4 of V."""
    y = i420[:96].reshape(24, 4, 44, 4).transpose(1, 3, 0, 2).reshape(16, 24, 44)
    chroma = i420[96:].reshape(2, 24, 2, 44, 2).transpose(0, 2, 4, 1, 3).reshape(8, 24, 44)
    return np.concatenate([y, chroma])


@pytest.mark.parametrize("packed_by", [fine_blocks, to_blocks], ids=["4x4", "8x8"])
def test_a_packed_picture_unpacks_to_itself(packed_by: Callable[[np.ndarray], np.ndarray]) -> None:
    assert np.array_equal(to_i420(packed_by(PICTURE), Canvas(176, 96, 1, 176, 96, 24)), PICTURE)


def test_a_narrower_output_shows_the_middle_of_every_plane() -> None:
    made = to_i420(to_blocks(PICTURE), Canvas(176, 96, 1, 160, 96, 24))

    assert made.shape == (144, 160)
    assert np.array_equal(made[:96], PICTURE[:96, 8:168])
    chroma = PICTURE[96:].reshape(2, 48, 88)[:, :, 4:84]
    assert np.array_equal(made[96:].reshape(2, 48, 80), chroma)


def test_blocks_go_both_ways_for_many_pictures_at_once() -> None:
    pictures = np.stack([PICTURE, 255 - PICTURE])

    assert np.array_equal(from_blocks(to_blocks(pictures)), pictures)
