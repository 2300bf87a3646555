"""Batches of tokens from the file that tools/convert/expander/tokens.py writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Lengths are sorted within so many batches at a time: little padding, and still another order each time.
WINDOW = 32


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`begin` [m] int64 is what all examples begin with, and `tokens` [n, time] int64 the rest, padded on the right.

    `wanted` [n, time] is where the next token is learned, `targets` [learned] are those, and `also` [learned, most] what
    would please as well, filled up with -1.
    """

    begin: Tensor
    tokens: Tensor
    wanted: Tensor
    targets: Tensor
    also: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(**{name: part.to(device) for name, part in vars(self).items()})


class Tokens:
    """All examples of a file."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            self._tokens, self._learned, self._starts = file["tokens"], file["learned"], file["starts"]
            self._also, self._also_starts = file["also"].astype(np.int64), file["also_starts"]
            self.think, self.chinese = file["think"], file["chinese"]
        self.lengths = np.diff(self._starts)
        self._begin = self._common()

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, numbers: NDArray[np.int64]) -> Batch:
        """The examples of these numbers together."""
        begin = len(self._begin)
        longest = int(self.lengths[numbers].max()) - begin
        tokens = torch.zeros(len(numbers), longest, dtype=torch.int64)
        learned = torch.zeros(len(numbers), longest, dtype=torch.bool)
        for row, number in enumerate(numbers):
            span = slice(self._starts[number] + begin, self._starts[number + 1])
            length = int(self.lengths[number]) - begin
            tokens[row, :length] = torch.from_numpy(self._tokens[span].astype(np.int64))
            learned[row, :length] = torch.from_numpy(self._learned[span])
        # The last token of an example predicts nothing that is learned.
        wanted, counts = learned[:, 1:], learned.sum(dim=1)
        targets = tokens[:, 1:][wanted]
        return Batch(
            begin=self._begin, tokens=tokens[:, :-1], wanted=wanted, targets=targets,
            also=self._pleasing(numbers, last=counts.cumsum(dim=0) - 1, total=len(targets)),
        )  # fmt: skip

    def _pleasing(self, numbers: NDArray[np.int64], *, last: Tensor, total: int) -> Tensor:
        """[total, most]: what would please as well as the last learned token of each example."""
        listed = [self._also[self._also_starts[number] : self._also_starts[number + 1]] for number in numbers]
        also = torch.full((total, max(1, *map(len, listed))), -1)
        for row, tokens in zip(last.tolist(), listed, strict=True):
            also[row, : len(tokens)] = torch.from_numpy(tokens)
        return also

    def _common(self) -> Tensor:
        """What every example begins with: it is the same prompt."""
        most = min(int(self.lengths.min()), int(self._learned[: self.lengths[0]].argmax()))
        rows = self._tokens[self._starts[:-1, None] + np.arange(most)]
        same = (rows == rows[0]).all(axis=0)
        return torch.from_numpy(rows[0][: most if same.all() else int(same.argmin())].astype(np.int64))

    def order(self, *, size: int, seed: int) -> list[NDArray[np.int64]]:
        """One time through all examples, in batches of `size` of about the same length each."""
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(self))
        batches = []
        for start in range(0, len(shuffled), size * WINDOW):
            window = shuffled[start : start + size * WINDOW]
            ordered = window[np.argsort(self.lengths[window], kind="stable")]
            batches += [ordered[at : at + size] for at in range(0, len(ordered), size)]
        return [batches[index] for index in rng.permutation(len(batches))]
