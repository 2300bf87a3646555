"""A Hugging Face checkpoint folder: what it holds, read from its small files and the heads of its weight files.

Only safetensors are read: a pickled weight file can run code, and so can a checkpoint's own Python files, which are
never loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from tools.convert.licence import CARDS, licence_of
from tools.convert.weight_heads import shapes_of

CONFIG = "config.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
SMALL = ("config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja", *TOKENIZERS)
HALF_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One folder. `shapes` are its tensors by name; `architecture` is the class that its config names."""

    folder: Path
    architecture: str
    model_type: str
    licence: str
    weights: tuple[Path, ...]
    shapes: dict[str, tuple[int, ...]]
    stored_bytes: int

    @property
    def parameters(self) -> int:
        """How many numbers the weights hold."""
        return sum(prod(shape) for shape in self.shapes.values())

    @property
    def half_bytes(self) -> int:
        """Their size in 16 bits each."""
        return HALF_BYTES * self.parameters

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the result depends on."""
        small = [self.folder / name for name in (*SMALL, *CARDS)]
        return (*(path for path in small if path.is_file()), *self.weights)


def read_checkpoint(folder: Path, *, known: frozenset[str], version: str, licence: str = "") -> Checkpoint:
    """Look at a checkpoint whose architecture is one of `known` to llama.cpp of this `version`.

    Raises ModelError where it is none, its architecture is unknown, or it lacks tokenizer, weights or licence.
    """
    config = _config(folder)
    architecture = str((config.get("architectures") or ["none"])[0])
    if architecture not in known:
        raise ModelError(
            f"{folder} is of the architecture {architecture}, which the converter of llama-cpp-python {version} does not "
            "know. Nothing was written.",
            hint="Try a checkpoint of a known one, such as Qwen3ForCausalLM, LlamaForCausalLM or PhiForCausalLM; a newer "
            "llama-cpp-python in requirements.lock may know more.",
        )
    _need_tokenizer(folder)
    weights = _weights(folder)
    shapes, stored = shapes_of(weights)
    return Checkpoint(
        folder=folder, architecture=architecture, model_type=str(config.get("model_type", "")), weights=weights,
        licence=licence or licence_of(folder), shapes=shapes, stored_bytes=stored,
    )  # fmt: skip


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ModelError(
            f"{folder} is no Hugging Face checkpoint: {CONFIG}: {exc.strerror}. Nothing was written.",
            hint="Give the folder that `save_pretrained` wrote or that was cloned from the hub.",
        ) from exc
    except ValueError as exc:
        raise ModelError(f"{path} is not JSON: {exc}.", hint="Fetch the checkpoint again.") from exc
    return config if isinstance(config, dict) else {}


def _need_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ModelError(
            f"{folder} has no tokenizer: none of {', '.join(TOKENIZERS)} is there, and a model without its tokenizer "
            "cannot be spoken to. Nothing was written.",
            hint="Copy the tokenizer files of the checkpoint into that folder (tokenizer.json, tokenizer_config.json).",
        )


def _weights(folder: Path) -> tuple[Path, ...]:
    weights = tuple(sorted(folder.glob("*.safetensors")))
    if weights:
        return weights
    pickled = next(iter([*folder.glob("*.bin"), *folder.glob("*.pth")]), None)
    said = f"only {pickled.name}, which is pickled and could run code when it is read" if pickled else "no weights"
    raise ModelError(
        f"{folder} has {said}. Nothing was written.",
        hint="Weights are read from *.safetensors. Where you trust the file, load the model with transformers once and "
        "save it with `save_pretrained`.",
    )
