"""The phases before training: pixels, the PCA encoder, and the student's shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot
from tools.convert.scenes.scene import Scene
from tools.convert.tinyvideo.autoencoder import Pca, fit_pca
from tools.convert.tinyvideo.config import Config
from tools.convert.tinyvideo.data import (
    all_keys,
    attributes,
    load_vocabulary,
    random_scene,
    render_keys,
    scene_map,
    to_blocks,
)
from tools.convert.tinyvideo.loop import log_line, write_array
from tools.convert.tinyvideo.store import PARTS

DECODER_SEED = 1 << 29


def pixels(config: Config, out: Path) -> None:
    """Render clips of two consecutive slots for the PCA and the decoder: `pixels.npy`."""
    path = out / "pixels.npy"
    if path.exists():
        return
    clips = [render_keys(config, scene, keys) for scene, keys in decoder_scenes(config)]
    write_array(path, np.stack(clips))


def decoder_scenes(config: Config) -> Iterator[tuple[Scene, list[int]]]:
    """The scenes of `pixels.npy` in order, each with the two slots' worth of keys that were rendered."""
    vocabulary = load_vocabulary()
    for seed in range(DECODER_SEED, DECODER_SEED + config.decoder_clips):
        scene = random_scene(vocabulary, seed=seed)
        first = int(np.random.default_rng(seed).integers(all_keys(config, scene) - 2 * config.keys + 1))
        yield scene, list(range(first, first + 2 * config.keys))


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
    log_line(out / "pca.log", {"channels": config.latent_channels, "psnr_db": float(-10 * np.log10(error))})


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
        for name, values in zip(PARTS, zip(*rows, strict=True), strict=True):  # latents last: they mark it complete
            write_array(folder / f"{number:04d}.{name}.npy", np.concatenate(values))


def _shard_seeds(config: Config, number: int) -> range:
    return range(number * config.clips_per_shard, (number + 1) * config.clips_per_shard)


def _shard_rows(
    config: Config, vocabulary: dict[str, Slot], encoder: Pca, seed: int
) -> tuple[NDArray[np.generic], ...]:
    scene = random_scene(vocabulary, seed=seed)
    rng = np.random.default_rng([seed, 0x4D])
    keys = sorted(int(k) for k in rng.permutation(all_keys(config, scene))[: config.keys_per_clip])
    latents = encoder.encode(render_keys(config, scene, keys))
    layout = scene_map(config, vocabulary, scene, keys)
    row = attributes(vocabulary, scene.shot.slots)
    return (
        np.repeat(row[None], len(keys), 0), np.repeat(scene.z[None], len(keys), 0),
        layout.astype(np.float16), latents.astype(np.float16),
    )  # fmt: skip
