"""A language model file with the shapes of Qwen3-0.6B and random weights, Q4_0: for memory, not for words.

Format: ggml's docs/gguf.md; tensor names: llama.cpp's src/llama-arch.cpp. Shapes: the model's public config.json.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, FEED, VOCABULARY, CONTEXT = 28, 1024, 16, 8, 128, 3072, 151936, 40960
F32, Q4_0 = 0, 2
BLOCK, BLOCK_BYTES = 32, 18
ALIGN = 32
U32, FLOAT, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5


def write(path: Path, *, seed: int = 0) -> None:
    """Write the file, about 335 MiB."""
    tensors = list(_tensors())
    with path.open("wb") as file:
        keys = list(_keys())
        file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(keys)))
        for name, kind, value in keys:
            _string(file, name)
            file.write(struct.pack("<I", kind))
            _value(file, kind, value)
        offset = 0
        for name, shape, kind in tensors:
            _string(file, name)
            file.write(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset))
            offset += _padded(_size(shape, kind))
        file.write(bytes(-file.tell() % ALIGN))
        rng = np.random.default_rng(seed)
        for _, shape, kind in tensors:
            data = _random(shape, kind, rng)
            file.write(data)
            file.write(bytes(_padded(len(data)) - len(data)))


def _tensors() -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Name, shape with the fastest dimension first, and type; the output shares the embedding."""
    yield "token_embd.weight", (WIDTH, VOCABULARY), Q4_0
    yield "output_norm.weight", (WIDTH,), F32
    for layer in range(LAYERS):
        for name, shape in {
            "attn_norm": (WIDTH,), "attn_q": (WIDTH, HEADS * HEAD), "attn_k": (WIDTH, KV_HEADS * HEAD),
            "attn_v": (WIDTH, KV_HEADS * HEAD), "attn_q_norm": (HEAD,), "attn_k_norm": (HEAD,),
            "attn_output": (HEADS * HEAD, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (WIDTH, FEED),
            "ffn_up": (WIDTH, FEED), "ffn_down": (FEED, WIDTH),
        }.items():  # fmt: skip
            yield f"blk.{layer}.{name}.weight", shape, Q4_0 if len(shape) == 2 else F32


def _keys() -> Iterator[tuple[str, int, Any]]:
    yield "general.architecture", STRING, "qwen3"
    yield "general.name", STRING, "random weights in the shape of Qwen3 0.6B"
    for name, value in {
        "context_length": CONTEXT, "embedding_length": WIDTH, "block_count": LAYERS, "feed_forward_length": FEED,
        "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "attention.key_length": HEAD,
        "attention.value_length": HEAD,
    }.items():  # fmt: skip
        yield f"qwen3.{name}", U32, value
    yield "qwen3.rope.freq_base", FLOAT, 1e6
    yield "qwen3.attention.layer_norm_rms_epsilon", FLOAT, 1e-6
    yield "tokenizer.ggml.model", STRING, "gpt2"
    yield "tokenizer.ggml.pre", STRING, "qwen2"
    yield "tokenizer.ggml.tokens", ARRAY, (STRING, _tokens())
    yield "tokenizer.ggml.token_type", ARRAY, (I32, [1] * VOCABULARY)
    yield "tokenizer.ggml.merges", ARRAY, (STRING, ["a b"])
    yield "tokenizer.ggml.eos_token_id", U32, VOCABULARY - 1
    yield "tokenizer.ggml.add_bos_token", BOOL, False


def _tokens() -> list[str]:
    """The 256 bytes as GPT-2 writes them, then words of the usual length."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {byte: chr(byte) for byte in plain} | {byte: chr(256 + place) for place, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)] + [f"word{number}" for number in range(VOCABULARY - 256)]


def _random(shape: tuple[int, ...], kind: int, rng: np.random.Generator) -> bytes:
    if kind == F32:
        return np.ones(shape, np.float32).tobytes()
    blocks = rng.integers(0, 256, size=(int(np.prod(shape)) // BLOCK, BLOCK_BYTES), dtype=np.uint8)
    blocks[:, :2] = np.frombuffer(np.float16(0.005).tobytes(), np.uint8)  # the scale of a block
    return blocks.tobytes()


def _size(shape: tuple[int, ...], kind: int) -> int:
    count = int(np.prod(shape))
    return 4 * count if kind == F32 else count // BLOCK * BLOCK_BYTES


def _padded(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def _string(file: IO[bytes], text: str) -> None:
    data = text.encode()
    file.write(struct.pack("<Q", len(data)) + data)


def _value(file: IO[bytes], kind: int, value: Any) -> None:
    match kind:
        case 8:
            _string(file, value)
        case 9:
            inner, items = value
            file.write(struct.pack("<IQ", inner, len(items)))
            for item in items:
                _value(file, inner, item)
        case 7:
            file.write(struct.pack("<?", value))
        case _:
            file.write(struct.pack({U32: "<I", FLOAT: "<f", I32: "<i"}[kind], value))
