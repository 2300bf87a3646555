"""Are the weights of a checkpoint numbers at all? Read once, tensor by tensor, before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from edge.errors import ModelError

HALF_MOST = 65504.0
Progress = Callable[[float], None]


def check_weights(
    weights: Sequence[Path], *, parameters: int, where: Path, progress: Progress = lambda _: None
) -> float:  # fmt: skip
    """The largest absolute weight of these files of the folder `where`. Raises ModelError where one is NaN or infinite, naming the tensors."""
    most, broken, seen = 0.0, [], 0
    for path in weights:
        with safe_open(str(path), framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                tensor = file.get_tensor(name)
                wrong, largest = _look(tensor)
                most = max(most, largest)
                broken += [f"{name} ({wrong} of {tensor.numel()})"] if wrong else []
                seen += tensor.numel()
                progress(seen / max(parameters, 1))
    if broken:
        others = f" and {len(broken) - 3} more tensors" if len(broken) > 3 else ""
        raise ModelError(
            f"{where} holds weights that are no numbers (NaN or infinite): {', '.join(broken[:3])}{others}. "
            "Such a model answers nonsense. Nothing was written.",
            hint="Take an earlier checkpoint of the training, or fetch the file again.",
        )
    return most


def _look(tensor: Any) -> tuple[int, float]:
    """How many values are not finite, and the largest absolute one of those that are."""
    if not tensor.is_floating_point() or not tensor.numel():
        return 0, 0.0
    low, high = (float(value) for value in torch.aminmax(tensor.float()))
    if torch.isfinite(torch.tensor([low, high])).all():
        return 0, max(abs(low), abs(high))
    return int((~torch.isfinite(tensor)).sum()), 0.0
