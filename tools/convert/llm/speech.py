"""How a checkpoint is spoken to: its tokenizer, its chat template, and the texts that both models are compared on."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from tools.convert.llm.chat import Chat, read_chat, renderer

TEMPLATES = Path(__file__).with_name("templates")
PROMPTS = (
    "A red balloon rises over snowy mountains at dawn.",
    "Happy birthday, grandma! Something warm with candles, please.",
    "一只小猫在月光下的屋顶上跳舞。",
    "Write a short storyboard of a boat in a storm: first far away, then close, then calm water.",
)
MOST_TOKENS = 48  # of a prompt


@dataclass(frozen=True, kw_only=True)
class Speech:
    """The tokenizer of transformers, and the chat fields that were read from its template."""

    tokenizer: Any
    chat: Chat
    template_source: str

    def cut(self, text: str) -> list[int]:
        """Tokens of a text, no marks added."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def mixtures(self, *, count: int = 12, length: int = 300) -> list[str]:
        """Texts of random tokens of the vocabulary, without marks: where a wrong way of cutting shows."""
        rng, size = random.Random(0), len(self.tokenizer)
        marks = {str(token) for token in self.tokenizer.added_tokens_decoder.values()}
        words = (self.tokenizer.decode([number]) for number in rng.choices(range(size), k=count * length))
        plain = [word for word in words if word not in marks and "\ufffd" not in word]
        return ["".join(plain[at : at + length]) for at in range(0, len(plain), length)]

    def prompts(self) -> list[list[int]]:
        """The prompts of parity as a board sends them, in tokens."""
        template = self.chat.template
        texts = [
            template.system.replace("{text}", "You describe clips.")
            + template.user.replace("{text}", text)
            + template.assistant
            for text in PROMPTS
        ]
        return [self.cut(text)[:MOST_TOKENS] for text in texts]


def read_speech(folder: Path, *, template: str = "") -> Speech:
    """Open the tokenizer of a checkpoint; `template` is a file, or the name of one in templates/.

    Raises ModelError: no usable tokenizer, no chat template, or one that cannot be read.
    """
    tokenizer = _tokenizer(folder)
    source, text = _template(folder, tokenizer, template)
    ends = [str(tokenizer.eos_token or ""), *_more_ends(folder, tokenizer)]
    return Speech(
        tokenizer=tokenizer, chat=read_chat(renderer(tokenizer, text), source=text, ends=ends), template_source=source
    )


def preset_names() -> list[str]:
    """The templates that come with the workshop."""
    return sorted(path.stem for path in TEMPLATES.glob("*.jinja"))


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415 - seconds to import

    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, OSError, KeyError, ImportError) as exc:
        raise ModelError(
            f"{folder} has no tokenizer that transformers can open: {str(exc).strip().splitlines()[0]} Nothing was written.",
            hint="Copy tokenizer.json and tokenizer_config.json of the checkpoint into it; its own code is never run.",
        ) from exc


def _template(folder: Path, tokenizer: Any, template: str) -> tuple[str, str]:
    """Where the template is from, and its text."""
    if template:
        path = TEMPLATES / f"{template}.jinja" if template in preset_names() else Path(template)
        try:
            return str(path.name), path.read_text(encoding="utf-8")
        except OSError as exc:
            raise ModelError(
                f"No chat template {template}: {exc.strerror}. Nothing was written.",
                hint=f"Give a .jinja file, or one of: {', '.join(preset_names())}.",
            ) from exc
    text = getattr(tokenizer, "chat_template", None)
    if isinstance(text, dict):
        text = text.get("default")
    if not text:
        raise ModelError(
            f"The tokenizer in {folder} has no chat template, so nothing says how the model is spoken to. Nothing was "
            "written.",
            hint="Look at the model's page for it: --chat-template instruct is Phi-2's form, chatml that of many others, or "
            "give a .jinja file.",
        )
    return "the tokenizer's own", str(text)


def _more_ends(folder: Path, tokenizer: Any) -> list[str]:
    """The end marks that generation_config.json adds."""
    try:
        ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8")).get("eos_token_id")
    except (OSError, ValueError):
        return []
    ids = ends if isinstance(ends, list) else [ends]
    return [str(tokenizer.convert_ids_to_tokens(number)) for number in ids if isinstance(number, int)]
