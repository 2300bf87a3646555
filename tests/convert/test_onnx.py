"""Diffusers pipelines with the real architectures become packs that a board draws clips with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
import torch
from diffusers import AnimateDiffPipeline, StableDiffusionPipeline
from pipelines import animate_diff, text_to_image
from references import factors, schedulers

from edge.diffusers_manifest import PARTS, DiffusersManifest
from edge.manifest import file_sha256, load_manifest
from edge.memory import held_mib
from edge.packs import Pack, verify_pack
from edge.stop import Stop
from edge.video.diffusion.generator import DiffusionGenerator
from edge.video.diffusion.schedule import make_schedule
from tools.convert.diffusion.attention import in_pieces, write_loops
from tools.convert.quantize import to_onnx

CHECKOUT = Path(__file__).resolve().parents[2]
OPTIONS = {
    "film": ("--size", "32x32", "--frames", "4", "--calibrate", "2"),
    "picture": ("--size", "32x32", "--calibrate", "1", "--guidance", "3", "--negative", "blurry", "--steps", "2"),
}
BUILD = {"film": animate_diff, "picture": text_to_image}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def run(*command: str | Path, cwd: Path) -> Done:
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=900, check=False
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def held_by(*command: str, cwd: Path) -> float:
    """Run it well, and say how many MiB it held at the most: looked at more often than it looks itself."""
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    most = 0.0
    with (cwd / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", *command], cwd=cwd, env=env, stdout=said, stderr=said)
        while process.poll() is None:
            with suppress(ProcessLookupError):
                most = max(most, held_mib(pid=process.pid))
            time.sleep(0.02)
    assert process.returncode == 0, (cwd / "said").read_text()
    return most


@dataclass(frozen=True)
class Made:
    """A pipeline, the pack that it became, and the pack's report."""

    kind: str
    source: Path
    pack: Path

    @property
    def report(self) -> dict:
        return json.loads((self.pack / "report.json").read_text())

    @property
    def manifest(self) -> DiffusersManifest:
        found = load_manifest(self.pack)
        assert isinstance(found, DiffusersManifest)
        return found


@pytest.fixture(scope="module", params=list(BUILD))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    kind, root = request.param, tmp_path_factory.mktemp("onnx")
    source = BUILD[kind](root / kind)
    done = run("tools.convert", "onnx", source, "--out", root / "packs", "--threads", "1", *OPTIONS[kind], cwd=root)
    assert done.code == 0, done.err
    assert not list((root / "packs").glob(".*"))
    return Made(kind, source, root / "packs" / kind)


def test_every_part_says_in_int8_what_it_said_in_torch(made: Made) -> None:
    parts = made.report["parts"]
    assert set(parts) == set(PARTS)
    for name, part in parts.items():
        assert part["parity"]["psnr_db"] >= 30, name
        layers = part["layers"]
        assert layers["fp32"] <= 5 and layers["static"] + layers["dynamic"] > layers["fp32"], name
    assert parts["unet"]["layers"]["static"] > 20 and parts["unet"]["layers"]["dynamic"] > 20
    assert made.report["bytes"] < 3 * sum(made.report["parameters"].values())


def test_no_layer_is_put_in_int8_twice(made: Made) -> None:
    for part in made.manifest.parts.values():
        graph = onnx.load(str(made.pack / part.file), load_external_data=False).graph
        moment = {name for node in graph.node if node.op_type == "DynamicQuantizeLinear" for name in node.output}
        twice = [node.name for node in graph.node if node.op_type == "MatMulInteger" and set(node.input[:2]) <= moment]
        assert not twice and not [node.name for node in graph.node if node.op_type == "Gemm"]


def test_weights_lie_beside_the_graph_and_every_file_is_proven(made: Made) -> None:
    manifest = made.manifest
    verify_pack(Pack(made.pack, manifest))
    for name, part in manifest.parts.items():
        graph = onnx.load(str(made.pack / part.file), load_external_data=False).graph
        places = {entry.value for item in graph.initializer for entry in item.external_data if entry.key == "location"}
        assert places == {part.data} and part.data in manifest.files, name
        assert (made.pack / part.data).stat().st_mode & 0o444 == 0o444


def test_the_manifest_and_the_report_say_where_it_comes_from(made: Made) -> None:
    manifest, report, page = made.manifest, made.report, (made.pack / "report.md").read_text()
    assert manifest.licence == "apache-2.0" and manifest.frames == (4 if made.kind == "film" else 1)
    assert manifest.scheduler.kind == ("lcm" if made.kind == "film" else "euler")
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert report["inputs"][weights] == file_sha256(made.source / weights) and report["inputs"][weights] in page
    assert report["versions"]["optimum-onnx"] in page


def test_a_board_makes_a_clip_within_the_memory_that_was_predicted(made: Made, tmp_path: Path) -> None:
    folders = [word for key in ("state", "clips", "cache", "models")
               for word in ("--set", f"paths.{key}={tmp_path / key}")]  # fmt: skip
    where = [*folders, "--set", "engine.threads=1", "--set", "node.id=board"]
    added = run("edge", "models", "add", made.pack, "--trust", *where, cwd=tmp_path)
    assert added.code == 0, added.err
    command = ["edge", "generate", "a red balloon", "--pack", made.kind, "--out", "clip.mp4", *where]
    held = held_by(*command, cwd=tmp_path)
    assert held == pytest.approx(made.report["board_mib"], rel=0.15)
    with av.open(tmp_path / "clip.mp4") as clip:
        frames = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert len(frames) == (12 if made.kind == "film" else 96) and frames[0].shape == (32, 32)
    assert max(float(frame.std()) for frame in frames) > 1


def test_the_latents_are_those_of_the_pipeline_in_diffusers(made: Made) -> None:
    kind = AnimateDiffPipeline if made.kind == "film" else StableDiffusionPipeline
    options = {"num_frames": 4, "guidance_scale": 1.0} if made.kind == "film" else {"guidance_scale": 3.0}
    theirs = (
        kind.from_pretrained(made.source, safety_checker=None)
        if made.kind == "picture"
        else kind.from_pretrained(made.source)
    )
    theirs.set_progress_bar_config(disable=True)
    generator = DiffusionGenerator(Pack(made.pack, made.manifest), threads=1)
    texts = generator.read(["a red balloon", *(["blurry"] if made.kind == "picture" else [])], stop=Stop())
    steps = 1 if made.kind == "film" else 2  # one step of LCM draws no noise of its own
    ours = generator.denoise(texts, steps=steps, seed=5, stop=Stop())
    noise = np.random.default_rng([5, 0x3D]).standard_normal(ours.shape).astype(np.float32)
    wanted = theirs(
        "a red balloon", negative_prompt="blurry", num_inference_steps=steps, latents=torch.from_numpy(noise), height=32,
        width=32, output_type="latent", **options,
    )[0]  # fmt: skip
    wanted = wanted.numpy() if made.kind == "picture" else _latents(theirs, noise, steps)
    error = np.sqrt(np.mean((ours - wanted) ** 2))
    assert error < 0.1 * np.ptp(wanted)


def _latents(theirs: AnimateDiffPipeline, noise: np.ndarray, steps: int) -> np.ndarray:
    """AnimateDiff's pipeline decodes what it gives as latents, so it is stopped before."""
    seen = []
    theirs(
        "a red balloon", num_inference_steps=steps, latents=torch.from_numpy(noise), height=32, width=32, num_frames=4,
        guidance_scale=1.0, output_type="latent",
        callback_on_step_end=lambda _pipe, _step, _at, kept: seen.append(kept["latents"].clone()) or kept,
    )  # fmt: skip
    return seen[-1].numpy()


def test_schedules_of_every_setting_are_those_of_diffusers() -> None:
    for scheduler in schedulers():
        for steps in (1, 2, 8) if not scheduler.karras else (4,):
            start, wanted = factors(scheduler, steps)
            made = make_schedule(scheduler, steps)
            ours = [[one.timestep, one.scale, one.sample, one.prediction, one.noise] for one in made.steps]
            assert made.start == pytest.approx(start, rel=1e-3), scheduler
            np.testing.assert_allclose(ours, wanted, rtol=2e-3, atol=2e-3, err_msg=f"{scheduler} {steps}")


class _Looks(torch.nn.Module):
    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value)


def test_attention_in_pieces_gives_what_attention_gives(tmp_path: Path) -> None:
    import onnxruntime as ort

    torch.manual_seed(1)
    given = {name: torch.randn(3, 4, count, 8) for name, count in (("query", 20), ("key", 12), ("value", 12))}
    with in_pieces(most_bytes=4 * 20 * 12 * 4), torch.inference_mode():
        to_onnx(tmp_path / "a.onnx", _Looks(), given, ["seen"])
    model = onnx.load(str(tmp_path / "a.onnx"))
    assert write_loops(model) == 1
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString())
    ours = session.run(None, {name: one.numpy() for name, one in given.items()})[0]
    np.testing.assert_allclose(ours, _Looks()(**given).numpy(), atol=1e-5)
