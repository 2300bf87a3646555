"""Our own pack loses channels and blocks, and stays a pack that a board opens. Needs torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from edge.manifest import VideoManifest, file_sha256, load_manifest
from edge.packs import Pack, verify_pack
from edge.plan import Shot
from edge.video.generator import open_generator
from tools.convert.__main__ import main
from tools.convert.prune.choose import choose, linear_order, orders_of
from tools.convert.prune.cut import cut
from tools.convert.prune.eliminate import balance, eliminate, refit, restore, truncate
from tools.convert.prune.layers import STREAM, counts_of, multiplications
from tools.convert.prune.observe import Moments, observe
from tools.convert.prune.scenes import Scenes
from tools.convert.prune.tune import Lessons, closeness, tune
from tools.convert.tinyvideo import evaluate
from tools.convert.tinyvideo.restore import read_components, read_student, sizes_of
from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.student_phase import Loss, channel_weights

CHECKOUT = Path(__file__).resolve().parents[2]
TINY = CHECKOUT / "tests/data/tinypack"
QUICK = ("--minutes", "0.1", "--scenes", "3", "--calibrate", "2", "--threads", "1")


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


def asked(scenes: Scenes, student: Student, seed: int = 7) -> tuple[torch.Tensor, ...]:
    row, noise, layout, _ = scenes.whole(seed)
    return row, noise, torch.ones(1), layout, torch.zeros(1, student.shape.latent, *layout.shape[2:])


def dequantised(path: Path) -> onnx.ModelProto:
    """The graph with the weights that its INT8 stands for, and what lies between the layers in fp32."""
    model = onnx.load(str(path))
    makes = {name: node for node in model.graph.node for name in node.output}
    instead = {
        node.output[0]: makes[node.input[0]].input[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and makes.get(node.input[0], node).op_type == "QuantizeLinear"
    }
    for node in model.graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]
    return model


def test_torch_says_what_the_pack_says_with_its_weights_dequantised(scenes: Scenes, student: Student) -> None:
    conditioner = ort.InferenceSession(str(TINY / "conditioner.onnx"))
    denoiser = ort.InferenceSession(dequantised(TINY / "denoiser.onnx").SerializeToString())
    for seed in range(3):
        row, noise, time_, layout, before = asked(scenes, student, seed)
        before = torch.randn(before.shape, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            film, made = student.conditioner(row, noise, time_), student(row, noise, time_, layout, before)
            found = student.look_up(layout, torch.tensor([place_of(student, row, noise)]))
        theirs = conditioner.run(None, {"attributes": row.numpy(), "noise": noise.numpy(), "timestep": time_.numpy()})[
            0
        ]
        np.testing.assert_allclose(film.numpy(), theirs, rtol=1e-3, atol=1e-4)
        feed = {"found": found, "layout": layout.contiguous(), "latents": before, "film": film[..., None, None]}
        theirs = denoiser.run(None, {name: value.numpy() for name, value in feed.items()})[0]
        np.testing.assert_allclose(made.numpy(), theirs, rtol=1e-3, atol=1e-3 * float(np.ptp(theirs)))


def place_of(student: Student, row: torch.Tensor, noise: torch.Tensor) -> int:
    from tools.convert.tinyvideo.textures import place_of as place

    shape = student.shape
    return int(place(row, noise, slot=shape.place, variants=shape.variants, chooser=shape.chooser))


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
    tune(path, fresh(), lessons, loss, minutes=0.15, tell=lambda _: None)
    first = torch.load(path, weights_only=True)["step"]
    after = tune(path, fresh(), lessons, loss, minutes=0.3, tell=lambda _: None)

    assert closeness(after, lessons.held()) > before
    assert torch.load(path, weights_only=True)["step"] > first > 0


@dataclass(frozen=True)
class Made:
    pack: Path
    said: str

    @property
    def report(self) -> dict:
        return json.loads((self.pack / "report.json").read_text())


@pytest.fixture(scope="module", params=[0.3, 0.5])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("prune")
    share = str(request.param)
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    command = [
        sys.executable,
        "-m",
        "tools.convert",
        "prune",
        TINY,
        "--share",
        share,
        "--linear",
        "0.25",
        "--judge",
        "1",
    ]
    done = subprocess.run([*command, "--out", out, *QUICK], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(out.glob(".*"))
    return Made(out / f"tinypack-p{100 * request.param:g}", done.stdout)


def test_the_pack_is_whole_smaller_and_its_clips_play(made: Made, manifest: VideoManifest) -> None:
    new = load_manifest(made.pack)
    assert isinstance(new, VideoManifest)
    verify_pack(Pack(made.pack, new))
    for name in ("trunk.onnx", "tail.onnx", "far.npz", "near.npz", "subjects.npz"):
        assert new.files[name] == manifest.files[name]
    assert new.files["denoiser.onnx"].bytes < manifest.files["denoiser.onnx"].bytes
    assert new.parts["denoiser"].inputs["film"].shape[1] < manifest.parts["denoiser"].inputs["film"].shape[1]
    slots = {name: slot.default for name, slot in new.vocabulary.items()}
    with open_generator(evaluate.open_pack(made.pack), threads=1) as generator:
        frames = evaluate.clip(generator, Shot(slots=slots, seconds=0.5), seed=1)
    assert len(frames) == 12 and np.ptp(frames[0]) > 20


def test_the_report_has_the_table_before_and_after(made: Made) -> None:
    report, page = made.report, (made.pack / "report.md").read_text()
    before, after = report["before"], report["after"]
    assert after["gflop"] <= (1 - report["share"]) * before["gflop"]
    assert after["parameters"]["conditioner"] < 0.8 * before["parameters"]["conditioner"]
    assert report["frames_db"] > 20 and report["x0_db"] > 15 and report["read_db"] > 20
    assert report["parity"]["torch"]["denoiser_db"] > 60
    assert {"subject_acc", "colour_acc"} <= set(before["judged"]) and "subject acc" in page
    assert report["inputs"]["denoiser.onnx"] == file_sha256(TINY / "denoiser.onnx") and report["slot_speed"] > 0
    assert "denoiser, seconds a slot" in page and "edgereel models add" in made.said


def test_blocks_go_where_they_matter_least_and_what_is_left_can_be_read_again(made: Made, scenes: Scenes) -> None:
    new = load_manifest(made.pack)
    assert isinstance(new, VideoManifest)
    again, channels = read_student(made.pack, new), made.report["after"]["channels"]
    blocks = [count for name, count in channels.items() if name.startswith("blocks.")]
    assert (0 in blocks) == (made.report["share"] == 0.5)
    assert [block.expand.out_channels for block in again.denoiser.blocks] == [count for count in blocks if count]
    denoiser = ort.InferenceSession(dequantised(made.pack / "denoiser.onnx").SerializeToString())
    row, noise, time_, layout, before = asked(scenes, again)
    with torch.no_grad():
        ours = again(row, noise, time_, layout, before).numpy()
        film = again.conditioner(row, noise, time_)[..., None, None].numpy()
        found = again.look_up(layout, torch.tensor([place_of(again, row, noise)])).numpy()
    feed = {"found": found, "layout": layout.contiguous().numpy(), "latents": before.numpy(), "film": film}
    np.testing.assert_allclose(ours, denoiser.run(None, feed)[0], rtol=1e-3, atol=1e-3 * float(np.ptp(ours)))


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tools.convert", "prune", TINY, "--out", tmp_path, *QUICK]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen([*command, "--minutes", "30"], env=env, stderr=said, stdout=said)
        log = tmp_path / ".tinypack.work/tuned-p30.log"
        while process.poll() is None and not log.exists():
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130, (tmp_path / "said").read_text()
    work = tmp_path / ".tinypack.work"
    steps = torch.load(work / "tuned-p30.pt", weights_only=True)["step"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "cut p30 (done before)" in done.stderr and "look at scenes (done before)" in done.stderr
    report = json.loads((tmp_path / "tinypack-p30/report.json").read_text())
    assert report["tuning"]["steps"] == steps > 0  # more than the second command's minutes were spent already
    assert main(["prune", str(TINY), "--out", str(tmp_path), *QUICK]) == 5  # what is there is not written over
