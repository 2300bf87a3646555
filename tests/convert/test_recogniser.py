"""The recognisers: what they see of a clip, what they learn from, and that a trained one comes back from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tools.convert.tinyvideo import recogniser_phase, views
from tools.convert.tinyvideo.data import random_scene
from tools.convert.tinyvideo.recogniser import (
    Recogniser,
    Shape,
    judge_view,
    load_recogniser,
    save_recogniser,
    scale,
)
from tools.convert.tinyvideo.vocabulary import load_vocabulary

CLIPS = 6


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small files of views."""
    views.CLIPS_PER_FILE, usual = CLIPS, views.CLIPS_PER_FILE
    out = tmp_path_factory.mktemp("views")
    views.write_views(out, files=2)
    views.CLIPS_PER_FILE = usual
    return out


def small(**sizes: object) -> Recogniser:
    torch.manual_seed(1)
    return Recogniser(Shape(values=views.slot_values(), content=(8, 12, 16, 24), motion=(8, 12, 16), **sizes))


@pytest.mark.parametrize(("height", "width"), [(480, 848), (240, 432), (120, 216)])
def test_a_view_has_one_size_whatever_the_clips_size(height: int, width: int) -> None:
    frames = [np.full((height * 3 // 2, width), level, np.uint8) for level in range(0, 200, 5)]
    view = judge_view(frames)

    assert view.shape == (16, 6, 60, 108)
    assert view[0].max() == 0
    assert view[-1].min() == 195


def test_views_carry_the_labels_and_the_place_of_their_scene(written: Path) -> None:
    file = views.read_views(written)[1]
    scene = random_scene(load_vocabulary(), seed=views.TRAIN_SEED + CLIPS)
    row = dict(zip(views.SLOTS, file.labels[0], strict=False))

    assert {slot: views.slot_values()[slot][number] for slot, number in row.items()} == {
        slot: scene.shot.slots[slot] for slot in views.SLOTS
    }
    assert file.places[0, 0, 0] == pytest.approx(60 * scene.layout.tracks[0].y[0], rel=1e-5)


def test_whole_files_are_kept_and_only_missing_ones_are_rendered(written: Path) -> None:
    path = written / "0000.views.npy"
    before = path.stat().st_mtime_ns
    views.write_views(written, files=2)

    assert path.stat().st_mtime_ns == before


def test_a_recogniser_learns_a_handful_of_clips_by_heart(written: Path) -> None:
    file, model = views.read_views(written)[0], small()
    clips = scale(torch.from_numpy(np.asarray(file.views).copy()))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        loss = recogniser_phase._loss(model(clips, [8])[0], file.labels, ("background", "motion"))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    logits = model(clips, [8])[0]
    right = [
        logits[slot].argmax(1).numpy() == file.labels[:, views.SLOTS.index(slot)] for slot in ("background", "motion")
    ]

    assert np.mean(right) > 0.9


def test_a_saved_recogniser_says_the_same_after_loading(written: Path, tmp_path: Path) -> None:
    model = small(looks=2)
    save_recogniser(model, tmp_path / "r.pt")
    clips = np.asarray(views.read_views(written)[0].views)[:2].copy()
    one, two = model.verdict(clips), load_recogniser(tmp_path / "r.pt").verdict(clips)

    assert one.content.shape == one.motion.shape == (2, 128)
    assert all(np.allclose(one.logits[slot], two.logits[slot], atol=0.02) for slot in views.SLOTS)


def test_damage_changes_a_clip_but_leaves_it_recognisable(written: Path) -> None:
    clips = scale(torch.from_numpy(np.asarray(views.read_views(written)[0].views)[:2].copy()))
    rng = np.random.default_rng(4)
    distances = [float((recogniser_phase.damage(clips, rng, hard=True) - clips).abs().mean()) for _ in range(12)]

    assert max(distances) > 0.01
    assert max(distances) < 0.3
