"""Ways to store a layer, and the choice between them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from networks import FEEDS, small_network
from onnx import TensorProto, helper, numpy_helper

from edge.errors import ModelError
from tools.convert.mixed.choose import Option, path, to_fit, to_hold, total
from tools.convert.mixed.compare import answers, check_twin, error_of, likeness, psnr
from tools.convert.mixed.layers import KINDS, find_layers, in_groups
from tools.convert.mixed.settle import settle
from tools.convert.mixed.storage import encode_fp8, fp8_values, write
from tools.convert.mixed.twin import write_twin
from tools.convert.pack import part_of
from tools.convert.quantize import calibrate

LAYERS = {
    "large": [Option("fp32", 400, 0.0), Option("int8", 100, 3.0), Option("q4", 60, 30.0)],
    "small": [Option("fp32", 40, 0.0), Option("int8", 10, 0.1), Option("q4", 12, 0.2)],
}


def kinds(chosen: dict[str, Option]) -> tuple[str, ...]:
    return tuple(option.kind for option in chosen.values())


def test_the_next_saving_is_always_the_cheapest_for_a_byte() -> None:
    assert [kinds(one) for one in path(LAYERS)] == [
        ("fp32", "fp32"), ("fp32", "int8"), ("int8", "int8"), ("q4", "int8")
    ]  # fmt: skip


def test_what_is_chosen_fits_and_what_is_left_over_is_given_back() -> None:
    assert kinds(to_fit(LAYERS, most_bytes=110)) == ("int8", "int8")
    assert kinds(to_fit(LAYERS, most_bytes=140)) == ("int8", "fp32")
    assert kinds(to_fit(LAYERS, most_bytes=1)) == ("q4", "int8")


def test_errors_add_up_to_no_more_than_is_allowed() -> None:
    assert kinds(to_hold(LAYERS, most_error=3.05)) == ("fp32", "int8")
    assert kinds(to_hold(LAYERS, most_error=3.1)) == ("int8", "int8")
    assert kinds(to_hold(LAYERS, most_error=0.0)) == ("fp32", "fp32")


def test_it_is_nearly_the_best_of_all_choices() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        layers = {
            name: [
                Option("fp32", 64, 0.0),
                *(Option(kind, int(rng.integers(4, 60)), float(rng.random())) for kind in "abc"),
            ]
            for name in range(5)
        }
        room = int(rng.integers(100, 300))
        every = (dict(zip(layers, one, strict=True)) for one in itertools.product(*layers.values()))
        best = min((total(one)[1] for one in every if total(one)[0] <= room), default=None)
        size, error = total(to_fit(layers, most_bytes=room))
        assert best is None or (size <= room and error <= best + 0.5)


def weighed(*options: Option) -> dict[str, dict]:
    rows = [{"kind": one.kind, "bytes": one.bytes, "error": one.error} for one in options]
    return {"part": {"rest": 10, "groups": {"a": rows, "b": rows}}}


def test_what_falls_short_once_it_is_written_is_chosen_again_with_more_care() -> None:
    tried = []

    def store(part: str, chosen: dict[str, str]) -> dict:
        tried.append(chosen)
        error = {"fp32": 0.0, "int8": 2e-4}  # twice what each layer alone had
        made = max(sum(error[kind] for kind in chosen.values()), 1e-20)
        return {"bytes": 1, "error": made, "psnr_db": psnr(made)}

    options = weighed(Option("fp32", 400, 0.0), Option("int8", 100, 1e-4))
    made = settle(options, store, kept=0, most_mb=float("inf"), least_db=psnr(2.5e-4))
    assert tried == [{"a": "int8", "b": "int8"}, {"a": "int8", "b": "fp32"}] and made["part"]["kinds"] == tried[-1]
    assert error_of(psnr(2.5e-4)) == pytest.approx(2.5e-4)
    with pytest.raises(ModelError, match="the least is 0.00 MB, with a PSNR of 34"):
        settle(options, lambda part, chosen: {**store(part, chosen), "bytes": 900}, kept=0, most_mb=0.0005, least_db=0)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    assert write_twin(small_network(folder / "net.onnx"), folder / "twin.onnx") == {}
    return folder / "twin.onnx"


def psnr_of(made: Path, wanted: Path) -> float:
    part = part_of(wanted)
    said = (answers(path, part, FEEDS, threads=1) for path in (made, wanted))
    return likeness(*said).psnr_db


def test_a_twin_of_what_is_in_fp32_says_the_same(twin: Path) -> None:
    assert psnr_of(twin, twin.with_name("net.onnx")) > 120
    layers = find_layers(onnx.load(str(twin)).graph)
    assert sorted(one.operator for one in layers) == ["Conv", "Conv", "Gather", "MatMul", "MatMul"]
    assert [len(group.layers) for group in in_groups(layers, most=1)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("kind", "least_db", "most_share"),
    [("static", 30, 0.5), ("dynamic", 40, 0.75), ("fp16", 70, 0.55), ("fp8", 40, 0.35), ("q4", 25, 0.65)],
)
def test_every_kind_runs_on_a_board_and_says_nearly_the_same(
    twin: Path, tmp_path: Path, kind: str, least_db: float, most_share: float
) -> None:
    layers = [one for one in find_layers(onnx.load(str(twin)).graph) if kind in KINDS[one.operator]]
    ranges = calibrate(twin, FEEDS)
    full = write(twin, tmp_path / "full.onnx", {}, ranges=ranges)
    size = write(twin, tmp_path / f"{kind}.onnx", dict.fromkeys(layers, kind), ranges=ranges)
    assert layers and size < most_share * full
    assert least_db <= psnr_of(tmp_path / f"{kind}.onnx", twin) < 100


def test_what_was_in_int8_is_made_float_again(twin: Path, tmp_path: Path) -> None:
    layers = find_layers(onnx.load(str(twin)).graph)
    choice = {layer: "static" if layer.operator == "Conv" else "dynamic" for layer in layers}
    write(twin, tmp_path / "int8.onnx", choice, ranges=calibrate(twin, FEEDS))
    undone = write_twin(tmp_path / "int8.onnx", tmp_path / "twin.onnx")
    assert undone["weights"] >= 2 and undone["activations"] >= 3 and undone["of the moment"] == 2
    operators = [node.op_type for node in onnx.load(str(tmp_path / "twin.onnx")).graph.node]
    assert not [one for one in operators if "Quant" in one or "Integer" in one] and operators.count("Relu") == 2
    assert psnr_of(tmp_path / "twin.onnx", twin) > psnr_of(tmp_path / "int8.onnx", twin)


def test_what_holds_fp8_already_is_stored_again(twin: Path, tmp_path: Path) -> None:
    layers, ranges = find_layers(onnx.load(str(twin)).graph), calibrate(twin, FEEDS)
    write(twin, tmp_path / "one.onnx", {one: "fp8" for one in layers if one.operator == "Conv"}, ranges=ranges)
    write_twin(tmp_path / "one.onnx", tmp_path / "again.onnx")
    left = find_layers(onnx.load(str(tmp_path / "again.onnx")).graph)
    assert {one.operator for one in left} == {"MatMul", "Gather"}
    write(tmp_path / "again.onnx", tmp_path / "two.onnx", dict.fromkeys(left, "fp8"), ranges=ranges)
    assert psnr_of(tmp_path / "two.onnx", twin) >= 35


def test_fp8_is_e4m3_with_a_scale_for_every_channel(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((4, 16, 3, 3)).astype(np.float32) * [
        [[[1]]],
        [[[9]]],
        [[[1e-3]]],
        [[[0]]],
    ]
    codes, scale = encode_fp8(values.astype(np.float32), axis=0)
    table = fp8_values()
    assert table.max() == 448 and table[1] == 2**-9 and scale.shape == (4, 1, 1, 1)
    back = table[codes] * scale
    assert np.abs(back - values).max(axis=(1, 2, 3)) == pytest.approx(np.abs(values).max(axis=(1, 2, 3)) / 28, rel=0.6)
    assert (np.abs(back - values) <= np.maximum(np.abs(values) / 16, scale * 2**-10) * 1.0001).all()


def test_a_weight_that_something_else_looks_at_is_left_alone(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((16, 16), np.float32), "weight")
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["y"], name="m"),
        helper.make_node("Add", ["y", "weight"], ["z"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, 16]) for name in "xz"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])
    assert find_layers(graph) == []
    graph.node.pop()
    assert [one.weight for one in find_layers(graph)] == ["weight"]


def test_a_twin_that_is_another_network_is_refused() -> None:
    check_twin("net", 80.0, exact=True)
    check_twin("net", 15.0, exact=False)
    for found, exact in ((79.0, True), (14.0, False)):
        with pytest.raises(ModelError, match=f"PSNR {found:.1f} dB"):
            check_twin("net", found, exact=exact)
