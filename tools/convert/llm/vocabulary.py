"""Does llama.cpp cut text into the same tokens as the checkpoint's own tokenizer? Which pre-tokenizer does it take?

The converter knows the tokenizers of published models by a hash; one that was trained or changed by somebody it does not
know. Then the pre-tokenizers of llama.cpp are tried, the usual one of the architecture first, and the first one that cuts
every text just as the tokenizer does is taken: the texts below, and random mixtures of the vocabulary itself, in which
every kind of neighbours meets. None is taken on trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llama_cpp import Llama

from edge.errors import ModelError
from tools.convert.llm.silence import quiet

Cut = Callable[[str], list[int]]
KEY = "tokenizer.ggml.pre"
USUAL = {
    "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen2", "HunYuanDenseV1ForCausalLM": "hunyuan-dense",
    "LlamaForCausalLM": "llama-bpe", "PhiForCausalLM": "gpt-2",
}  # fmt: skip
OTHERS = (
    "gpt-2", "llama-bpe", "qwen2", "smollm", "hunyuan-dense", "gpt-4o", "tekken", "deepseek-llm", "deepseek-v3", "starcoder",
    "falcon", "command-r", "olmo", "qwen35", "bloom", "default",
)  # fmt: skip
TEXTS = (
    "A red balloon rises over snowy mountains at dawn.",
    "It's 3 o'clock; we'll see what they've done, I'm sure! DON'T you?",
    "In 2024 there were 1234567 boats, 12.50 each (about 1,000,000 in all) ...",
    "一只小猫在月光下的屋顶上跳舞，旁边有3朵花。今天天气很好！",
    "Ünïcödé, naïve café, Straße, Ελληνικά, Русский язык, عربي, 한국어, ひらがなカタカナ",
    "🚀 rockets 🎆🎆 and 👩‍🚀 astronauts ✅",
    "def f(x):\n\treturn {'a': x**2, \"b\": [1, 2]}\n\n\n# done  \r\n",
    "   leading,  double   and trailing spaces   \n \n  end",
    "snake_case camelCase HTTPServer a+b=c http://a.example/?q=1&r=2#x",
)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The pre-tokenizer, how it was found (recognised, given or proven), and on how many texts the tokens are equal."""

    pre: str
    how: str
    equal: int
    texts: int


def settle(
    vocabulary: Path, tokenizer: Cut, *, name: str, how: str, architecture: str, mixtures: Sequence[str] = ()
) -> Agreement:
    """Which pre-tokenizer a vocabulary-only GGUF file needs; `name` and `how` are what the converter did.

    `mixtures` are more texts, made of the vocabulary itself.

    Raises ModelError where a given or tried one does not cut text as the tokenizer does.
    """
    texts = (*TEXTS, *mixtures)
    if how in ("recognised", "none"):
        return _agreement(vocabulary, tokenizer, texts, pre=name, how=how)
    tried: list[Agreement] = []
    for pre in candidates(name, architecture) if how == "unknown" else [name]:
        tried.append(_agreement(vocabulary, tokenizer, texts, pre=pre, how="proven" if how == "unknown" else how))
        if tried[-1].equal == len(texts):
            return tried[-1]
    best = max(tried, key=lambda one: one.equal)
    raise ModelError(
        f"llama.cpp would cut text into other tokens than the checkpoint's tokenizer: the best of {len(tried)} pre-tokenizers "
        f"tried, {best.pre}, agrees on {best.equal} of {best.texts} texts. A model that reads other tokens than it was "
        "trained on answers nonsense. Nothing was written.",
        hint="llama.cpp has to know the pattern by which this tokenizer splits words. Where you know it by another name: "
        "--pre NAME; it is proven in the same way.",
    )


def usual(architecture: str) -> str:
    """The pre-tokenizer that models of this architecture mostly have."""
    return USUAL.get(architecture, OTHERS[0])


def candidates(first: str, architecture: str) -> Sequence[str]:
    """What is tried, in order."""
    return tuple(dict.fromkeys((first, usual(architecture), *OTHERS)))


def llama_tokens(path: Path, texts: Iterable[str], *, pre: str = "") -> list[list[int]]:
    """The tokens of texts as llama.cpp cuts them with the vocabulary of a GGUF file, no marks added."""
    overrides: dict[str, bool | int | float | str] | None = {KEY: pre} if pre else None
    with quiet():
        llm = Llama(str(path), vocab_only=True, verbose=False, kv_overrides=overrides)
        try:
            return [list(llm.tokenize(text.encode(), add_bos=False, special=False)) for text in texts]
        finally:
            llm.close()


def _agreement(vocabulary: Path, tokenizer: Cut, texts: Sequence[str], *, pre: str, how: str) -> Agreement:
    try:
        ours = llama_tokens(vocabulary, texts, pre=pre)
    except (ValueError, RuntimeError) as exc:
        raise ModelError(
            f"llama.cpp does not open the vocabulary with the pre-tokenizer {pre!r}: {exc}.",
            hint=f"Names that it knows: {', '.join(OTHERS)} and others, see its src/llama-vocab.cpp.",
        ) from exc
    equal = sum(mine == tokenizer(text) for mine, text in zip(ours, texts, strict=True))
    return Agreement(pre=pre, how=how, equal=equal, texts=len(texts))
