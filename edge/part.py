"""What manifests of every kind are made of: weight files, the parts of a network, and the canvas."""

from __future__ import annotations

import msgspec


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shape and dtype of one model input or output; a string in the shape is a symbolic dimension."""

    shape: list[int | str]
    dtype: str = "float32"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One ONNX file of a video pack. `states` pairs each input state with the output that replaces it.

    `data` is the file with its weights, where they are not in the ONNX file itself.
    """

    file: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    states: dict[str, str] = {}
    data: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that is read when the part is opened."""
        return (self.file, self.data) if self.data else (self.file,)


class WeightFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the pack, its size in bytes and its sha256 in hex."""

    sha256: str
    bytes: int


class Canvas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pixels: the model draws `width`x`height`, `scale` times enlarged, then cropped to `out_width`x`out_height`."""

    width: int
    height: int
    scale: int
    out_width: int
    out_height: int
    fps: int
