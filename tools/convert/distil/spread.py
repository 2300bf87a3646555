"""Work that is spread over all processes that accelerate or torchrun started: one, where nobody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from accelerate import PartialState

from tools.convert.steps import Progress


def state() -> PartialState:
    """Which of the processes this is. GPUs are used where there are some."""
    return PartialState(cpu=not torch.cuda.is_available())


def spread(numbers: Sequence[int], work: Callable[[int], object], *, tell: Progress) -> None:
    """Call `work` for the numbers that fall to this process, and wait until all processes are done with theirs."""
    here = state()
    here.wait_for_everyone()  # what is missing is the same for all, since nobody has begun
    with here.split_between_processes(list(numbers)) as mine:
        for index, number in enumerate(mine):
            work(number)
            tell((index + 1) / len(mine))
    here.wait_for_everyone()
