"""A pack, or ONNX files, become smaller ones whose layers are stored as what each bears best."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from networks import FEEDS, small_network
from pipelines import text_to_image

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import ModelError
from edge.manifest import load_manifest
from edge.packs import Pack, verify_pack
from tools.convert.__main__ import main
from tools.convert.mixed import convert as verb
from tools.convert.mixed.feeds import save_feeds
from tools.convert.mixed.order import Order, look
from tools.convert.steps import Steps

CHECKOUT = Path(__file__).resolve().parents[2]
TINY = CHECKOUT / "tests/data/tinypack"
FAST = ("--clips", "1", "--groups", "4", "--rounds", "1", "--threads", "1")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=900, check=False
    )  # fmt: skip


def generated(pack: Path, tmp_path: Path) -> int:
    """How many frames a board draws with a pack that was added to it."""
    folders = [word for key in ("state", "clips", "cache", "models")
               for word in ("--set", f"paths.{key}={tmp_path / key}")]  # fmt: skip
    where = [*folders, "--set", "engine.threads=1", "--set", "node.id=board"]
    added = run("edge", "models", "add", pack, "--trust", *where, cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    command = ["edge", "generate", "a red balloon", "--pack", pack.name, "--seconds", "1", "--out", "clip.mp4", *where]
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with av.open(tmp_path / "clip.mp4") as clip:
        frames = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert max(float(frame.std()) for frame in frames) > 1
    return len(frames)


@dataclass(frozen=True)
class Made:
    """What a pack became, and the report of it."""

    pack: Path
    said: str

    @property
    def report(self) -> dict:
        return json.loads((self.pack / "report.json").read_text())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Our own generator, for a quality."""
    root = tmp_path_factory.mktemp("good")
    done = run("tools.convert", "quantize", TINY, "--out", root / "packs", "--min-psnr", "45", "--types", "int8,fp8,q4",
               *FAST, cwd=root)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Made(root / "packs/tinypack-mixed", done.stdout)


def test_every_part_reaches_the_quality_on_inputs_that_nothing_was_chosen_with(good: Made) -> None:
    points = good.report["points"]
    assert min(part["psnr_db"] for part in points["mixed"]["parts"].values()) >= 45
    assert points["mixed"]["bytes"] < points["fp32"]["bytes"] / 2
    kinds = {kind for part in points["mixed"]["parts"].values() for kind in part["kinds"].values()}
    assert len(kinds) > 2 and kinds <= {"fp32", "static", "dynamic", "fp8", "q4"}


def test_the_table_has_quality_size_time_and_memory_of_every_way(good: Made) -> None:
    points = good.report["points"]
    assert list(points) == ["as it is", "fp32", "static", "dynamic", "fp8", "q4", "mixed"]
    for point, facts in points.items():
        assert facts["bytes"] > 0 and facts["clip_db"] > 15, point
        assert all(part["seconds"] > 0 and part["mib"] >= 0 for part in facts["parts"].values()), point
        assert f"| {point} | {facts['bytes'] / 1e6:.2f} |" in (good.pack / "report.md").read_text()
        assert f"| {point} |" in good.said
    assert points["fp32"]["clip_db"] > 60 > points["q4"]["clip_db"]


def test_a_source_that_was_rounded_before_is_told_plainly(good: Made) -> None:
    assert good.report["undone"]["denoiser"] == {"weights": 16, "activations": 16}
    assert "**The source was not in fp32**: conditioner, denoiser, trunk, tail" in (good.pack / "report.md").read_text()


def test_the_pack_is_what_its_manifest_says_and_a_board_draws_with_it(good: Made, tmp_path: Path) -> None:
    manifest, was = load_manifest(good.pack), load_manifest(TINY)
    verify_pack(Pack(good.pack, manifest))
    assert manifest.licence == was.licence and manifest.anonymous_mib >= was.anonymous_mib
    assert not list(good.pack.parent.glob(".*"))
    assert generated(good.pack, tmp_path) == 24


def test_a_diffusers_pack_in_fp32_is_made_to_fit_a_size(tmp_path: Path) -> None:
    source = text_to_image(tmp_path / "sd")
    options = ("--size", "32x32", "--steps", "1", "--guidance", "1", "--calibrate", "1", "--threads", "1")
    done = run("tools.convert", "onnx", source, "--out", "packs", "--keep-fp32", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    full = load_manifest(tmp_path / "packs/sd-fp32")
    assert isinstance(full, DiffusersManifest) and "fp32" in full.description
    done = run("tools.convert", "quantize", "packs/sd-fp32", "--out", "packs", "--max-mb", "3", "--name", "small",
               "--parts", "text_encoder,unet", *FAST, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = Made(tmp_path / "packs/small", done.stdout)
    manifest = load_manifest(made.pack)
    assert isinstance(manifest, DiffusersManifest) and manifest.memory_mib["decoder"] == full.memory_mib["decoder"]
    assert sum(file.bytes for file in manifest.files.values()) <= 3e6 < sum(file.bytes for file in full.files.values())
    assert manifest.files["decoder.data"] == full.files["decoder.data"]
    assert "The source was in fp32." in (made.pack / "report.md").read_text()
    assert made.report["points"]["as it is"]["parts"]["unet"]["psnr_db"] > 100
    assert generated(made.pack, tmp_path) == 24


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of anybody's, with its inputs beside it."""
    path = tmp_path_factory.mktemp("alone") / "net.onnx"
    small_network(path)
    save_feeds(path.with_suffix(".npz"), FEEDS)
    return path


def order(path: Path, out: Path, **options: object) -> Order:
    return Order(path=path, out=out, name="net-mixed", types=("static", "dynamic", "q4"), clips=1, rounds=1, **options)


def test_an_onnx_file_is_stored_anew_as_a_file(alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", str(alone), "--out", str(tmp_path), "--min-psnr", "35", *FAST, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    made = tmp_path / "net-mixed"
    assert sorted(path.name for path in made.iterdir()) == ["net.onnx", "report.json", "report.md"]
    assert report["points"]["mixed"]["parts"]["net"]["psnr_db"] >= 35 and report["points"]["mixed"]["clip_db"] is None
    assert report["bytes"] == (made / "net.onnx").stat().st_size < alone.stat().st_size / 2


def test_a_run_that_was_cut_goes_on(alone: Path, tmp_path: Path) -> None:
    wanted = order(alone, tmp_path, least_db=30.0)
    seen = look(wanted)

    def cut(title: str, share: float) -> None:
        if title == "choose":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verb.convert(wanted, seen, steps=Steps(wanted.work, say=cut))
    assert not wanted.pack.exists()
    steps = Steps(wanted.work)
    verb.convert(wanted, seen, steps=steps)
    assert {"hash the source", "net in fp32", "look at net", "weigh net", "all in q4"} <= set(steps.skipped)
    assert wanted.pack.is_dir() and not wanted.work.exists()


def test_what_cannot_be_met_is_refused_with_the_best_that_can(alone: Path, tmp_path: Path) -> None:
    for options, says in (
        ({"most_mb": 0.02}, r"--max-mb 0.02 cannot be met: with static, dynamic, q4 the least is about"),
        ({"most_mb": 0.046}, r"--max-mb 0.046 cannot be met: the least is 0.0\d MB, with a PSNR of \d\d.\d dB"),
        ({"most_mb": 0.08, "least_db": 90.0}, r"Within 0.08 MB a PSNR of 90 dB cannot be met: the best is \d\d.\d dB"),
    ):
        wanted = order(alone, tmp_path, **options)
        with pytest.raises(ModelError, match=says):
            verb.convert(wanted, look(wanted), steps=Steps(wanted.work))
        assert not wanted.pack.exists()


def refused(capsys: pytest.CaptureFixture[str], source: Path, out: Path, *options: str) -> str:
    """What the command says; it must fail, and leave nothing."""
    assert main(["quantize", str(source), "--out", str(out), *FAST, *options]) in (3, 5, 6)
    said = capsys.readouterr().err
    assert not out.exists()
    paragraph = said[said.index("edgereel convert:") :].strip()
    assert "\n" not in paragraph and "Traceback" not in said
    return paragraph


def test_what_is_no_source_is_refused(alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, one = tmp_path / "out", tmp_path / "net.onnx"
    assert "neither a pack nor an ONNX file" in refused(capsys, tmp_path / "none", out)
    assert "is a language model" in refused(capsys, CHECKOUT / "models/smollm2-135m", out)
    shutil.copy(alone, one)
    assert "net.npz is no .npz file" in refused(capsys, one, out)
    save_feeds(one.with_suffix(".npz"), FEEDS[:1])
    assert "holds 1 runs; 3 are the least" in refused(capsys, one, out)
    save_feeds(one.with_suffix(".npz"), [{"other": feed["pixels"]} for feed in FEEDS])
    assert "holds other; net.onnx wants number, pixels" in refused(capsys, one, out)


def test_options_that_mean_nothing_are_refused(alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, says in (
        (("--types", "int8,int3"), "names int3, which is not known"),
        (("--parts", "unet"), "--parts unet: "),
        (("--name", "../x"), "cannot be the name of a pack"),
        (("--clips", "0"), "--clips 0 is nothing"),
    ):
        assert says in refused(capsys, alone, tmp_path / "out", *options)


def test_weights_that_are_no_numbers_are_named(alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = onnx.load(str(alone))
    item = next(one for one in model.graph.initializer if one.name == "first.weight")
    values = onnx.numpy_helper.to_array(item).copy()
    values.flat[3] = np.nan
    item.CopyFrom(onnx.numpy_helper.from_array(values, item.name))
    onnx.save(model, str(tmp_path / "net.onnx"))
    save_feeds(tmp_path / "net.npz", FEEDS)
    assert "first.weight" in refused(capsys, tmp_path / "net.onnx", tmp_path / "packs" / "deep")


def test_a_dry_run_says_what_it_takes_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["quantize", str(TINY), "--out", str(out), "--max-mb", "0.5", "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert "denoiser" in said and "at least" in said and "memory" in said and "0.5 MB at the most" in said
    assert not out.exists()
