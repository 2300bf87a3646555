"""The pipeline's tokenizer in the file of a pack, and the proof that a board cuts texts with it as the pipeline does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from edge.diffusers_manifest import Tokens
from edge.errors import ModelError
from edge.video.diffusion.clip_tokens import ClipTokenizer
from tools.convert.diffusion.texts import CALIBRATION, HELD_OUT

FILE = "tokenizer.json"
TEXTS = (
    "", "It's 12 o'clock; we'll see 1234 boats (masterpiece:1.2), 8k!!", "一只小猫在月光下的屋顶上跳舞",
    "Ünïcödé café, ½ of ² — “quotes”… ¿qué?", "e\u0301 accents \u00a0 and\todd \n spaces", "emoji 🎈 and flags 🇨🇳",
    *CALIBRATION, *HELD_OUT,
)  # fmt: skip
MIXTURES, WORDS = 200, 12


def write_tokenizer(source: Path, target: Path) -> Tokens:
    """Write the tokenizer of the folder `source` to the file `target`. Raises ModelError where a board cuts otherwise."""
    from transformers import CLIPTokenizerFast  # noqa: PLC0415 - seconds to import

    try:
        theirs: Any = CLIPTokenizerFast.from_pretrained(source, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError) as exc:
        raise ModelError(
            f"{source} cannot be opened as CLIP's tokenizer: {str(exc).splitlines()[0]} Nothing was written.",
            hint="The text encoder must be CLIP's, with vocab.json and merges.txt.",
        ) from exc
    target.parent.mkdir(parents=True, exist_ok=True)
    theirs.backend_tokenizer.save(str(target))
    tokens = Tokens(
        file=target.name, length=int(theirs.model_max_length), begin=theirs.bos_token_id, end=theirs.eos_token_id,
        pad=theirs.pad_token_id,
    )  # fmt: skip
    _prove(ClipTokenizer(target, tokens), theirs)
    return tokens


def _prove(ours: ClipTokenizer, theirs: Any) -> None:
    """Fixed texts, and words of its own vocabulary mixed by lot."""
    rng = random.Random(5)
    words = [piece.replace("</w>", "") for piece in theirs.get_vocab() if piece.isascii() and "|" not in piece]
    mixed = [" ".join(rng.choices(words, k=WORDS)) for _ in range(MIXTURES)]
    for text in (*TEXTS, *mixed):
        framed = theirs(text, padding="max_length", truncation=True)["input_ids"]
        if ours.framed(text)[0].tolist() != framed:
            raise ModelError(
                f"A board would cut {text[:60]!r} into other tokens than the pipeline does. No pack was made.",
                hint="Its tokenizer is not CLIP's; pipelines with another text encoder cannot be converted yet.",
            )
