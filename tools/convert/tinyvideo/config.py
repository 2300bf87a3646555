"""One training run's sizes and budgets, read from a YAML file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tools.convert.latents.config import Config as Autoencoder


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every number of a run; `minutes` are wall time on this machine. The autoencoder's part names the pack.

    `anonymous_mib` is what a board was seen to need for a clip, beside the libraries; boards learn their own figure.
    """

    autoencoder: Autoencoder
    seed: int = 1
    width: int = 128
    deep: int = 160
    texels: int = 96
    rows: int = 120
    features: int = 7
    shades: int = 24
    clips_per_shard: int = 50
    slots_per_clip: int = 2
    shards: int = 60
    minutes: float = 480.0
    batch: int = 4
    crops: int = 16
    crop_cells: int = 16
    rate: float = 1.0e-3
    painter_minutes: float = 40.0
    painter_rate: float = 3.0e-3
    calibration_clips: int = 24
    anonymous_mib: float = 110.0
    steps: tuple[int, ...] = (1,)
    view_files: int = 40
    recogniser_minutes: float = 335.0


def load_config(path: Path) -> Config:
    """Read a config; an unknown key is an error that names it."""
    return msgspec.yaml.decode(path.read_bytes(), type=Config)
