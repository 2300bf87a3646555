"""The numbers of an autoencoder run, read from a YAML file."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes and budgets. Pixels are of the model's own canvas; `minutes` are wall time on this machine."""

    name: str
    tier: str
    seed: int = 1
    height: int = 480
    width: int = 864
    keys: int = 4
    frames_per_key: int = 3
    channels: int = 96
    slot_width: int = 112
    detail_width: int = 64
    key_width: int = 48
    tail_width: int = 80
    clips: int = 1600
    crop_cells: int = 12
    minutes: float = 40.0
    batch: int = 4
    rate: float = 3.0e-4
    noise: float = 0.08
    calibration_clips: int = 24

    @property
    def cells(self) -> tuple[int, int]:
        """The latent grid: (height, width) in cells of 16 x 16 pixels."""
        return self.height // 16, self.width // 16

    @property
    def slot_frames(self) -> int:
        """Frames in one latent slot."""
        return self.frames_per_key * self.keys

    @property
    def block(self) -> int:
        """Samples of an 8 x 8 pixel block of one key: 64 of Y, 16 of U, 16 of V in each of its frames."""
        return 96 * self.frames_per_key


class _File(msgspec.Struct, frozen=True):
    autoencoder: Config


def load_config(path: Path) -> Config:
    """Read the `autoencoder` part of a run's config; an unknown key in it is an error that names it."""
    return msgspec.yaml.decode(path.read_bytes(), type=_File).autoencoder
