"""A tuned model is made of the public one and a small file, the same to the last bit each time, in little memory."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from edge.errors import ModelError
from edge.manifest import LlmManifest, file_sha256
from edge.packs import Pack
from edge.tuned import merge
from edge.tuned.blocks import Kind, dequantise, quantise, shift
from edge.tuned.delta import Delta
from edge.tuned.gguf import Tensor, read_header
from tools.convert.expander.delta import Matrix, write_delta
from tools.convert.expander.weights import read_matrix

FEW = ("blk.0.attn_q.weight", "blk.3.ffn_down.weight", "blk.29.attn_v.weight")
MOST_MIB = 150


@pytest.fixture(scope="module")
def base(smollm: Pack[LlmManifest]) -> Path:
    return smollm.file(smollm.manifest.file)


@pytest.fixture(scope="module")
def base_sha256(smollm: Pack[LlmManifest]) -> str:
    return smollm.wanted(smollm.manifest.file).sha256


def tensors_of(path: Path) -> dict[str, tuple[Tensor, int]]:
    header = read_header(path)
    return {tensor.name: (tensor, header.data + tensor.offset) for tensor in header.tensors}


def data_of(path: Path, name: str) -> bytes:
    tensor, place = tensors_of(path)[name]
    with path.open("rb") as file:
        file.seek(place)
        return file.read(tensor.bytes)


def thin(path: Path, names: Mapping[str, float], *, rank: int = 8) -> dict[str, tuple[Matrix, Matrix]]:
    """Random changes of these matrices, each `names[name]` times as large as what it changes, as the root of squares."""
    rng, changes = np.random.default_rng(1), {}
    for name, share in names.items():
        tensor, _ = tensors_of(path)[name]
        width, out = tensor.shape
        up, down = rng.standard_normal((out, rank)), rng.standard_normal((rank, width))
        size = share * 0.1 / np.sqrt(rank)
        changes[name] = ((up * size).astype(np.float32), down.astype(np.float32))
    return changes


@pytest.fixture(scope="module")
def delta(base: Path, base_sha256: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("delta") / "delta.npz"
    write_delta(path, thin(base, dict.fromkeys(FEW, 0.05)), base_sha256=base_sha256)
    return path


def made(base: Path, delta: Path, out: Path, sha256: str, *, quantised: str = "q4_1") -> Path:
    merge(base, delta, out, base_sha256=sha256, quantised=quantised, progress=lambda _: None)
    return out


def test_the_same_changes_give_the_same_bytes_and_leave_all_else_as_it_was(
    base: Path, base_sha256: str, delta: Path, tmp_path: Path
) -> None:
    one, other = (made(base, delta, tmp_path / name, base_sha256) for name in ("1", "2"))
    assert file_sha256(one) == file_sha256(other) != base_sha256
    assert one.stat().st_size == base.stat().st_size
    same = {name for name in tensors_of(base) if data_of(base, name) == data_of(one, name)}
    assert set(tensors_of(base)) - same == set(FEW)


def test_no_change_gives_the_same_file(base: Path, base_sha256: str, tmp_path: Path) -> None:
    write_delta(tmp_path / "d", thin(base, dict.fromkeys(FEW, 0.0)), base_sha256=base_sha256)
    assert file_sha256(made(base, tmp_path / "d", tmp_path / "out", base_sha256)) == base_sha256


@pytest.mark.parametrize(("quantised", "error"), [("q8_0", 0.02), ("q4_1", 0.15), ("q4_0", 0.2)])
def test_the_merged_weights_are_what_was_meant(
    base: Path, base_sha256: str, delta: Path, tmp_path: Path, quantised: str, error: float
) -> None:
    out = made(base, delta, tmp_path / "out", base_sha256, quantised=quantised)
    for name, (up, down) in thin(base, dict.fromkeys(FEW, 0.05)).items():
        wanted = read_matrix(base, name) + up @ down
        assert np.linalg.norm(read_matrix(out, name) - wanted) < error * np.linalg.norm(wanted)
        change = Delta(delta).change(name, out=up.shape[0], width=down.shape[1])
        assert np.linalg.norm(change - up @ down) < 0.01 * np.linalg.norm(up @ down)


@pytest.mark.parametrize("quantised", ["q4_1", "q8_0"])
def test_llama_cpp_loads_it_and_writes(
    base: Path, base_sha256: str, delta: Path, tmp_path: Path, quantised: str
) -> None:
    out = made(base, delta, tmp_path / "out.gguf", base_sha256, quantised=quantised)
    llm = llama_cpp.Llama(str(out), n_ctx=64, n_threads=1, verbose=False)
    try:
        text = llm.create_completion("The capital of France is", max_tokens=4, temperature=0.0)["choices"][0]["text"]
        assert "Paris" in text
        assert llm.metadata["general.file_type"] == {"q4_1": "3", "q8_0": "7"}[quantised]
    finally:
        llm.close()


@pytest.mark.parametrize("kind", [Kind.Q4_0, Kind.Q4_1, Kind.Q8_0])
def test_blocks_are_those_of_ggml(kind: Kind) -> None:
    rng = np.random.default_rng(2)
    weights = (rng.standard_normal(32 * 4000) * rng.choice([1e-3, 0.1, 5.0], 32 * 4000)).astype(np.float32)
    weights[:32], weights[32:64] = 0.0, 1.5
    ours, theirs = quantise(weights, kind), ggml_quantise(weights, kind)
    differ = np.frombuffer(ours, np.uint8) != np.frombuffer(theirs, np.uint8)
    assert differ.mean() < 1e-4  # a compiler may round once where two operations round twice
    assert np.allclose(dequantise(theirs, kind), ggml_dequantise(theirs, kind, len(weights)), rtol=1e-6, atol=1e-7)
    assert ours == quantise(weights, kind)
    error = np.linalg.norm(dequantise(ours, kind) - weights) / np.linalg.norm(weights)
    assert error <= 1.0001 * np.linalg.norm(dequantise(theirs, kind) - weights) / np.linalg.norm(weights)


def test_a_change_far_below_a_step_is_kept_in_the_mean() -> None:
    rng = np.random.default_rng(3)
    data = quantise(rng.standard_normal(32 * 8000).astype(np.float32), Kind.Q4_1)
    before = dequantise(data, Kind.Q4_1)
    change = np.full(len(before), 0.01, np.float32)  # a step is about 0.27
    inner = (before.reshape(-1, 32) > before.reshape(-1, 32).min(1, keepdims=True)) & (
        before.reshape(-1, 32) < before.reshape(-1, 32).max(1, keepdims=True)
    )
    after = dequantise(shift(data, change, seed=7), Kind.Q4_1)
    assert (after - before).reshape(-1, 32)[inner].mean() == pytest.approx(0.01, rel=0.05)
    assert shift(data, np.zeros_like(change), seed=7) == data
    assert shift(data, change, seed=7) != shift(data, change, seed=8)


def ggml() -> ctypes.CDLL:
    return ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib/libggml-base.so"))


def ggml_quantise(weights: Matrix, kind: Kind) -> bytes:
    out = ctypes.create_string_buffer(len(weights) // 32 * kind.block_bytes)
    function = getattr(ggml(), f"quantize_row_{kind.name.lower()}_ref")
    function(weights.ctypes.data_as(ctypes.c_void_p), out, ctypes.c_int64(len(weights)))
    return out.raw


def ggml_dequantise(data: bytes, kind: Kind, count: int) -> Matrix:
    out = np.empty(count, np.float32)
    function = getattr(ggml(), f"dequantize_row_{kind.name.lower()}")
    function(data, out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(count))
    return out


def test_making_a_whole_model_takes_little_memory(base: Path, base_sha256: str, tmp_path: Path) -> None:
    # VmHWM and not ru_maxrss: a process that was forked reports its parent's peak there.
    matrices = [name for name, (tensor, _) in tensors_of(base).items() if name[:3] == "blk" and len(tensor.shape) == 2]
    assert len(matrices) == 210
    write_delta(tmp_path / "d", thin(base, dict.fromkeys(matrices, 0.02), rank=16), base_sha256=base_sha256)
    assert (tmp_path / "d").stat().st_size < 12e6
    code = (
        "import sys\nfrom pathlib import Path\nfrom edge.pull import pull\nfrom edge.tuned import merge\n"
        "b, d, o = map(Path, sys.argv[1:4])\n"
        "merge(b, d, o, base_sha256=sys.argv[4], quantised='q4_1', progress=lambda _: None)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, base, tmp_path / "d", tmp_path / "o", base_sha256],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    print(f"peak {int(done.stdout) / 1024:.0f} MiB")
    assert int(done.stdout) / 1024 < MOST_MIB


def test_changes_for_another_file_are_refused(base: Path, delta: Path, tmp_path: Path) -> None:
    other = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(ModelError, match="changes the model with sha256"):
        made(base, delta, tmp_path / "out", other)
    assert not (tmp_path / "out").exists()


def test_changes_that_do_not_fit_are_refused(base: Path, base_sha256: str, tmp_path: Path) -> None:
    wrong = {"blk.0.attn_q.weight": (np.ones((576, 2), np.float32), np.ones((2, 500), np.float32))}
    write_delta(tmp_path / "d", wrong, base_sha256=base_sha256)
    with pytest.raises(ModelError, match="does not fit"):
        made(base, tmp_path / "d", tmp_path / "out", base_sha256)
    write_delta(tmp_path / "d", {"blk.99.attn_q.weight": wrong["blk.0.attn_q.weight"]}, base_sha256=base_sha256)
    with pytest.raises(ModelError, match=r"blk\.99"):
        made(base, tmp_path / "d", tmp_path / "out", base_sha256)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + bytes(40), b"not a model at all" * 100])
def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ModelError, match="no GGUF file"):
        read_header(tmp_path / "x")
