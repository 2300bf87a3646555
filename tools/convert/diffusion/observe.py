"""What passes through the layers of a network while it works: the range of every convolution's input and output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

Ranges = dict[str, tuple[float, float]]


@contextmanager
def observed(module: nn.Module) -> Iterator[Ranges]:
    """Ranges by the name of the layer's weight, with `.in` or `.out`; they grow while the block runs the module."""
    seen: Ranges = {}

    def note(name: str, values: torch.Tensor) -> None:
        low, high = (float(value) for value in torch.aminmax(values.detach()))
        least, most = seen.get(name, (low, high))
        seen[name] = min(low, least), max(high, most)

    def hook(name: str) -> Any:
        def look(_module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: torch.Tensor) -> None:
            note(f"{name}.weight.in", given[0] if given else named["input"])
            note(f"{name}.weight.out", output)

        return look

    layers = {name: one for name, one in module.named_modules() if isinstance(one, nn.Conv2d)}
    handles = [layer.register_forward_hook(hook(name), with_kwargs=True) for name, layer in layers.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
