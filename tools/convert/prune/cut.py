"""Takes channels, directions of the stream and whole blocks out of a student; what reads the rest is fitted again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.convert.prune.choose import Orders, covariance_of, directions_of, linear_order, weight_of
from tools.convert.prune.eliminate import refit, restore, truncate
from tools.convert.prune.layers import STREAM, Hidden, hidden_of
from tools.convert.prune.observe import LEAVE, MIX, Moments, readers_of
from tools.convert.tinyvideo.restore import put
from tools.convert.tinyvideo.student import Student

Floats = NDArray[np.float64]


def cut(student: Student, seen: Moments, orders: Orders, counts: Mapping[str, int], *, linear: int) -> None:
    """Leave `counts` channels of each set of the denoiser, which go in these orders, and `linear` of the conditioner.

    Changes the student.
    """
    _cut_linear(student, seen, linear)
    films = []
    for one in hidden_of(student):
        kept = np.sort(orders[one.name][len(orders[one.name]) - counts[one.name] :])
        _cut_hidden(student, one, kept, seen.gram[f"denoiser.{one.taker}"])
        if one.film is not None:
            films.append((kept, len(orders[one.name])))
    _keep_rows(student.get_submodule(LEAVE), _film_rows(films))
    if counts[STREAM] < student.denoiser.outlet.in_channels:
        _cut_stream(student, seen, counts[STREAM])
    _drop_blocks(student)


def _cut_hidden(student: Student, one: Hidden, kept: NDArray[np.intp], gram: Floats) -> None:
    name = f"denoiser.{one.taker}"
    _set(student.get_submodule(name), *refit(*weight_of(student, name), gram, kept))
    for maker in one.makers:
        _keep_rows(student.denoiser.get_submodule(maker), kept)


def _cut_linear(student: Student, seen: Moments, count: int) -> None:
    """The channels that `mix` adds to: what it adds has to come from those that stay."""
    order, _ = linear_order(student, seen)
    kept = np.sort(order[len(order) - count :])
    _set(student.get_submodule(LEAVE), *refit(*weight_of(student, LEAVE), seen.gram[LEAVE], kept))
    weight, bias = weight_of(student, MIX)
    whole, bias = refit((weight + np.eye(len(weight)))[kept], bias[kept], seen.gram[MIX], kept)
    _set(student.get_submodule(MIX), whole - np.eye(count), bias)
    _keep_rows(student.conditioner.enter, kept)


def _film_rows(films: Sequence[tuple[NDArray[np.intp], int]]) -> NDArray[np.intp]:
    """The rows of the film that stay: of each layer those that scale and those that move its kept channels."""
    rows, first = [], 0
    for kept, size in films:
        rows += [first + kept, first + size + kept]
        first += 2 * size
    return np.concatenate(rows)


def _cut_stream(student: Student, seen: Moments, count: int) -> None:
    net = student.denoiser
    directions = truncate(directions_of(student, seen), count)
    for maker in (net.inlet.shrink, *(block.shrink for block in net.blocks)):
        weight = maker.weight.detach().double().numpy()[..., 0, 0]
        _set(maker, directions.T @ weight, directions.T @ maker.bias.detach().double().numpy())
    for name in readers_of(student):
        reader, gram = net.get_submodule(name), seen.gram[f"denoiser.{name}"]
        back, mean = restore(covariance_of(gram), directions), gram[:-1, -1]
        weight = reader.weight.detach().double().numpy()
        lost = mean - back @ (directions.T @ mean)
        bias = reader.bias.detach().double().numpy() + weight.sum(axis=(2, 3)) @ lost
        _set(reader, np.einsum("dnij,nr->drij", weight, back), bias)


def _drop_blocks(student: Student) -> None:
    """A block without channels only adds a constant, which then comes with the inlet."""
    net, kept = student.denoiser, []
    for block in net.blocks:
        if block.expand.out_channels:
            kept.append(block)
        else:
            put(net.inlet.shrink, "bias", net.inlet.shrink.bias + block.shrink.bias)
    net.blocks = nn.ModuleList(kept)


def _keep_rows(layer: nn.Module, kept: NDArray[np.intp]) -> None:
    rows = torch.from_numpy(kept)
    put(layer, "weight", layer.weight[rows])
    put(layer, "bias", layer.bias[rows])


def _set(layer: nn.Module, weight: Floats, bias: Floats) -> None:
    """A layer of one place may be given a matrix."""
    shape = weight.shape + (1,) * (layer.weight.ndim - weight.ndim)
    put(layer, "weight", torch.from_numpy(weight.reshape(shape)).float())
    put(layer, "bias", torch.from_numpy(bias).float())
