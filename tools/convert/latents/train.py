"""Training of the decoder from its closed-form start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tools.convert.latents.components import Components, load_components
from tools.convert.latents.config import Config
from tools.convert.latents.data import SLOTS, held_crops, read_crops
from tools.convert.latents.measure import figures
from tools.convert.latents.network import Decoder, Encoder
from tools.convert.latents.start import start_decoder
from tools.convert.tinyvideo.loop import Average, cosine, resume, run_loop, set_rate
from tools.convert.tinyvideo.world import RENDERER, World

MOVING = 8 / 255  # a sample that changes more than this within a slot counts as moving
MOVING_WEIGHT = 4.0
CHROMA_WEIGHT = 0.3
SQUARE_WEIGHT = 2.0
TIME_WEIGHT, EDGE_WEIGHT = 0.5, 0.3
STILL = 1 / 255  # a sample that changes less than this from frame to frame must not shimmer
STILL_WEIGHT = 7.0
WARM_UP = 100  # steps
LINEAR_RATE = 0.1  # of the rate, for what is right from the start
CHECK_CLIPS = 12


class Autoencoder(nn.Module):
    """The encoder as it is, and the decoder in training."""

    def __init__(self, config: Config, components: Components) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(config, components), Decoder(config)

    def forward(self, blocks: Tensor, noise: float = 0.0) -> Tensor:
        """Blocks float [n, SLOTS, d, 2h, 2w] in 0..1 to the same, through the latents; `noise` is added to those."""
        latents = self.encoder(blocks.flatten(0, 1))
        latents = latents + noise * torch.randn_like(latents)
        return self.decoder(latents.reshape(blocks.shape[0], SLOTS, *latents.shape[1:]))


def start(config: Config, out: Path) -> Autoencoder:
    """A new autoencoder at its closed-form start."""
    components = load_components(out)
    torch.manual_seed(config.seed)
    model = Autoencoder(config, components)
    start_decoder(model.decoder, components, config)
    return model


def load(config: Config, out: Path) -> Autoencoder:
    """The trained autoencoder of a run, ready to use; at its start where training has not begun."""
    model = start(config, out)
    resume(out / "decoder.pt", model.decoder)
    return model.eval()


def decoder(config: Config, out: Path, *, world: World = RENDERER) -> None:
    """Train the decoder on crops of consecutive slots: `decoder.pt`, resumable."""
    path = out / "decoder.pt"
    model = start(config, out)
    average = Average(model.decoder)
    progress = resume(path, average.model)
    model.decoder.load_state_dict(average.model.state_dict())
    linear = model.decoder.linear_weights()
    rest = [weight for weight in model.decoder.parameters() if all(weight is not one for one in linear)]
    optimiser = torch.optim.Adam([{"params": rest}, {"params": linear}], betas=(0.9, 0.98))
    batches = _batches(config, out, seed=progress.step)
    held = np.stack([crop for number in range(CHECK_CLIPS) for crop in held_crops(config, number, world=world)])

    def step(share: float) -> float:
        step_count[0] += 1
        set_rate(optimiser, config.rate * cosine(share) * min(1.0, step_count[0] / WARM_UP))
        optimiser.param_groups[1]["lr"] *= LINEAR_RATE
        truth = next(batches)
        noise = float(torch.rand(())) * config.noise
        loss = pixel_loss(config, model(truth, noise), truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.decoder.parameters(), 1.0)
        optimiser.step()
        average.follow(model.decoder, progress.step)
        return float(loss.detach())

    def check() -> dict[str, float]:
        with torch.no_grad():
            made = average.model(held_latents)
        return figures(config, held, made.numpy())

    with torch.no_grad():
        held_latents = model.encoder(torch.from_numpy(held).flatten(0, 1).float() / 255).unflatten(0, held.shape[:2])
    step_count = [0]
    run_loop(path, average.model, progress, minutes=config.minutes, step=step, check=check)


def pixel_loss(config: Config, made: Tensor, truth: Tensor) -> Tensor:
    """Charbonnier and root mean square with weight on what moves, plus changes in time and edges of luma."""
    n, slots, _, rows, columns = truth.shape
    whole = truth.reshape(n, slots, config.slot_frames, 96, rows, columns)
    moving = (whole.amax(dim=2, keepdim=True) - whole.amin(dim=2, keepdim=True) > MOVING).expand_as(whole)
    shape = (n, slots * config.slot_frames, 96, rows, columns)
    made, truth, moving = made.reshape(shape), truth.reshape(shape), moving.reshape(shape)
    error = torch.sqrt((made - truth) ** 2 + 1e-5)
    change = truth.diff(dim=1)
    planes = torch.tensor([1.0, CHROMA_WEIGHT]).repeat_interleave(torch.tensor([64, 32]))[:, None, None]
    weight = (1 + MOVING_WEIGHT * moving) * planes
    loss = (error * weight).mean() + SQUARE_WEIGHT * torch.sqrt((error**2 * weight).mean())
    still = 1 + STILL_WEIGHT * (change.abs() < STILL)
    loss = loss + TIME_WEIGHT * ((made.diff(dim=1) - change).abs() * still).mean()
    return loss + EDGE_WEIGHT * _edges(made[:, ::3, :64] - truth[:, ::3, :64])


def _edges(difference: Tensor) -> Tensor:
    """Mean absolute gradient of a luma difference [n, t, 64, rows, columns]."""
    luma = functional.pixel_shuffle(difference.flatten(0, 1), 8)
    return luma.diff(dim=2).abs().mean() + luma.diff(dim=3).abs().mean()


def _batches(config: Config, out: Path, *, seed: int) -> Iterator[Tensor]:
    """Endless random batches of crops, float 0..1; new files are taken up as they appear."""
    rng = np.random.default_rng([config.seed, seed])
    while True:
        files = read_crops(out)
        for _ in range(200):
            chosen = [_pick(files, rng) for _ in range(config.batch)]
            yield torch.from_numpy(np.stack(chosen)).float() / 255


def _pick(files: list[NDArray[np.uint8]], rng: np.random.Generator) -> NDArray[np.uint8]:
    file = files[int(rng.integers(len(files)))]
    return np.asarray(file[int(rng.integers(len(file)))])
