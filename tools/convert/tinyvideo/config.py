"""One training run's sizes and budgets, read from a YAML file."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every number of a run. Pixels are of the model's own canvas; `minutes` are wall time on this machine."""

    name: str
    tier: str
    seed: int = 1
    height: int = 240
    width: int = 432
    scale: int = 2
    frames_per_key: int = 3
    keys: int = 4
    latent_channels: int = 48
    decoder_width: int = 64
    tail_width: int = 32
    student_width: int = 64
    student_deep: int = 128
    clips_per_shard: int = 100
    keys_per_clip: int = 10
    shards: int = 30
    decoder_clips: int = 300
    decoder_minutes: float = 9.0
    decoder_batch: int = 2
    student_minutes: float = 66.0
    student_batch: int = 16
    student_rate: float = 1.0e-3
    calibration_clips: int = 24
    steps: tuple[int, ...] = (1,)
    view_files: int = 40
    recogniser_minutes: float = 48.0

    @property
    def cells(self) -> tuple[int, int]:
        """The latent grid: (height, width) in cells of 16 x 16 pixels."""
        return self.height // 16, self.width // 16

    @property
    def slot_frames(self) -> int:
        """Frames in one latent slot."""
        return self.frames_per_key * self.keys


def load_config(path: Path) -> Config:
    """Read a config; an unknown key is an error that names it."""
    return msgspec.yaml.decode(path.read_bytes(), type=Config)
