"""How alike two clips are: a plan as one small vector, made of its slots and of what the pack's conditioner makes of them.

The conditioner's output, drawn with no noise, is the pack's own embedding of the words: near for what looks alike, sky
and snowy mountains, red and orange, dim and natural light. It hardly knows what moves and how, since the layout says that
to the denoiser: swapping the subject leaves 0.99 of it. So the slots themselves are the larger part of the vector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.manifest import Slot, VideoManifest
from edge.plan import Shot
from edge.vectors import LENGTH, MIDDLE, RECIPE, WORDS_DIMS, dims_of
from edge.video.conditioner import Conditioner

Array = NDArray[np.float64]

LOOK_SHARE = 0.3
WEIGHTS = {"subject": 8.0, "motion": 3.0, "background": 3.0, "colour": 3.0, "count": 1.5}
PROBES = 32  # plans by lot
TAG = 0x11


def vector(shots: Sequence[Shot], conditioner: Conditioner, manifest: VideoManifest) -> bytes:
    """The vector of a plan: uint8 [dims_of], a unit vector times LENGTH around MIDDLE; shots count by their seconds.

    Raises ModelError for a slot value that the pack does not know.
    """
    made = unrounded(shots, conditioner, manifest, centre=centre_of(conditioner, manifest))
    return _rounded(made)


def of_words(text: str) -> bytes:
    """The vector of a plan of a pack that reads the prompt itself: a direction by lot, the same for the same words."""
    words = " ".join(text.casefold().split()).encode()
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(words).digest()[:8], "big"))
    return _rounded(_unit(rng.standard_normal(WORDS_DIMS)))


def unrounded(shots: Sequence[Shot], conditioner: Conditioner, manifest: VideoManifest, *, centre: Array) -> Array:
    """The same as a unit vector, float64 [dims_of]."""
    slots = np.sum([shot.seconds * _slots(shot, conditioner, manifest.vocabulary) for shot in shots], axis=0)
    look = np.sum([shot.seconds * _unit(_film(shot.slots, conditioner, manifest) - centre) for shot in shots], axis=0)
    seen = look @ _projection(len(look), dims_of(manifest) - len(slots))
    return np.concatenate([_unit(slots) * np.sqrt(1 - LOOK_SHARE), _unit(seen) * np.sqrt(LOOK_SHARE)])


def centre_of(conditioner: Conditioner, manifest: VideoManifest) -> Array:
    """The mean of the films of some plans, float64 [f]: what they have in common tells nothing."""
    rng = np.random.default_rng([RECIPE, TAG])
    plans = [
        {name: list(slot.values)[rng.integers(len(slot.values))] for name, slot in manifest.vocabulary.items()}
        for _ in range(PROBES)
    ]
    return np.asarray(np.mean([_film(plan, conditioner, manifest) for plan in plans], axis=0), np.float64)


def _rounded(made: Array) -> bytes:
    return bytes(np.clip(np.round(made * LENGTH) + MIDDLE, 0, 255).astype(np.uint8).tobytes())


def _slots(shot: Shot, conditioner: Conditioner, vocabulary: Mapping[str, Slot]) -> Array:
    """One-hot, slot after slot; the length of each is the root of its weight."""
    parts = []
    for name, slot in vocabulary.items():
        part = np.zeros(len(slot.values))
        part[conditioner.number(name, shot.slots)] = np.sqrt(WEIGHTS.get(name, 1.0))
        parts.append(part)
    return np.concatenate(parts)


def _film(slots: Mapping[str, str], conditioner: Conditioner, manifest: VideoManifest) -> Array:
    noise = np.zeros(manifest.noise.size, np.float32)
    return conditioner.film(slots, noise, 1.0).ravel().astype(np.float64)


@lru_cache(maxsize=1)
def _projection(size: int, dims: int) -> Array:
    """The same directions by lot every time; angles hold well enough, and lookups get 60 times less to read."""
    return np.random.default_rng([RECIPE, TAG, 1]).standard_normal((size, dims))


def _unit(values: Array) -> Array:
    return values / max(float(np.linalg.norm(values)), 1e-9)
