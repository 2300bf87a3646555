"""A finished clip on disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One H.264 MP4 file, complete and synced; `sha256` is of the whole file, `poster` may be empty."""

    path: str
    width: int
    height: int
    fps: int
    frames: int
    seconds: float
    codec: str
    bytes: int
    sha256: str
    poster: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
