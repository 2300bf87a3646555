"""The manifest of a converted language model, from its GGUF file and what was found on the way, and its need on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from edge.expand.prompt import constant_prefix
from edge.manifest import (
    BATCH_TOKENS,
    CONTEXT_TOKENS,
    MANIFEST,
    LlmManifest,
    PathSource,
    VideoManifest,
    WeightFile,
    file_sha256,
    load_manifest,
)
from edge.memory_plan import estimate_mib
from edge.mode import Mode
from edge.packs import shipped_root
from edge.whole_file import whole_file
from tools.convert.llm.chat import Chat
from tools.convert.llm.llamacpp import Source
from tools.convert.llm.quantise import load_gguf

BLOCK = 32  # weights that share a scale in Q8_0
KV_BYTES = {"q8_0": 34 / 32, "f16": 2.0}
MIB = 1 << 20
HEAD = "# {what}, converted by `python -m tools.convert llm`; report.md beside this file says how.\n"


class _Dumper(yaml.SafeDumper):
    """Texts with line ends on one line, in quotes, as a person would write them."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\n" in text else None),
)


def write_manifest(
    folder: Path, model: Path, *, name: str, title: str, kind: str, licence: str, chat: Chat, source: Source
) -> LlmManifest:
    """Describe the model file that lies in `folder`, and write its manifest."""
    head = read_head(model, source=source)
    size = model.stat().st_size
    thinks = "thinks natively" if chat.thinking.kind == "native" else "reasons on a scratchpad"
    manifest = LlmManifest(
        format=1, name=name, version="1", description=f"{title}, {kind}, {size / MIB:.0f} MiB; {thinks}",
        licence=licence, source=PathSource(path=model.name), file=model.name,
        files={model.name: WeightFile(sha256=file_sha256(model), bytes=size)}, template=chat.template,
        thinking=chat.thinking, context_tokens=head["context"], vocabulary_size=head["vocabulary"],
        kv_kib_per_token=round(head["kv_values"] * KV_BYTES[head["kv_type"]] / 1024, 4), kv_type=head["kv_type"],
    )  # fmt: skip
    text = yaml.dump(msgspec.to_builtins(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    with whole_file(folder / MANIFEST) as part:
        part.write_text(HEAD.format(what=title) + text, encoding="utf-8")
    read = load_manifest(folder)
    assert isinstance(read, LlmManifest)
    return read


def read_head(model: Path, *, source: Source) -> dict[str, Any]:
    """What a GGUF file says of itself: context, vocabulary, and how many key and value numbers a token leaves."""
    reader = load_gguf(source).GGUFReader(str(model))
    kind = str(reader.fields["general.architecture"].contents())

    def value(key: str, otherwise: int = 0) -> int:
        field = reader.fields.get(f"{kind}.{key}")
        found = field.contents() if field else otherwise
        return max(found) if isinstance(found, list) else int(found)

    heads = value("attention.head_count")
    usual = value("embedding_length") // max(heads, 1)
    key, of_value = value("attention.key_length", usual), value("attention.value_length", usual)
    return {
        "architecture": kind, "context": value("context_length"), "kv_type": kv_type(key, of_value),
        "vocabulary": len(reader.fields["tokenizer.ggml.tokens"].data),
        "kv_values": value("block_count") * value("attention.head_count_kv", heads) * (key + of_value),
    }  # fmt: skip


def kv_type(key: int, value: int) -> Literal["q8_0", "f16"]:
    """The smallest type that heads of these sizes can be kept in."""
    return "f16" if key % BLOCK or value % BLOCK else "q8_0"


def instruction(manifest: LlmManifest) -> str:
    """What a board tells the model before every request, with the video pack that edgereel ships."""
    return constant_prefix(manifest, _shipped_video().vocabulary)


def board_memory(manifest: LlmManifest) -> dict[str, float]:
    """What edgereel plans for this model on a board, in MiB, with the video pack that it ships."""
    video = _shipped_video()
    return {
        "weights": manifest.files[manifest.file].bytes / MIB,
        "keys_and_values": manifest.kv_kib_per_token * min(CONTEXT_TOKENS, manifest.context_tokens) / 1024,
        "logits": BATCH_TOKENS * manifest.vocabulary_size * 4 / MIB,
        "no_think_in_all": estimate_mib(Mode.NO_THINK.row, video=video, llm=manifest),
        "direct_in_all": estimate_mib(Mode.DIRECT.row, video=video, llm=None),
    }


def _shipped_video() -> VideoManifest:
    video = load_manifest(shipped_root() / "tinyreel")
    assert isinstance(video, VideoManifest)
    return video
