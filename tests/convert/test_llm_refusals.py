"""What cannot become a pack is refused in one paragraph, and nothing half-written stays."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from checkpoints import smollm
from safetensors.torch import load_file, save_file

from edge.errors import EdgereelError, ModelError, ResourceError
from tools.convert.__main__ import main
from tools.convert.llm import converter
from tools.convert.llm.checkpoint import read_checkpoint
from tools.convert.llm.convert import convert
from tools.convert.llm.estimate import check_room, estimate
from tools.convert.llm.llamacpp import Source, converter_source
from tools.convert.llm.order import Order, look
from tools.convert.llm.speech import read_speech
from tools.convert.llm.vocabulary import settle
from tools.convert.steps import Steps


@pytest.fixture(scope="module")
def source() -> Source:
    return converter_source()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smollm(tmp_path_factory.mktemp("good") / "smollm")


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    shutil.copytree(good, tmp_path / "smollm")
    return tmp_path / "smollm"


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command says; it must fail, and leave nothing."""
    out = folder.parent / "packs"
    assert main(["llm", str(folder), "--out", str(out), *options]) in (3, 5, 6)
    said = capsys.readouterr().err
    assert not list(out.glob("*")) and not list(out.glob(".*.work/*.gguf"))
    paragraph = said[said.index("edgereel convert:") :].strip()
    assert "\n" not in paragraph and "Traceback" not in said
    return paragraph


def test_an_unknown_architecture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder / "config.json", architectures=["DreamMachineForCausalLM"])
    assert "DreamMachineForCausalLM, which the converter" in refused(folder, capsys)


def test_no_tokenizer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer" in refused(folder, capsys)


def test_no_licence_until_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").write_text("# A model\nlicense: not in the head\n")
    assert "--licence" in refused(folder, capsys)
    assert main(["llm", str(folder), "--licence", "MIT", "--dry-run", "--out", str(folder.parent / "packs")]) == 0
    assert "licence MIT" in capsys.readouterr().err


def test_a_licence_with_a_name_of_its_own_is_taken_by_that_name(folder: Path, source: Source) -> None:
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: tencent-hunyuan-community\n---\n")
    seen = read_checkpoint(folder, known=source.architectures, version=source.version)
    assert seen.licence == "tencent-hunyuan-community"


def test_weights_that_are_no_numbers_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 5:7] = torch.tensor([float("nan"), float("inf")])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "model.layers.1.mlp.up_proj.weight (2 of" in refused(folder, capsys)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-9]), "was cut"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "could run code"),
        (lambda folder: (folder / "config.json").unlink(), "no Hugging Face checkpoint"),
        (lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template"),
    ],
)  # fmt: skip
def test_files_that_are_cut_pickled_or_missing(
    damage: object, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folder)  # type: ignore[operator]
    assert says in refused(folder, capsys)


def test_too_little_disk_or_memory_is_told_before_anything_is_written(
    folder: Path, source: Source, tmp_path: Path
) -> None:
    seen = read_checkpoint(folder, known=source.architectures, version=source.version)
    needs = estimate(seen, ["Q4_0"], memory_free=1 << 34, threads=1)
    check_room(needs, disk_free=needs.disk, memory_free=needs.memory, where="there")
    with pytest.raises(ResourceError, match="there has .* free; the conversion needs"):
        check_room(needs, disk_free=needs.disk - 1, memory_free=needs.memory, where="there")
    with pytest.raises(ResourceError, match="of memory are free"):
        check_room(needs, disk_free=needs.disk, memory_free=needs.memory - 1, where="there")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 300000 kB\n")
    with pytest.raises(ResourceError, match="of memory are free"):
        look(Order(folder=folder, out=tmp_path / "packs", name="x", kinds=["Q4_0"]), source=source, root=tmp_path)
    assert not (tmp_path / "packs").exists()


def test_a_large_model_is_compared_in_its_own_type_where_float32_does_not_fit(folder: Path, source: Source) -> None:
    seen = read_checkpoint(folder, known=source.architectures, version=source.version)
    whole = estimate(seen, ["Q4_0"], memory_free=1 << 34, threads=1)
    tight = estimate(seen, ["Q4_0"], memory_free=whole.memory - 1, threads=1)
    assert (whole.full, tight.full) == (True, False) and tight.memory < whole.memory


def test_a_wrong_pre_tokenizer_is_found_out(folder: Path, source: Source, tmp_path: Path) -> None:
    found = converter.convert(
        folder, tmp_path / "v.gguf", source=source, log=tmp_path / "log", pre="qwen2", vocabulary_only=True
    )
    assert (found.how, found.name) == ("unknown", "qwen2")
    speech = read_speech(folder)
    cut, mixtures = speech.cut, speech.mixtures()
    agreed = settle(
        tmp_path / "v.gguf", cut, name="qwen2", how="unknown", architecture="LlamaForCausalLM", mixtures=mixtures
    )
    # This vocabulary joins no digits, so that GPT-2's way of cutting gives the same tokens as SmolLM's.
    assert agreed.pre in {"smollm", "gpt-2"} and (agreed.how, agreed.equal) == ("proven", agreed.texts)
    with pytest.raises(ModelError, match="other tokens"):
        settle(tmp_path / "v.gguf", cut, name="qwen2", how="given", architecture="LlamaForCausalLM", mixtures=mixtures)


def test_a_source_package_that_is_not_the_tested_one_is_not_opened(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(__file__, "llama_cpp_python-0.3.36/vendor/llama.cpp/convert_hf_to_gguf.py")
    with pytest.raises(ModelError, match="is not opened"):
        converter_source(sdist=tmp_path / "x.tar.gz", cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_run_that_was_cut_goes_on_and_a_pack_is_not_written_over(
    folder: Path, source: Source, tmp_path: Path
) -> None:
    order = Order(folder=folder, out=tmp_path / "packs", name="m", kinds=["Q8_0"])
    seen = look(order, source=source)

    def cut(title: str, _share: float) -> None:
        if title.startswith("compare Q8_0"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(order, seen, source=source, steps=Steps(order.work, say=cut))
    assert not order.pack("Q8_0").exists()
    steps = Steps(order.work)
    made = convert(order, seen, source=source, steps=steps)
    assert set(steps.skipped) >= {
        "hash the checkpoint",
        "compare the tokens",
        "to GGUF",
        "run the checkpoint",
        "quantise to Q8_0",
    }
    assert (made["Q8_0"] / "manifest.yaml").is_file() and not order.work.exists()
    before = (made["Q8_0"] / "report.json").stat().st_ino
    assert (
        main(["llm", str(folder), "--out", str(order.out), "--name", "m", "--type", "Q8_0"])
        == EdgereelError.exit_code + 4
    )
    assert (made["Q8_0"] / "report.json").stat().st_ino == before
