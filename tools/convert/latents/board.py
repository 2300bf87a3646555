"""The exported decoder as a board opens it; nothing here needs torch."""

from __future__ import annotations

from pathlib import Path

from edge.manifest import Latent
from edge.video.decoder import Decoder
from edge.video.session import open_session
from tools.convert.latents.config import Config
from tools.convert.pack import part_of

STATES = {"slot_state": "next_slot_state", "key_state": "next_key_state"}


def open_decoder(config: Config, folder: Path, *, threads: int = 1) -> Decoder:
    """`edge.video`'s decoder on the trunk and the tail in `folder`."""
    trunk, tail = part_of(folder / "trunk.onnx", states=STATES), part_of(folder / "tail.onnx")
    opened = [open_session(folder / part.file, part, threads=threads)[0] for part in (trunk, tail)]
    latent = Latent(config.channels, *config.cells, config.slot_frames, config.keys)
    return Decoder(opened[0], opened[1], trunk, latent)
