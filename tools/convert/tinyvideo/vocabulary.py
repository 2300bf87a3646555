"""The caption vocabulary of the training world, as the packs that are made here carry it in their manifests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from edge.manifest import Slot

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.yaml")


@cache
def load_vocabulary() -> dict[str, Slot]:
    """Slots in embedding order, each with its values in embedding order."""
    return msgspec.yaml.decode(VOCABULARY_FILE.read_bytes(), type=dict[str, Slot])
