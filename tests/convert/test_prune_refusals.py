"""What cannot be pruned is refused in one paragraph, and nothing half-written stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from edge.errors import ResourceError
from edge.manifest import MANIFEST, load_manifest
from tools.convert.__main__ import main
from tools.convert.pack import weight_file
from tools.convert.prune.order import Order, look

CHECKOUT = Path(__file__).resolve().parents[2]
TINY = CHECKOUT / "tests/data/tinypack"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    shutil.copytree(TINY, tmp_path / "tinypack")
    return tmp_path / "tinypack"


def refused(pack: Path, out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command says; it must fail, and leave nothing."""
    assert main(["prune", str(pack), "--out", str(out / "packs"), *options]) in (3, 5, 6)
    said = capsys.readouterr().err
    assert not (out / "packs").exists() or not list((out / "packs").iterdir())
    paragraph = said[said.index("edgereel convert:") :].strip()
    assert "\n" not in paragraph and "Traceback" not in said
    return paragraph


def changed(pack: Path, name: str, model: onnx.ModelProto) -> None:
    """Write one network of a pack anew, with its sha256."""
    onnx.save(model, str(pack / name))
    manifest = load_manifest(pack)
    files = manifest.files | {name: weight_file(pack / name)}
    (pack / MANIFEST).write_bytes(msgspec.yaml.encode(msgspec.structs.replace(manifest, files=files)))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--share", "0.95"), "0.01 to 0.9 can go"),
        (("--linear", "1"), "0 to 0.9 can go"),
        (("--minutes", "-1"), "is no time"),
        (("--scenes", "0"), "at least one is needed"),
        (("--judge", "-2"), "no number of clips"),
        (("--shards", "nowhere"), "holds no shards"),
        (("--name", "Über"), "cannot be the name of a pack"),
    ],
)
def test_what_is_asked_for_wrongly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert says in refused(TINY, tmp_path, capsys, *options)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ("tests/data/tinydiffusers", "own generator"),
        ("models/smollm2-135m", "own generator"),
        ("docs", "No model pack"),
    ],
)
def test_another_kind_of_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str, says: str) -> None:
    assert says in refused(CHECKOUT / other, tmp_path, capsys)


def test_more_than_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "of this denoiser's multiplications can go" in refused(TINY, tmp_path, capsys, "--share", "0.8")


def test_a_damaged_file(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = bytearray((pack / "denoiser.onnx").read_bytes())
    body[-1] ^= 1
    (pack / "denoiser.onnx").write_bytes(body)
    assert "is damaged" in refused(pack, tmp_path, capsys)


def test_weights_that_are_no_numbers(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = onnx.load(str(pack / "denoiser.onnx"))
    bias = next(one for one in model.graph.initializer if one.name == "outlet.bias")
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] = np.nan
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    changed(pack, "denoiser.onnx", model)
    assert "no numbers (NaN or infinite): denoiser.outlet.bias" in refused(pack, tmp_path, capsys)


def test_a_network_that_is_not_ours(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = onnx.load(str(pack / "denoiser.onnx"))
    for node in model.graph.node:
        node.input[:] = [name.replace("outlet.bias", "mouth.bias") for name in node.input]
    next(one for one in model.graph.initializer if one.name == "outlet.bias").name = "mouth.bias"
    changed(pack, "denoiser.onnx", model)
    assert "there is no denoiser.outlet.bias" in refused(pack, tmp_path, capsys)


def test_a_pack_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "packs/tinypack-p30"
    there.mkdir(parents=True)
    assert main(["prune", str(TINY), "--out", str(tmp_path / "packs")]) == 5
    assert "is there already" in capsys.readouterr().err and not list(there.iterdir())


def test_too_little_memory_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 500000 kB\nMemAvailable: 300000 kB\n")
    order = Order(folder=TINY, out=tmp_path / "packs", name="tinypack", shares=(0.3,))
    with pytest.raises(ResourceError, match="MiB of memory are free"):
        look(order, root=tmp_path)


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--out", str(tmp_path / "packs"), "--share", "0.3", "--share", "0.5", "--linear", "0.25", "--dry-run"]
    assert main(["prune", str(TINY), *options]) == 0
    said = capsys.readouterr().err
    assert "30% of the denoiser's multiplications" in said and "tinypack-p50" in said and "25% of the" in said
    assert "memory" in said and "time" in said and not (tmp_path / "packs").exists()
