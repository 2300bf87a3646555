"""The autoencoder: a closed-form start that is already a picture, states that join chunks, parts that the board runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.manifest import Canvas, VideoManifest, load_manifest
from edge.video.decoder import to_i420
from tools.convert.latents import components, data, evaluate, export, train
from tools.convert.latents.board import open_decoder
from tools.convert.latents.config import Config
from tools.convert.latents.measure import figures
from tools.convert.latents.network import ImageEncoder
from tools.convert.latents.pixels import from_blocks, to_blocks
from tools.convert.tinyvideo.restore import read_components

CONFIG = Config(
    name="small", tier="test", height=160, width=288, channels=16, slot_width=32, detail_width=32, key_width=16, tail_width=32,
    clips=12, crop_cells=4, minutes=0.05, batch=2, calibration_clips=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run in miniature: crops, components, a few steps of training, export."""
    out = tmp_path_factory.mktemp("latents")
    data.write_crops(CONFIG, out)
    components.encoder(CONFIG, out)
    train.decoder(CONFIG, out)
    export.export(CONFIG, out)
    return out


def test_blocks_are_the_picture_in_another_order() -> None:
    picture = np.random.default_rng(0).integers(0, 256, size=(2, 144, 176), dtype=np.uint8)

    assert np.array_equal(from_blocks(to_blocks(picture)), picture)
    assert np.array_equal(to_i420(to_blocks(picture[0]), Canvas(176, 96, 1, 176, 96, 24)), picture[0])


def test_the_closed_form_start_is_a_picture_before_any_training(run: Path) -> None:
    model = train.start(CONFIG, run)
    clip = data.held_clip(CONFIG, 0)
    with torch.no_grad():
        made = model(torch.from_numpy(clip[None]).float() / 255).numpy()

    assert figures(CONFIG, clip[None], made)["psnr_db"] > 20
    assert figures(CONFIG, clip[None], np.full_like(made, 0.5))["psnr_db"] < 16


def test_a_few_steps_of_training_lower_the_loss(run: Path) -> None:
    model = train.start(CONFIG, run)
    crops = torch.from_numpy(np.stack(list(data.read_crops(run)[0][:4]))).float() / 255
    optimiser = torch.optim.Adam(model.decoder.parameters(), lr=2e-4)
    losses = []
    for _ in range(30):
        loss = train.pixel_loss(CONFIG, model(crops), crops)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))

    assert losses[-1] < 0.98 * losses[0]


def test_slots_decoded_one_by_one_join_as_if_decoded_at_once(run: Path) -> None:
    whole = train.load(CONFIG, run)
    for memory in (whole.decoder.trunk.slot_memory, whole.decoder.trunk.key_memory):
        torch.nn.init.normal_(memory.second.weight, std=0.1)  # so short a training has hardly begun to use them
    latents = torch.randn(1, 3, CONFIG.channels, *CONFIG.cells)
    with torch.no_grad():
        at_once = whole.decoder(latents)
        alone = whole.decoder(latents[:, 2:])
        states = list(whole.decoder.states(1, *CONFIG.cells))
        for slot in range(3):
            *maps, states[0], states[1] = whole.decoder.trunk(latents[:, slot], *states)
    joined = whole.decoder.tail.pixels(*maps).reshape(at_once[0, 2].shape)

    assert torch.allclose(joined, at_once[0, 2], atol=1e-5)
    assert not torch.allclose(alone[0, 0], at_once[0, 2], atol=1e-3)  # what was before matters


def test_the_image_encoder_is_the_encoder_of_a_clip_that_stands_still(run: Path) -> None:
    whole = train.start(CONFIG, run)
    frame = torch.rand(1, 96, *(2 * side for side in CONFIG.cells))
    wanted = whole.encoder(frame.repeat(1, CONFIG.slot_frames, 1, 1))

    assert torch.allclose(ImageEncoder(whole.encoder)(frame), wanted, atol=1e-3, rtol=1e-3)


def test_the_exported_parts_decode_on_the_board_what_torch_decodes(run: Path) -> None:
    whole = train.load(CONFIG, run)
    clip = data.held_clip(CONFIG, 3)
    with torch.no_grad():
        latents = whole.encoder(torch.from_numpy(clip).float() / 255)
        wanted = whole.decoder(latents[None])[0].clamp(0, 1).numpy() * 255
    frames = _on_the_board(run / "parts", latents.numpy())

    error = (frames.reshape(wanted.shape).astype(np.float64) - wanted) ** 2
    assert 10 * np.log10(255**2 / error.mean()) > 30
    assert set(json.loads((run / "parts" / "parity.json").read_text())) == {"trunk", "tail"}


def test_a_run_goes_on_from_its_checkpoint(run: Path) -> None:
    before = torch.load(run / "decoder.pt", weights_only=True)
    train.decoder(CONFIG, run)  # its minutes are used up: nothing to do, nothing forgotten
    after = torch.load(run / "decoder.pt", weights_only=True)

    assert after["step"] == before["step"] > 0
    assert all(torch.equal(value, after["model"][name]) for name, value in before["model"].items())


def test_reconstructions_are_judged_through_the_boards_own_decoder(run: Path) -> None:
    pair = next(evaluate.pairs(CONFIG, run, clips=1, seconds=1.0))

    assert pair.original.total == pair.made.total == 24
    assert pair.made.frames[0].shape == pair.original.frames[0].shape == (240, 284)
    assert not np.array_equal(pair.made.frames[5], pair.original.frames[5])


def _on_the_board(folder: Path, latents: np.ndarray) -> np.ndarray:
    decoder = open_decoder(CONFIG, folder)
    return np.stack([frame for slot in latents for key in decoder.frames(slot[None]) for frame in key])


def test_the_components_that_are_kept_are_those_that_the_shipped_decoder_inverts(tmp_path: Path) -> None:
    shutil.copyfile(Path(components.__file__).with_name("tinyreel.npz"), tmp_path / "encoder.npz")
    pack = Path(__file__).parents[2] / "models" / "tinyreel"
    manifest = load_manifest(pack)
    assert isinstance(manifest, VideoManifest)

    kept, decoded = components.load_components(tmp_path).basis, read_components(pack, manifest).basis

    assert kept.dtype == np.float32
    kept, decoded = (basis / np.linalg.norm(basis, axis=0) for basis in (kept, decoded))
    alike = np.abs(kept.T @ decoded)
    assert np.array_equal(alike.argmax(axis=0), np.arange(len(alike)))  # each is nearest to its own, from either side
    assert np.array_equal(alike.argmax(axis=1), np.arange(len(alike)))
    assert np.median(np.diag(alike)) > 0.8
