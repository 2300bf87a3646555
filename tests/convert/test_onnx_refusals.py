"""What cannot become a pack is refused in one paragraph, and nothing half-written stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderTiny, MotionAdapter
from pipelines import WIDTHS, text_to_image
from safetensors.torch import load_file, save_file

from edge.errors import ModelError, RequestError, ResourceError
from tools.convert.__main__ import main
from tools.convert.diffusion import convert as verb
from tools.convert.diffusion.order import Order, look
from tools.convert.diffusion.parity import Parity, check
from tools.convert.steps import Steps


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_to_image(tmp_path_factory.mktemp("good") / "sd")


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    shutil.copytree(good, tmp_path / "sd")
    return tmp_path / "sd"


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command says; it must fail, and leave nothing."""
    out = folder.parent / "packs"
    assert main(["onnx", str(folder), "--out", str(out), "--size", "32x32", *options]) in (3, 5, 6)
    said = capsys.readouterr().err
    assert not out.exists()
    paragraph = said[said.index("edgereel convert:") :].strip()
    assert "\n" not in paragraph and "Traceback" not in said
    return paragraph


@pytest.mark.parametrize(
    ("file", "values", "says"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "pipeline class FluxPipeline, which is not known"),
        ("unet/config.json", {"_class_name": "FluxTransformer2DModel"}, "class FluxTransformer2DModel; as unet only"),
        ("unet/config.json", {"addition_embed_type": "text_time"}, "given more than that"),
        ("unet/config.json", {"in_channels": 9}, "given more than that"),
        ("text_encoder/config.json", {"architectures": ["T5EncoderModel"]}, "class T5EncoderModel"),
        ("scheduler/scheduler_config.json", {"_class_name": "PNDMScheduler"}, "--scheduler lcm, euler or ddim"),
        (
            "scheduler/scheduler_config.json",
            {"_class_name": "LCMScheduler", "clip_sample": True},
            "asks for clip_sample",
        ),
    ],
)
def test_what_is_not_known_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, values: dict[str, object], says: str
) -> None:
    change(folder / file, **values)
    assert says in refused(folder, capsys)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("tokenizer", "has no tokenizer"),
        ("README.md", "--licence"),
        ("model_index.json", "save_pretrained"),
        ("vae/config.json", "folder vae is needed"),
        ("unet/diffusion_pytorch_model.safetensors", "no weights"),
    ],
)
def test_what_is_missing_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], missing: str, says: str
) -> None:  # fmt: skip
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert says in refused(folder, capsys)


def test_a_licence_may_be_said_and_the_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").unlink()
    options = ["--licence", "MIT", "--size", "64x32", "--dry-run", "--out", str(folder.parent / "packs")]
    assert main(["onnx", str(folder), *options]) == 0
    said = capsys.readouterr().err
    assert "licence MIT" in said and "one picture of 64x32 in 4 and 8 steps, euler, two answers a step" in said
    assert "memory" in said and "a board" in said and not (folder.parent / "packs").exists()


def test_weights_that_are_no_numbers_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["conv_out.weight"][0, 0, 0, 0] = float("nan")
    save_file(tensors, path, metadata={"format": "pt"})
    assert "conv_out.weight (1 of" in refused(folder, capsys)


def test_a_tokenizer_that_a_board_would_cut_otherwise_ends_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "tokenizer/tokenizer.json"
    body = json.loads(path.read_text())
    body["normalizer"] = {"type": "Sequence", "normalizers": []}  # capitals stay what they are
    path.write_text(json.dumps(body))
    assert "into other tokens" in refused(folder, capsys)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--size", "38x32"), "in steps of 4 pixels"),
        (("--size", "large"), "is no size"),
        (("--frames", "4"), "draws single pictures"),
        (("--steps", "0"), "1 to 100 steps"),
    ],
)
def test_a_shape_that_it_cannot_draw(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert says in refused(folder, capsys, *options)


def test_too_little_disk_or_memory_is_told_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 300000 kB\n")
    with pytest.raises(ResourceError, match="of memory are free"):
        look(Order(folder=folder, out=tmp_path / "packs", name="x", width=32, height=32), root=tmp_path)
    assert not (tmp_path / "packs").exists()


def test_a_part_that_is_not_itself_any_more_makes_no_pack() -> None:
    check(Parity(psnr_db=30.0, worst_psnr_db=28.0, sqnr_db=20.0, answers=4), part="unet")
    with pytest.raises(ModelError, match=r"PSNR 29.9 dB over 4 answers"):
        check(Parity(psnr_db=29.9, worst_psnr_db=28.0, sqnr_db=20.0, answers=4), part="unet")


def test_a_motion_adapter_and_a_tiny_vae_take_their_places(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(2)
    MotionAdapter(
        block_out_channels=WIDTHS, motion_layers_per_block=1, motion_num_attention_heads=4, motion_norm_num_groups=8,
        motion_max_seq_length=8,
    ).save_pretrained(tmp_path / "motion")  # fmt: skip
    AutoencoderTiny(
        encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4, num_encoder_blocks=(1,) * 4,
        num_decoder_blocks=(1,) * 4,
    ).save_pretrained(tmp_path / "vae")  # fmt: skip
    order = Order(
        folder=folder, out=tmp_path / "packs", name="x", width=64, height=64, motion=tmp_path / "motion",
        vae=tmp_path / "vae", scheduler="lcm",
    )  # fmt: skip
    seen = look(order)
    assert (seen.shape.frames, seen.pipeline.scheduler.kind, seen.guidance) == (8, "lcm", 1.0)
    assert seen.shape.latents(seen.pipeline) == (1, 4, 8, 8, 8)
    with pytest.raises(RequestError, match="at most 8 frames"):
        look(Order(folder=folder, out=tmp_path, name="x", width=64, height=64, motion=tmp_path / "motion", frames=9))


def test_a_run_that_was_cut_goes_on_and_a_pack_is_not_written_over(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = Order(
        folder=folder, out=tmp_path / "packs", name="m", width=32, height=32, steps=(1,), calibrate=1, guidance=1.0
    )
    seen = look(order)

    def cut(title: str, _share: float) -> None:
        if title == "quantise decoder":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verb.convert(order, seen, steps=Steps(order.work, say=cut))
    assert not order.pack.exists()
    steps = Steps(order.work)
    made = verb.convert(order, seen, steps=steps)
    assert {"hash the pipeline", "compare the tokens", "compare text_encoder", "run and export unet", "quantise unet",
            "run and export decoder"} <= set(steps.skipped)  # fmt: skip
    assert "quantise decoder" not in steps.skipped
    assert (made / "manifest.yaml").is_file() and not order.work.exists()
    before = (made / "report.json").stat().st_ino
    assert main(["onnx", str(folder), "--out", str(order.out), "--name", "m"]) == ModelError.exit_code
    assert "is there already" in capsys.readouterr().err and (made / "report.json").stat().st_ino == before
