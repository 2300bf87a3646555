"""Which channels of a student can go, what they hang on, and what a student of given sizes costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.convert.tinyvideo.student import Student
from tools.convert.tinyvideo.textures import GRID

STREAM = "stream"  # what the blocks add to
SHADE = ("shade.given", "shade.look", "shade.mix")
Counts = Mapping[str, int]

# What a value costs in multiplications of float32, as measured on one core with AVX-512: to scale, move and cut it off, and
# to bring it in and out of the order that convolutions want it in, is work of memory. There the values of sixteen channels
# lie together, wanted or not. INT8 is about twice as quick.
TOUCHED = 100.0
VECTOR = 16
INT8 = 0.45


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """Channels between two layers: rows of the `makers`, columns of the `taker`, and rows of the film number `film`.

    There are `samples` of them in a cell.
    """

    name: str
    makers: tuple[str, ...]
    taker: str
    film: int | None
    samples: int


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One convolution: its weights, and multiplications in a cell; `hidden` values come out of it, scaled and moved."""

    weights: int
    samples: int
    hidden: int = 0
    int8: bool = False

    @property
    def multiplications(self) -> int:
        """In one cell."""
        return self.weights * self.samples

    @property
    def work(self) -> float:
        """In one cell, in multiplications of float32."""
        touched = -(-self.hidden // VECTOR) * VECTOR * self.samples
        return self.multiplications * (INT8 if self.int8 else 1.0) + touched * TOUCHED


def hidden_of(student: Student) -> list[Hidden]:
    """Every set of hidden channels of the denoiser, from the front to the back."""
    keys = student.shape.keys
    given, look, mix = SHADE
    blocks = [f"blocks.{number}" for number in range(len(student.denoiser.blocks))]
    return [
        Hidden(name=given, makers=("shade.given.0",), taker="shade.given.2", film=None, samples=keys),
        Hidden(name=look, makers=("shade.look", "shade.given.2"), taker=mix, film=0, samples=keys * GRID),
        Hidden(name=mix, makers=(mix,), taker="shade.leave", film=1, samples=keys * GRID),
        *(
            Hidden(name=name, makers=(f"{name}.expand",), taker=f"{name}.shrink", film=film, samples=1)
            for film, name in enumerate(["inlet", *blocks], 2)
        ),
    ]


def counts_of(student: Student) -> dict[str, int]:
    """How many channels each set has, and the stream."""
    rows = {one.name: student.denoiser.get_submodule(one.makers[0]).weight.shape[0] for one in hidden_of(student)}
    return {**rows, STREAM: student.denoiser.outlet.weight.shape[1]}


def layers_of(student: Student, counts: Counts) -> list[Layer]:
    """The denoiser's layers if it had that many channels. A block without any is not there."""
    keys, (given, look, mix) = student.shape.keys, (counts[name] for name in SHADE)
    net, width = student.denoiser, counts[STREAM]
    layers = [
        Layer(weights=net.shade.given[0].weight.shape[1] * given, samples=keys, hidden=0),
        Layer(weights=given * look, samples=keys),
        Layer(weights=net.shade.look.weight.shape[1] * look, samples=keys * GRID, hidden=look),
        Layer(weights=look * mix, samples=keys * GRID, hidden=mix),
        Layer(weights=mix * net.shade.leave.weight.shape[0], samples=keys * GRID),
        Layer(weights=net.inlet.expand.weight.shape[1] * counts["inlet"], samples=1, hidden=counts["inlet"]),
        Layer(weights=counts["inlet"] * width, samples=1),
        Layer(weights=width * net.outlet.weight.shape[0], samples=1),
        Layer(weights=net.straight.weight.numel(), samples=1),
    ]
    for number, block in enumerate(net.blocks):
        hidden, kernel = counts[f"blocks.{number}"], block.expand.weight.shape[-1]
        layers.append(Layer(weights=width * kernel**2 * hidden, samples=1, hidden=hidden, int8=True))
        layers.append(Layer(weights=hidden * width, samples=1, int8=True))
    return layers


def multiplications(student: Student, counts: Counts) -> int:
    """In one cell."""
    return sum(layer.multiplications for layer in layers_of(student, counts))


def work(student: Student, counts: Counts) -> float:
    """In one cell, in multiplications of float32: about as long as it takes."""
    return sum(layer.work for layer in layers_of(student, counts))
