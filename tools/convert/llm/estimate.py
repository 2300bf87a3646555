"""What a conversion will take, told before it begins: sizes, disk, memory and time; and a refusal where it cannot fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from tools.convert.llm.checkpoint import Checkpoint
from tools.convert.room import need_disk, need_memory

# Bits of a weight: of most matrices, and of the output head (the token embedding where they are one). Q4_K_M keeps half
# of attention v and feed-forward out in Q6_K.
BITS = {"Q4_0": (4.5, 6.5625), "Q4_1": (5.0, 6.5625), "Q8_0": (8.5, 8.5), "Q4_K_M": (4.85, 6.5625)}
NORM_BITS = 32.0
HEADS = ("lm_head.weight",)
EMBEDDINGS = ("model.embed_tokens.weight", "transformer.wte.weight")
HEAD_BYTES = 6 << 20  # the vocabulary in the file, for 150,000 tokens
SPARE_BYTES = 256 << 20
BASE_BYTES = 900 << 20  # torch, transformers and llama.cpp themselves
FULL_BYTES, HALF_BYTES = 4, 2
# Guesses for one desktop core, in bytes or weights a second: only the order of magnitude is meant.
READ_PER_S, WRITE_PER_S, QUANTISE_PER_S, RUN_PER_S = 300e6, 60e6, 20e6, 2.5e9
START_S = 25.0  # of the two processes of the converter, and of transformers
TOKENS = 130  # of the prompts of parity


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes of each result and of all that lies on the disk at once, bytes of memory at the most, and seconds."""

    results: dict[str, int]
    disk: int
    memory: int
    full: bool
    seconds: float


def estimate(
    checkpoint: Checkpoint, kinds: Sequence[str], *, memory_free: int, threads: int, tokens: int = 0
) -> Estimate:
    """For these result types; `tokens` of a text are read for perplexity. Parity runs in float32 where that fits."""
    full = _peak(checkpoint, FULL_BYTES) <= memory_free
    results = {kind: _result(checkpoint.shapes, kind) for kind in kinds}
    runs = (TOKENS + tokens) * checkpoint.parameters / RUN_PER_S
    seconds = (
        START_S + 2 * checkpoint.stored_bytes / READ_PER_S + checkpoint.half_bytes / WRITE_PER_S + 2 * runs
        + len(kinds) * (checkpoint.parameters / QUANTISE_PER_S * (1 + 1 / threads) + runs)
    )  # fmt: skip
    return Estimate(
        results=results, disk=checkpoint.half_bytes + sum(results.values()) + len(kinds) * HEAD_BYTES + SPARE_BYTES,
        memory=_peak(checkpoint, FULL_BYTES if full else HALF_BYTES), full=full, seconds=seconds,
    )  # fmt: skip


def check_room(needs: Estimate, *, disk_free: int, memory_free: int, where: str) -> None:
    """Raise ResourceError where it cannot fit: told before anything is written."""
    need_disk(
        needs.disk, free=disk_free, where=where, why="the model in 16 bits beside every result",
        hint="Free some space, give --out on a larger disk, or ask for one --type at a time.",
    )  # fmt: skip
    need_memory(
        needs.memory, free=memory_free, why="most of it to run the checkpoint in transformers, which proves the result",
        hint="Close other programs, or use a machine with more memory. No pack is made without that proof.",
    )  # fmt: skip


def _result(shapes: Mapping[str, tuple[int, ...]], kind: str) -> int:
    """Bytes of a GGUF file of these tensors, without its vocabulary."""
    usual, head = BITS[kind]
    tied = not any(name in shapes for name in HEADS)
    bits = 0.0
    for name, shape in shapes.items():
        large = name in HEADS or (tied and name in EMBEDDINGS)
        bits += prod(shape) * (NORM_BITS if len(shape) < 2 else head if large else usual)
    return int(bits / 8)


def _peak(checkpoint: Checkpoint, weight_bytes: int) -> int:
    return BASE_BYTES + weight_bytes * checkpoint.parameters + checkpoint.half_bytes // 2
