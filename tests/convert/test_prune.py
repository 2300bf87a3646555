"""What prunes our own generator: what matters is measured, what matters least goes, the rest is fitted and tuned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from students import TINY, asked, check_same

from edge.manifest import VideoManifest, load_manifest
from tools.convert.prune.choose import choose, linear_order, orders_of
from tools.convert.prune.cut import cut
from tools.convert.prune.eliminate import balance, eliminate, refit, restore, truncate
from tools.convert.prune.layers import STREAM, counts_of, multiplications
from tools.convert.prune.observe import Moments, observe
from tools.convert.prune.scenes import Scenes
from tools.convert.prune.tune import Lessons, closeness, tune
from tools.convert.tinyvideo.restore import read_components, read_student, sizes_of
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import Loss, channel_weights


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def manifest() -> VideoManifest:
    found = load_manifest(TINY)
    assert isinstance(found, VideoManifest)
    return found


@pytest.fixture
def student(manifest: VideoManifest) -> Student:
    return read_student(TINY, manifest)


@pytest.fixture(scope="module")
def scenes(manifest: VideoManifest) -> Scenes:
    return Scenes(sizes_of(manifest), manifest.vocabulary)


@pytest.fixture(scope="module")
def seen(manifest: VideoManifest, scenes: Scenes) -> Moments:
    weights = channel_weights(read_components(TINY, manifest))
    return observe(read_student(TINY, manifest), scenes, weights=weights, steps=2, count=4, tell=lambda _: None)


def test_torch_says_what_the_pack_says_with_its_weights_dequantised(scenes: Scenes, student: Student) -> None:
    for seed in range(3):
        check_same(student, TINY, scenes, seed=seed)


def test_the_components_come_back_from_the_decoder(manifest: VideoManifest) -> None:
    found = read_components(TINY, manifest)

    alike = found.basis.T @ found.basis / np.outer(found.std, found.std)
    assert np.abs(alike - np.eye(len(alike))).max() < 0.05  # as principal components are
    assert (np.diff(found.std) < 0).all()


def test_copies_and_what_is_never_read_go_first_and_cost_nothing() -> None:
    rng = np.random.default_rng(1)
    free = np.maximum(rng.standard_normal((500, 4)), 0)
    values = np.column_stack([free, free[:, 0] + 2 * free[:, 1], rng.standard_normal(500)])
    weight = np.column_stack([rng.standard_normal((3, 5)), np.zeros(3)])
    rows = np.column_stack([values, np.ones(500)])
    gram = rows.T @ rows / 500

    order, errors = eliminate(weight, gram, np.eye(3))

    assert 5 in order[:2] and set(order[:2]) & {0, 1, 4}
    assert errors[2] < 1e-3 < errors[3] / errors[-1]
    kept = np.sort(order[2:])
    again, bias = refit(weight, np.ones(3), gram, kept)
    np.testing.assert_allclose(values[:, kept] @ again.T + bias, values @ weight.T + 1, atol=0.02)


def test_the_directions_that_matter_come_first_and_give_the_rest_back() -> None:
    rng = np.random.default_rng(1)
    mixed = rng.standard_normal((6, 6))
    values = rng.standard_normal((2000, 6)) * [3, 2, 1, 1e-3, 1e-3, 1e-3] @ mixed
    covariance = values.T @ values / 2000

    kept = truncate(balance(covariance, np.eye(6)), 3)

    np.testing.assert_allclose(values @ kept @ restore(covariance, kept).T, values, atol=0.05)
    power = np.var(values @ kept, axis=0)
    assert power.max() / power.min() < 20  # evenly: from 9 to 1 before, and squared by the balance


def test_a_cut_that_takes_nothing_changes_nothing(scenes: Scenes, student: Student, seen: Moments) -> None:
    given = asked(scenes, student)
    with torch.no_grad():
        before = student(*given)
        cut(student, seen, orders_of(student, seen)[0], counts_of(student), linear=student.conditioner.mix.in_features)
        after = student(*given)

    assert float((after - before).abs().max()) < 0.02 * float(before.max() - before.min())


def test_a_larger_share_takes_more_and_the_worst_channels_first(student: Student, seen: Moments) -> None:
    counts, (orders, curves) = counts_of(student), orders_of(student, seen)
    whole = multiplications(student, counts)
    for share in (0.1, 0.3, 0.5):
        left = choose(student, counts, curves, share=share)
        assert multiplications(student, left) <= (1 - share) * whole
        assert all(left[name] == counts[name] or left[name] % 8 == 0 for name in counts)
        assert all(left[name] > 0 for name in left if not name.startswith("blocks."))
    for name, errors in curves.items():
        assert (np.diff(errors) > -1e-9 * errors[-1]).all(), name
        assert name == STREAM or sorted(orders[name]) == list(range(counts[name]))


def test_channels_that_matter_least_cost_less_than_any(scenes: Scenes, manifest: VideoManifest, seen: Moments) -> None:
    held = Lessons(read_student(TINY, manifest), scenes, steps=1, shards=None).held()
    near, far = read_student(TINY, manifest), read_student(TINY, manifest)
    orders, curves = orders_of(near, seen)
    counts = choose(near, counts_of(near), curves, share=0.3)
    width = near.conditioner.mix.in_features

    cut(near, seen, orders, counts, linear=width)
    for name, layer in (("inlet", far.denoiser.inlet.shrink), ("blocks.1", far.denoiser.blocks[1].shrink)):
        layer.weight.data[:, counts[name] :] = 0  # whichever come last, and nothing is fitted

    assert closeness(near, held) > closeness(far, held) + 6


def test_the_conditioner_loses_hidden_channels_and_says_the_same(
    scenes: Scenes, student: Student, seen: Moments
) -> None:
    row, noise = scenes.slots(50)
    with torch.no_grad():
        before = student.conditioner(row, noise, torch.ones(50))
        cut(student, seen, orders_of(student, seen)[0], counts_of(student), linear=192)
        after = student.conditioner(row, noise, torch.ones(50))

    assert student.conditioner.enter.out_features == student.conditioner.mix.in_features == 192
    assert float((after - before).square().mean()) < 0.05 * float(before.var())
    assert len(linear_order(read_student(TINY, load_manifest(TINY)), seen)[0]) == 256


def test_tuning_brings_it_nearer_and_goes_on_from_its_checkpoint(
    scenes: Scenes, manifest: VideoManifest, seen: Moments, tmp_path: Path
) -> None:
    def fresh() -> Student:
        student = read_student(TINY, manifest)
        orders, curves = orders_of(student, seen)
        cut(student, seen, orders, choose(student, counts_of(student), curves, share=0.5), linear=256)
        return student

    lessons = Lessons(read_student(TINY, manifest), scenes, steps=2, shards=None)
    loss = Loss(sizes_of(manifest), read_components(TINY, manifest))
    before, path = closeness(fresh(), lessons.held()), tmp_path / "tuned.pt"
    tune(path, fresh(), lessons, loss, minutes=0.3, tell=lambda _: None)
    first = torch.load(path, weights_only=True)["step"]
    after = tune(path, fresh(), lessons, loss, minutes=0.6, tell=lambda _: None)

    assert closeness(after, lessons.held()) > before
    assert torch.load(path, weights_only=True)["step"] > first > 0
