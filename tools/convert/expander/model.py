"""A llama of GGUF weights in plain torch, for tuning: the base is frozen, every linear layer has a place for a change.

Architecture: Touvron et al. 2023, https://arxiv.org/abs/2302.13971, with grouped queries (Ainslie et al. 2023,
https://arxiv.org/abs/2305.13245). In GGUF files of this architecture the rows of q and k are permuted so that rotary
embedding turns neighbours (2i, 2i+1), not halves: llama.cpp, convert_hf_to_gguf.py, LlamaModel.permute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge.tuned.gguf import Scalar, read_header
from tools.convert.expander.lora import LoraLinear
from tools.convert.expander.weights import Stored, read_tensors

LINEARS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes that the header of the file states."""

    layers: int
    heads: int
    kv_heads: int
    head: int
    base: float
    epsilon: float

    @classmethod
    def of(cls, keys: Mapping[str, Scalar]) -> Shape:
        """Read them. KeyError for a file of another architecture."""
        heads = int(keys["llama.attention.head_count"])
        head = int(keys["llama.embedding_length"]) // heads
        if int(keys.get("llama.rope.dimension_count", head)) != head:
            raise ValueError("only part of a head is rotated")
        return cls(
            layers=int(keys["llama.block_count"]), heads=heads, kv_heads=int(keys["llama.attention.head_count_kv"]),
            head=head, base=float(keys["llama.rope.freq_base"]),
            epsilon=float(keys["llama.attention.layer_norm_rms_epsilon"]),
        )  # fmt: skip


class Block(nn.Module):
    """One layer: attention, then the gated feed-forward."""

    def __init__(self, shape: Shape, tensors: Mapping[str, Stored], name: str) -> None:
        super().__init__()
        self.shape = shape
        for norm in ("attn_norm", "ffn_norm"):
            self.register_buffer(norm, torch.from_numpy(tensors[f"{name}.{norm}.weight"].weights()))
        for linear in LINEARS:
            self.add_module(linear, LoraLinear(tensors[f"{name}.{linear}.weight"]))

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """x [tokens, width], those of the common beginning first."""
        x = x + self._attend(_norm(x, self.attn_norm, self.shape.epsilon), places)
        y = _norm(x, self.ffn_norm, self.shape.epsilon)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))

    def _attend(self, y: Tensor, places: Places) -> Tensor:
        shape = self.shape
        query = _rotate(self.attn_q(y).view(-1, shape.heads, shape.head), places.turns)
        key = _rotate(self.attn_k(y).view(-1, shape.kv_heads, shape.head), places.turns)
        value = self.attn_v(y).view(-1, shape.kv_heads, shape.head)
        key, value = (kept.repeat_interleave(shape.heads // shape.kv_heads, dim=1) for kept in (key, value))
        begun, first_key, first_value = (places.first(part) for part in (query, key, value))
        queries, keys, values = (places.rest(part) for part in (query, key, value))
        keys, values = (
            torch.cat([first.expand(len(rest), -1, -1, -1), rest], dim=2)
            for first, rest in ((first_key, keys), (first_value, values))
        )
        head = functional.scaled_dot_product_attention(begun, first_key, first_value, is_causal=True)
        tail = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=places.seen)
        return self.attn_output(torch.cat([part.transpose(1, 2).reshape(-1, y.shape[1]) for part in (head, tail)]))


class Places:
    """Where the tokens of a batch stand: `begin` common ones, then `batch` rows of `time` that each follow them.

    Rows are padded on the right, so causal order alone keeps the padding out of sight.
    """

    def __init__(self, shape: Shape, *, begin: int, batch: int, time: int, device: torch.device) -> None:
        self.begin, self.batch, self.time = begin, batch, time
        turns = _turns(shape, begin + time)
        self.turns = torch.cat([turns[:begin], turns[begin:].repeat(batch, 1)])[:, None].to(device)
        seen = torch.ones(time, begin + time, dtype=torch.bool).tril(diagonal=begin)
        self.seen = seen.to(device)

    def first(self, x: Tensor) -> Tensor:
        """The common tokens of [tokens, heads, head] as [1, heads, begin, head]."""
        return x[: self.begin].transpose(0, 1)[None]

    def rest(self, x: Tensor) -> Tensor:
        """The rows of [tokens, heads, head] as [batch, heads, time, head]."""
        return x[self.begin :].view(self.batch, self.time, *x.shape[1:]).transpose(1, 2)


class Llama(nn.Module):
    """The whole model; the output layer is the embedding."""

    def __init__(self, path: Path) -> None:
        """Read the file into float32. ModelError, KeyError or ValueError for one that is none of this architecture."""
        super().__init__()
        self.shape = Shape.of(read_header(path).keys)
        tensors = {stored.name: stored for stored in read_tensors(path)}
        self.register_buffer("embedding", torch.from_numpy(tensors["token_embd.weight"].weights()))
        self.register_buffer("norm", torch.from_numpy(tensors["output_norm.weight"].weights()))
        self.blocks = nn.ModuleList(Block(self.shape, tensors, f"blk.{number}") for number in range(self.shape.layers))

    def forward(self, begin: Tensor, tokens: Tensor, wanted: Tensor) -> Tensor:
        """Logits [n, vocabulary] at the places where `wanted` [batch, time] is true.

        `tokens` [batch, time] int64 follow the common beginning `begin` [n], which is computed once for all of them.
        """
        batch, time = tokens.shape
        places = Places(self.shape, begin=len(begin), batch=batch, time=time, device=tokens.device)
        x = functional.embedding(torch.cat([begin, tokens.flatten()]), self.embedding)
        for block in self.blocks:
            x = block(x, places)
        kept = x[len(begin) :][wanted.flatten()]
        return functional.linear(_norm(kept, self.norm, self.shape.epsilon), self.embedding)

    def linears(self) -> dict[str, LoraLinear]:
        """Every linear layer under the name of its tensor in the file."""
        return {
            f"blk.{number}.{linear}.weight": block.get_submodule(linear)
            for number, block in enumerate(self.blocks)
            for linear in LINEARS
        }  # fmt: skip


def _norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), weight, epsilon)


def _turns(shape: Shape, time: int) -> Tensor:
    """Unit complex numbers [time, head / 2]: Su et al. 2021, https://arxiv.org/abs/2104.09864."""
    steps = shape.base ** (-torch.arange(0, shape.head, 2, dtype=torch.float64) / shape.head)
    angles = torch.outer(torch.arange(time, dtype=torch.float64), steps)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def _rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turn neighbours of [tokens, heads, head] by the unit complex numbers [tokens, 1, head / 2]."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)
