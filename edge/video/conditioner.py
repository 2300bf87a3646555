"""Slots and noise -> FiLM: everything about a shot that does not move."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.manifest import Slot


class Conditioner:
    """The conditioner part of a pack."""

    def __init__(self, session: ort.InferenceSession, vocabulary: Mapping[str, Slot]) -> None:
        self._session = session
        self._vocabulary = vocabulary

    def film(self, slots: Mapping[str, str], noise: NDArray[np.float32], timestep: float) -> NDArray[np.float32]:
        """FiLM channels float32 [1, f, 1, 1] for slot values, noise float32 [k] and one timestep."""
        inputs = {
            "attributes": self.row(slots),
            "noise": noise[None].astype(np.float32),
            "timestep": np.array([timestep], np.float32),
        }
        film = np.asarray(self._session.run(["film"], inputs)[0], np.float32)
        return film[..., None, None]

    def row(self, slots: Mapping[str, str]) -> NDArray[np.int64]:
        """The numbers int64 [1, slots] of all values, in the order of the vocabulary."""
        return np.array([[self.number(name, slots) for name in self._vocabulary]], np.int64)

    def number(self, name: str, slots: Mapping[str, str]) -> int:
        """The number of a slot's value in the pack. Raises ModelError for a value that the pack does not know."""
        values = list(self._vocabulary[name].values)
        value = slots.get(name, self._vocabulary[name].default)
        if value not in values:
            raise ModelError(f"This pack cannot draw {name} {value!r}.", hint=f"It knows: {', '.join(values)}.")
        return values.index(value)
