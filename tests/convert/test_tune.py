"""Tuning in miniature: the torch model is llama.cpp's, the loss falls, a run resumes, and what comes of it is a pack."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from edge.manifest import LlmManifest, file_sha256, load_manifest
from edge.tuned import merge
from edge.tuned.blocks import Kind
from tools.convert.expander.batches import Tokens
from tools.convert.expander.delta import write_delta
from tools.convert.expander.export import changes_of, export
from tools.convert.expander.lora import add_changes
from tools.convert.expander.model import Llama
from tools.convert.expander.recipe import load_recipe
from tools.convert.expander.tune import CHECKPOINT, begin_with, held_out_figures, loss_of, round_weights, tune
from tools.convert.expander.weights import read_matrix

DATA = Path(__file__).resolve().parent.parent / "data"
GGUF = Path.home() / ".local/share/edgereel/models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"
RECIPE = msgspec.structs.replace(
    load_recipe(), rank=4, batch=2, held_out=2, minutes=0.05, round_from=0.5, round_every=4, warm_up_steps=1, rate=5e-3
)


@pytest.fixture(scope="module")
def base() -> Path:
    if not GGUF.exists():  # the only file here that is not in the repository: who runs this without a network has none
        pytest.skip("run: edgereel models pull smollm2-135m")
    return GGUF


@pytest.fixture(scope="module")
def model(base: Path) -> Llama:
    return Llama(base)


def write_tokens(path: Path, *, examples: int, seed: int = 0) -> None:
    """Short examples with the same beginning, in which one word is learned to follow another.

    In every other one, 100 would please as well as 99 at the end.
    """
    rng = np.random.default_rng(seed)
    rows = [[1, 4093, 198, *rng.integers(500, 600, int(rng.integers(2, 6))), 77, 88, 99] for _ in range(examples)]
    learned = [[False] * (len(row) - 2) + [True] * 2 for row in rows]
    np.savez_compressed(
        path, tokens=np.concatenate(rows).astype(np.uint16), learned=np.concatenate(learned),
        starts=np.concatenate([[0], np.cumsum([len(row) for row in rows])]), think=np.zeros(examples, bool),
        chinese=np.zeros(examples, bool), also=np.full(-(-examples // 2), 100, np.uint16),
        also_starts=np.arange(1, examples + 2) // 2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_tokens(folder / "train.npz", examples=12)
    write_tokens(folder / "held_out.npz", examples=4, seed=1)
    return folder


@pytest.mark.parametrize("begin", [0, 5])
def test_the_logits_are_those_of_llama_cpp(model: Llama, begin: int) -> None:
    with np.load(DATA / "logits.npz") as file:
        for number in range(2):
            tokens, theirs = torch.from_numpy(file[f"{number}/tokens"]), file[f"{number}/logits"].astype(np.float32)
            rest = tokens[begin:][None].repeat(2, 1)
            with torch.no_grad():
                ours = model(tokens[:begin], rest, torch.ones_like(rest, dtype=torch.bool))
            ours = ours.view(2, len(tokens) - begin, -1)[:, :, ::96].numpy()
            assert np.array_equal(ours[0], ours[1]) or np.allclose(ours[0], ours[1], atol=1e-3)
            ours, theirs = (rows - rows.mean(axis=1, keepdims=True) for rows in (ours[0], theirs[begin:]))
            lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
            assert ((ours * theirs).sum(axis=1) / lengths).min() > 0.9999


def test_a_change_that_has_learned_nothing_changes_nothing(base: Path, run: Path) -> None:
    batch = Tokens(run / "train.npz").batch(np.arange(4))
    model = Llama(base)
    before = loss_of(model, batch).item()
    changes = add_changes(model.linears(), rank=4, alpha=8.0, seed=1)
    assert loss_of(model, batch).item() == pytest.approx(before, abs=1e-4)
    assert {name.split("/")[2] for name in changes} == {
        "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down",
    }  # fmt: skip
    assert len(changes) == 210


def test_only_what_the_model_writes_counts(model: Llama, run: Path) -> None:
    tokens = Tokens(run / "train.npz")
    batch = tokens.batch(np.arange(3))
    assert batch.begin.tolist() == [1, 4093, 198]
    assert batch.targets.tolist() == [88, 99] * 3
    alone = [float(loss_of(model, tokens.batch(np.array([number])))) for number in range(3)]
    assert float(loss_of(model, batch)) == pytest.approx(np.mean(alone), rel=1e-3)  # padding is out of sight


def test_what_would_please_as_well_counts_as_much(model: Llama, run: Path) -> None:
    batch = Tokens(run / "train.npz").batch(np.arange(2))
    assert batch.also.tolist() == [[-1], [100], [-1], [-1]]
    with torch.no_grad():
        chances = model(batch.begin, batch.tokens, batch.wanted).softmax(dim=1)
        pleased = chances.gather(1, batch.targets[:, None])[:, 0]
        pleased[1] += chances[1, 100]
        assert float(loss_of(model, batch)) == pytest.approx(float(-pleased.log().mean()), rel=1e-4)


def test_an_order_holds_every_example_once() -> None:
    tokens = Tokens.__new__(Tokens)
    tokens.lengths = np.random.default_rng(0).integers(5, 90, 203)
    order = tokens.order(size=8, seed=3)
    assert sorted(np.concatenate(order).tolist()) == list(range(203))
    assert np.mean([np.ptp(tokens.lengths[batch]) for batch in order]) < 15


def test_the_loss_falls_a_run_resumes_and_a_board_makes_what_was_trained(base: Path, run: Path, tmp_path: Path) -> None:
    stock = Llama(base)
    before = held_out_figures(stock, Tokens(run / "held_out.npz"), count=4)["held_out_loss"]
    tune(RECIPE, base=base, run=run, device=torch.device("cpu"))
    first = torch.load(run / CHECKPOINT, weights_only=True)
    tune(msgspec.structs.replace(RECIPE, minutes=0.7), base=base, run=run, device=torch.device("cpu"))
    second = torch.load(run / CHECKPOINT, weights_only=True)
    assert second["step"] > first["step"] and second["seconds"] >= 42

    manifest = export(RECIPE, base=base, run=run, out=tmp_path / "pack", keep=True)
    assert load_manifest(tmp_path / "pack") == manifest
    model = tmp_path / "pack" / manifest.file
    after = held_out_figures(Llama(model), Tokens(run / "held_out.npz"), count=4)["held_out_loss"]
    assert after < 0.9 * before  # in a few steps, however busy the machine is

    name = "blk.7.ffn_up.weight"
    up, down = changes_of(second["model"], scale=RECIPE.alpha / RECIPE.rank)[name]
    trained = add_changes(stock.linears(), rank=4, alpha=RECIPE.alpha, seed=1)
    trained.load_state_dict(second["model"])
    round_weights(stock, Kind.Q4_1)
    linear = stock.linears()[name]
    rounded = (linear.weight + linear.change.matrix()).numpy()
    made = read_matrix(model, name)
    # int8 moves a change by a hair, so that the lot of a few weights falls otherwise.
    assert (np.abs(made - rounded) > 1e-6).mean() < 0.01
    assert np.linalg.norm(up @ down) > 0


def test_a_new_run_goes_on_from_what_a_delta_of_the_same_base_holds(
    base: Path, model: Llama, run: Path, tmp_path: Path
) -> None:
    learned = changes_of(torch.load(run / CHECKPOINT, weights_only=True)["model"], scale=RECIPE.alpha / RECIPE.rank)
    write_delta(tmp_path / "delta.npz", learned, base_sha256=file_sha256(base))
    changes = add_changes(model.linears(), rank=RECIPE.rank, alpha=RECIPE.alpha, seed=2)
    begin_with(changes, tmp_path / "delta.npz", base=base)

    for name, (up, down) in learned.items():
        change = up @ down
        off = changes[name.replace(".", "/")].matrix().numpy() - change
        assert np.linalg.norm(off) < 0.02 * np.linalg.norm(change)  # the rounding to int8
    with pytest.raises(ValueError, match="was not made for"):
        begin_with(changes, tmp_path / "delta.npz", base=tmp_path / "delta.npz")


def test_a_pack_is_made_anew_to_the_same_bytes(base: Path, run: Path, tmp_path: Path) -> None:
    packs = [export(RECIPE, base=base, run=run, out=tmp_path / name, keep=False) for name in ("1", "2")]
    assert packs[0] == packs[1]
    assert isinstance(packs[0], LlmManifest) and packs[0].prompt == "short"
    source = packs[0].source
    merge(base, tmp_path / "1" / source.delta, tmp_path / "x", base_sha256=file_sha256(base),
          quantised=source.quantised, progress=lambda _: None)  # fmt: skip
    assert file_sha256(tmp_path / "x") == packs[0].files[packs[0].file].sha256
