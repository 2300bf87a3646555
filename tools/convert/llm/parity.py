"""Does the converted model say what the checkpoint says? Logits of both on the same tokens, and perplexity on a text.

The converted model is run as a board runs it: flash attention, the keys and values in the pack's own type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import numpy as np
import torch
from llama_cpp import Llama
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.manifest import BATCH_TOKENS

WINDOW = 256  # tokens that perplexity is counted over at a time
# Below these a conversion is wrong, whatever the model: the file in 16 bits is the model, and Q8_0 very nearly.
BARS = {"F16": 0.999, "F32": 0.999, "Q8_0": 0.99}
Logits = NDArray[np.float32]
Progress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What transformers computes: for each prompt its tokens and logits [tokens, vocabulary], and the text's loss."""

    tokens: list[list[int]]
    logits: list[Logits]
    windows: list[list[int]]
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Cosine of the logits over all positions, how often the likeliest token is the same, and perplexities."""

    cosine: float
    worst: float
    same_first: float
    positions: int
    perplexity: float | None = None
    reference_perplexity: float | None = None


def reference(
    folder: Path, tokens: list[list[int]], windows: list[list[int]], *, full: bool, progress: Progress = lambda _: None
) -> Reference:
    """Run the checkpoint in transformers; in float32 where `full`, else in the type of the file."""
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - seconds to import

    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32 if full else "auto", trust_remote_code=False, local_files_only=True
        )
    except (ValueError, OSError, KeyError) as exc:
        raise ModelError(
            f"transformers cannot open {folder}: {str(exc).splitlines()[0]} Without it nothing proves the conversion.",
            hint="The checkpoint must be of an architecture that this transformers holds; its own code is never run.",
        ) from exc
    logits, losses = [], []
    for done, part in enumerate([*tokens, *windows], 1):
        with torch.inference_mode():
            rows = model.eval()(torch.tensor([part])).logits[0].float().numpy()
        if done <= len(tokens):
            logits.append(rows)
        else:
            losses += _losses(rows, part)
        progress(done / (len(tokens) + len(windows)))
    return Reference(tokens=tokens, logits=logits, windows=windows, loss=float(np.mean(losses)) if losses else None)


def compare(path: Path, wanted: Reference, *, cache: str, threads: int, progress: Progress = lambda _: None) -> Parity:
    """Run a GGUF file on the tokens of the reference. Raises ModelError where llama.cpp cannot open it."""
    with _opened(path, cache=cache, threads=threads) as run:
        cosines, same = [], []
        for done, (tokens, theirs) in enumerate(zip(wanted.tokens, wanted.logits, strict=True), 1):
            ours = run(tokens)
            cosines.append(_cosines(ours, theirs))
            same.append(ours.argmax(axis=1) == theirs.argmax(axis=1))
            progress(done / (len(wanted.tokens) + len(wanted.windows)))
        losses = [loss for window in wanted.windows for loss in _losses(run(window), window)]
    values = np.concatenate(cosines)
    return Parity(
        cosine=float(values.mean()), worst=float(values.min()), same_first=float(np.concatenate(same).mean()),
        positions=len(values), perplexity=float(np.exp(np.mean(losses))) if losses else None,
        reference_perplexity=None if wanted.loss is None else float(np.exp(wanted.loss)),
    )  # fmt: skip


def check(parity: Parity, *, kind: str, path: Path) -> None:
    """Raise ModelError for a conversion that is not the model any more."""
    bar = BARS.get(kind, -1.0)
    if not parity.cosine >= bar:
        raise ModelError(
            f"{path.name} does not say what the checkpoint says: the cosine of their logits is {parity.cosine:.4f} over "
            f"{parity.positions} positions; {kind} has to reach {bar}. No pack was made.",
            hint="The converter and transformers read this checkpoint differently. Is it a new variant of the architecture?",
        )


def windows_of(tokens: Sequence[int], *, most: int) -> list[list[int]]:
    """At most `most` tokens of a text in windows of equal length; a short rest is left out."""
    size = min(WINDOW, len(tokens))
    return (
        [list(tokens[at : at + size]) for at in range(0, min(len(tokens), most) - size + 1, size)] if size > 1 else []
    )


@contextmanager
def _opened(path: Path, *, cache: str, threads: int) -> Iterator[Callable[[Sequence[int]], Logits]]:
    """A model as a function: from tokens to the logits at every position."""
    kind = {"q8_0": llama_cpp.GGML_TYPE_Q8_0, "f16": llama_cpp.GGML_TYPE_F16}[cache]
    try:
        llm = Llama(
            str(path), n_ctx=WINDOW, n_batch=BATCH_TOKENS, n_ubatch=BATCH_TOKENS, n_threads=threads,
            n_threads_batch=threads, flash_attn=True, type_k=kind, type_v=kind, logits_all=True, verbose=False,
        )  # fmt: skip
    except (ValueError, RuntimeError) as exc:
        raise ModelError(f"llama.cpp cannot open {path}: {exc}.", hint="Is enough memory free?") from exc

    def logits(tokens: Sequence[int]) -> Logits:
        llm.reset()
        llm.eval(list(tokens))
        return np.array(llm.scores[: len(tokens)])

    try:
        yield logits
    finally:
        llm.close()


def _cosines(ours: Logits, theirs: Logits) -> NDArray[np.float64]:
    """For each position, without the mean: a constant added to all logits changes nothing."""
    size = min(ours.shape[1], theirs.shape[1])  # either may be padded
    one, two = (np.asarray(rows[:, :size], np.float64) for rows in (ours, theirs))
    one, two = (rows - rows.mean(axis=1, keepdims=True) for rows in (one, two))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return (one * two).sum(axis=1) / np.maximum(lengths, 1e-30)


def _losses(rows: Logits, tokens: Sequence[int]) -> list[float]:
    """Minus the log of how likely each token was after those before it."""
    rows = rows[:-1].astype(np.float64)
    top = rows.max(axis=1, keepdims=True)
    total = np.log(np.exp(rows - top).sum(axis=1)) + top[:, 0]
    return list(total - rows[np.arange(len(rows)), np.asarray(tokens[1:])])
