"""The training phases. Each reads what the phases before it wrote, logs a line at a time, and resumes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tools.convert.scenes.scene import NUISANCE
from tools.convert.tinyvideo.autoencoder import Decoder, Pca, fit_pca
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import (
    HELD_OUT_SEED,
    all_keys,
    attributes,
    load_vocabulary,
    random_scene,
    render_keys,
    scene_map,
    to_blocks,
    training_scenes,
)
from tools.convert.tinyvideo.student import Student

EMA = 0.999
REFINE_SHARE = 0.25
REFINE_FROM = 0.6
REFINE_TIME = 0.5
OBJECT_WEIGHT = 2.0
CROP_SHARE = 0.5
CROP_CELLS = 12
SAVE_EVERY_S = 120.0
LOG_EVERY_S = 15.0


def pixels(config: Config, out: Path) -> None:
    """Render clips of two consecutive slots for the PCA and the decoder: `pixels.npy`."""
    path = out / "pixels.npy"
    if path.exists():
        return
    vocabulary = load_vocabulary()
    clips = []
    for scene in training_scenes(vocabulary, first=HELD_OUT_SEED // 2, count=config.decoder_clips):
        first = int(scene.z[0] * 1000) % (all_keys(config, scene) - 2 * config.keys + 1)
        clips.append(render_keys(config, scene, list(range(first, first + 2 * config.keys))))
    _write(path, lambda file: np.save(file, np.stack(clips)))


def pca(config: Config, out: Path) -> None:
    """Fit the encoder: `pca.npz`."""
    if (out / "pca.npz").exists():
        return
    clips = np.load(out / "pixels.npy", mmap_mode="r")
    packed = np.concatenate(list(clips[:: max(1, len(clips) // 300)]))
    fitted = fit_pca(packed, channels=config.latent_channels, samples=200_000, seed=config.seed)
    fitted.save(out / "pca.npz")
    kept = packed[::37]
    codes = fitted.encode(kept) * fitted.std[:, None, None]
    back = np.einsum("nchw,dc->nhwd", codes, fitted.basis) + fitted.mean
    error = float(np.mean((np.clip(back, 0, 1) - to_blocks(kept)) ** 2))
    _log(out / "pca.log", channels=config.latent_channels, psnr_db=-10 * np.log10(error))


def shards(config: Config, out: Path, *, part: int = 0, parts: int = 1) -> None:
    """Render, encode and write the student's shards; several processes may each take a part."""
    vocabulary = load_vocabulary()
    encoder = Pca.load(out / "pca.npz")
    folder = out / "shards"
    folder.mkdir(exist_ok=True)
    for number in range(part, config.shards, parts):
        if (folder / f"{number:04d}.latents.npy").exists():
            continue
        rows = [_shard_rows(config, vocabulary, encoder, seed) for seed in _shard_seeds(config, number)]
        names = ("attributes", "z", "layout", "latents")
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            joined = np.concatenate(values)
            _write(folder / f"{number:04d}.{name}.npy", lambda file, data=joined: np.save(file, data))


def _shard_seeds(config: Config, number: int) -> range:
    return range(number * config.clips_per_shard, (number + 1) * config.clips_per_shard)


def _shard_rows(config: Config, vocabulary: object, encoder: Pca, seed: int) -> tuple[NDArray[np.generic], ...]:
    scene = random_scene(vocabulary, seed=seed)  # type: ignore[arg-type]
    rng = np.random.default_rng([seed, 0x4D])
    keys = sorted(int(k) for k in rng.permutation(all_keys(config, scene))[: config.keys_per_clip])
    latents = encoder.encode(render_keys(config, scene, keys))
    layout = scene_map(config, vocabulary, scene, keys)  # type: ignore[arg-type]
    row = attributes(vocabulary, scene.shot.slots)  # type: ignore[arg-type]
    return (
        np.repeat(row[None], len(keys), 0), np.repeat(scene.z[None], len(keys), 0),
        layout.astype(np.float16), latents.astype(np.float16),
    )  # fmt: skip


def decoder(config: Config, out: Path) -> None:
    """Train the residual decoder on crops of consecutive slots: `decoder.pt`."""
    encoder = Pca.load(out / "pca.npz")
    clips = np.load(out / "pixels.npy", mmap_mode="r")
    held = clips[:8]
    model = Decoder(config, encoder)
    state = _resume(out / "decoder.pt", model)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    rng = np.random.default_rng([config.seed, int(state["step"])])
    budget = config.decoder_minutes * 60

    def step(share: float) -> float:
        _set_rate(optimiser, 1e-3 * (0.5 * (1 + np.cos(np.pi * share)) + 0.01))
        loss = torch.zeros(())
        for _ in range(config.decoder_batch):
            latents, truth = _crop(config, encoder, clips, rng)
            loss = loss + _pixel_loss(model(latents), truth) / config.decoder_batch
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    def check() -> dict[str, float]:
        return {"psnr_db": decoder_psnr(model, encoder, held)}

    _loop(out, "decoder", model, model, state, budget=budget, step=step, check=check)


def _crop(
    config: Config, encoder: Pca, clips: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Latents and pixels of one random square of cells of one clip; the latents a little noisy, as the student's are."""
    clip = clips[rng.integers(8, len(clips))]
    cells = min(9, config.cells[0])
    i, j = (int(rng.integers(0, side - cells + 1)) for side in config.cells)
    window = clip[:, :, 4 * i : 4 * (i + cells), 4 * j : 4 * (j + cells)]
    latents = torch.from_numpy(encoder.encode(window))
    latents = latents + float(rng.uniform(0, 0.12)) * torch.randn_like(latents)
    return latents, torch.from_numpy(window.astype(np.float32) / 255)


def _pixel_loss(made: Tensor, truth: Tensor) -> Tensor:
    return (made - truth).abs().mean() + 2 * functional.mse_loss(made, truth).sqrt()


def decoder_psnr(model: Decoder, encoder: Pca, clips: NDArray[np.uint8]) -> float:
    """PSNR in dB of encoding and decoding packed clips [n, keys, p, h, w]."""
    errors = []
    with torch.no_grad():
        for clip in clips:
            made = model(torch.from_numpy(encoder.encode(clip))).clamp(0, 1).numpy()
            errors.append(float(np.mean((made - clip.astype(np.float32) / 255) ** 2)))
    return float(-10 * np.log10(np.mean(errors)))


def new_student(config: Config, layout: int) -> Student:
    """An untrained student of the config's sizes."""
    sizes = [len(slot.values) for slot in load_vocabulary().values()]
    return Student(
        sizes, noise=NUISANCE, layout=layout, latent=config.latent_channels,
        width=config.student_width, deep=config.student_deep,
    )  # fmt: skip


def student(config: Config, out: Path) -> None:
    """Simulator distillation on the shards (new ones are picked up as they appear): `student.pt`."""
    torch.manual_seed(config.seed)
    store = _Shards(out / "shards")
    weights = _channel_weights(Pca.load(out / "pca.npz"))
    model = new_student(config, store.layout_channels).to(memory_format=torch.channels_last)
    average = new_student(config, store.layout_channels)
    average.load_state_dict(model.state_dict())
    state = _resume(out / "student.pt", average)
    model.load_state_dict(state.get("raw", average.state_dict()))
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.student_rate, betas=(0.9, 0.98), weight_decay=1e-4)
    if "optimiser" in state:
        optimiser.load_state_dict(state["optimiser"])
    rng = np.random.default_rng([config.seed, int(state["step"])])
    budget = config.student_minutes * 60

    def step(share: float) -> float:
        warm = min(1.0, (state["step"] + 1) / 200)
        _set_rate(optimiser, config.student_rate * warm * (0.5 * (1 + np.cos(np.pi * share)) + 0.01))
        if rng.uniform() < CROP_SHARE:
            crowd = config.student_batch * config.cells[0] * config.cells[1] // CROP_CELLS**2
            row, z, layout, latents = store.batch(crowd, rng, crop=True)
        else:
            row, z, layout, latents = store.batch(config.student_batch, rng)
        before, time_ = torch.zeros_like(latents), torch.ones(len(row))
        if share > REFINE_FROM and rng.uniform() < REFINE_SHARE:
            with torch.no_grad():
                before = model(row, z, time_, layout, before)
            time_ = torch.full_like(time_, REFINE_TIME)
        made = model(row, z, time_, layout, before)
        loss = _latent_loss(made, latents, layout, weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        blend = min(EMA, (state["step"] + 1) / (state["step"] + 10))
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 1 - blend)
        return float(loss.detach())

    def extra() -> dict[str, object]:
        return {"raw": model.state_dict(), "optimiser": optimiser.state_dict()}

    _loop(
        out, "student", average, model, state, budget=budget, step=step, check=dict, extra=extra, refresh=store.refresh
    )


def _latent_loss(made: Tensor, truth: Tensor, layout: Tensor, weights: Tensor) -> Tensor:
    focus = 1 + OBJECT_WEIGHT * layout[:, :1]
    return ((made - truth).abs() * focus * weights).mean()


def _channel_weights(encoder: Pca) -> Tensor:
    """Between equal weight per standardised channel and equal weight per pixel: the square root of the std."""
    weights = np.sqrt(encoder.std / encoder.std[0])
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))[:, None, None]


class _Shards:
    """Random batches out of whatever shards are complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[NDArray[np.generic], ...]] = []
        self.names: set[str] = set()
        self.refresh()
        while not self.files:
            time.sleep(2)
            self.refresh()
        self.layout_channels = int(self.files[0][2].shape[1])

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("*.latents.npy")):
            number = path.name.split(".")[0]
            if number not in self.names:
                self.names.add(number)
                parts = ("attributes", "z", "layout", "latents")
                self.files.append(tuple(np.load(self.folder / f"{number}.{part}.npy", mmap_mode="r") for part in parts))

    def batch(self, size: int, rng: np.random.Generator, *, crop: bool = False) -> tuple[Tensor, ...]:
        """Random rows; with `crop` only a square of cells around a subject, where most of the work is."""
        pieces = 4
        picked: list[list[NDArray[np.generic]]] = [[], [], [], []]
        for _ in range(pieces):
            file = self.files[rng.integers(len(self.files))]
            rows = rng.integers(len(file[0]), size=size // pieces)
            for kind in range(4):
                picked[kind].append(file[kind][rows])
        row, z, layout, latents = (np.concatenate(part) for part in picked)
        if crop:
            layout, latents = _crops(layout, latents, rng)
        form = torch.channels_last
        maps = (torch.from_numpy(part.astype(np.float32)).contiguous(memory_format=form) for part in (layout, latents))
        return torch.from_numpy(row), torch.from_numpy(z), *maps


def _crops(
    layout: NDArray[np.generic], latents: NDArray[np.generic], rng: np.random.Generator
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Squares around a random cell of a subject; corners are even, so that the stride-2 level stays aligned."""
    cut: list[tuple[NDArray[np.generic], NDArray[np.generic]]] = []
    for maps, truth in zip(layout, latents, strict=True):
        inside = np.argwhere(maps[0] > 0)
        i, j = inside[rng.integers(len(inside))] if len(inside) else (0, 0)
        corner = [
            int(np.clip(centre - rng.integers(0, CROP_CELLS), 0, side - CROP_CELLS)) // 2 * 2
            for centre, side in zip((i, j), maps.shape[1:], strict=True)
        ]
        window = (slice(None), slice(corner[0], corner[0] + CROP_CELLS), slice(corner[1], corner[1] + CROP_CELLS))
        cut.append((maps[window], truth[window]))
    return np.stack([pair[0] for pair in cut]), np.stack([pair[1] for pair in cut])


def _loop(
    out: Path, name: str, keep: torch.nn.Module, train: torch.nn.Module, state: dict[str, object], *, budget: float,
    step: Callable[[float], float], check: Callable[[], dict[str, float]],
    extra: Callable[[], dict[str, object]] = dict, refresh: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """Call `step` until `budget` seconds are used (over all resumes), logging and saving on the way."""
    used = float(state["seconds"])  # type: ignore[arg-type]
    began = logged = saved = time.monotonic()
    losses: list[float] = []

    def save(seconds: float) -> None:
        kept = {"model": keep.state_dict(), "step": state["step"], "seconds": seconds, **extra()}
        _write(out / f"{name}.pt", lambda file: torch.save(kept, file))

    train.train()
    while (spent := used + time.monotonic() - began) < budget:
        losses.append(step(spent / budget))
        state["step"] = int(state["step"]) + 1  # type: ignore[call-overload]
        now = time.monotonic()
        if now - logged > LOG_EVERY_S:
            _log(out / f"{name}.log", step=state["step"], seconds=spent, loss=float(np.mean(losses)), **check())
            logged, losses = time.monotonic(), []
            refresh()
        if now - saved > SAVE_EVERY_S:
            save(spent)
            saved = now
    save(used + time.monotonic() - began)


def _resume(path: Path, model: torch.nn.Module) -> dict[str, object]:
    if not path.exists():
        return {"step": 0, "seconds": 0.0}
    state: dict[str, object] = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])  # type: ignore[arg-type]
    return state


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = float(rate)  # a numpy number would not load back with weights_only


def _log(path: Path, **values: object) -> None:
    line = {key: round(float(value), 5) for key, value in values.items()}  # type: ignore[arg-type]
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _write(path: Path, save: Callable[..., object]) -> None:
    """Write through a temporary name, so that a file that exists is whole."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        save(file)
    part.replace(path)
