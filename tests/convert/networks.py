"""A small network with every operator whose weights may be stored otherwise, and inputs for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tools.convert.quantize import Feed, to_onnx

RNG = np.random.default_rng(7)
FEEDS: list[Feed] = [
    {"pixels": RNG.standard_normal((1, 8, 12, 12), np.float32), "number": np.array([number % 40], np.int64)}
    for number in range(6)
]


class Small(nn.Module):
    """Two convolutions with a Relu between, a table, and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(8, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.table = nn.Embedding(40, 64)
        self.wide, self.last = nn.Linear(64, 256), nn.Linear(256, 96)

    def forward(self, pixels: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
        seen = torch.relu(self.second(torch.relu(self.first(pixels)))).mean(dim=(2, 3))
        return self.last(torch.nn.functional.silu(self.wide(seen + self.table(number))))


def small_network(path: Path) -> Path:
    """Write it with random weights."""
    torch.manual_seed(5)
    inputs = {name: torch.from_numpy(value) for name, value in FEEDS[0].items()}
    to_onnx(path, Small(), inputs, ["said"])
    return path
