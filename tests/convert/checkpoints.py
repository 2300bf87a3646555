"""Small checkpoints with random weights, built on the spot: real architectures, tokenizers trained here, own templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from edge.expand.prompt import constant_prefix
from edge.manifest import LlmManifest, VideoManifest, load_manifest

SENTENCES = (
    "A red balloon rises over snowy mountains at dawn while the camera follows it slowly.",
    "subject colour motion background style light camera weather shots request ideas english",
    "一只小猫在月光下的屋顶上跳舞。红色的气球在雪山上升起。生日快乐！",
    "It's 12 o'clock, we'll see 1234 boats: they've gone. I'm sure you'd like it!",
    '{"shots": [{"subject": "cat", "colour": "red"}]}\n\n    indented  text\ttabs\n',
)
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HUNYUAN = (
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
CHATML = """{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}"""
OFF = (
    "{%- if enable_thinking is defined and enable_thinking is false -%}{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif -%}"
)
HUNYUAN_CHAT = """{{ '<｜hy_begin▁of▁sentence｜>' }}
{%- for message in messages -%}
{%- if message.role == 'system' -%}{{ message.content + '<｜hy_place▁holder▁no▁3｜>' }}
{%- elif message.role == 'user' -%}{{ '<｜hy_User｜>' + message.content }}
{%- else -%}{{ '<｜hy_Assistant｜>' + message.content + '<｜hy_place▁holder▁no▁2｜>' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<｜hy_Assistant｜>' }}
{%- if enable_thinking is defined and not enable_thinking -%}{{ '<think>\\n\\n</think>\\n' }}{%- endif -%}
{%- endif -%}{# answers are <answer>...</answer> #}"""
SIZES: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048, "tie_word_embeddings": True,
}  # fmt: skip


def qwen3(folder: Path) -> Path:
    """Head size 64, tied embeddings, thinking by the template's own switch."""
    tokenizer = _tokenizer(_split(QWEN), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizers.NFC())
    return _write(
        folder,
        "qwen3",
        {**SIZES, "head_dim": 64},
        tokenizer,
        end="<|im_end|>",
        template=f"{CHATML}{OFF}{{%- endif -%}}",
    )


def hunyuan(folder: Path) -> Path:
    """Hunyuan dense with its dynamic rope, and the marks of its conversations."""
    marks = [
        f"<｜hy_{name}｜>"
        for name in ("begin▁of▁sentence", "place▁holder▁no▁2", "place▁holder▁no▁3", "User", "Assistant")
    ]
    cut = pre_tokenizers.Sequence(
        [*(_isolate(pattern) for pattern in HUNYUAN), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    sizes = {**SIZES, "head_dim": 64, "max_position_embeddings": 262144, "rope_theta": 10000.0, "pad_token_id": 0,
             "rope_scaling": {"type": "dynamic", "rope_type": "dynamic", "alpha": 1000.0, "factor": 1.0}}  # fmt: skip
    return _write(
        folder, "hunyuan_v1_dense", sizes, _tokenizer(cut, marks), end=marks[1], start=marks[0], template=HUNYUAN_CHAT
    )


def smollm(folder: Path) -> Path:
    """A llama with single digits, without any thinking."""
    cut = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer = _tokenizer(cut, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return _write(folder, "llama", SIZES, tokenizer, end="<|im_end|>", template=f"{CHATML}{{%- endif -%}}")


def phi2(folder: Path) -> Path:
    """Heads of 80 as in the real one, which no Q8_0 cache holds; no chat template; biases."""
    sizes = {**SIZES, "hidden_size": 320, "intermediate_size": 1280, "num_key_value_heads": 4, "partial_rotary_factor": 0.4,
             "tie_word_embeddings": False}  # fmt: skip
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return _write(folder, "phi", sizes, _tokenizer(cut, ["<|endoftext|>"]), end="<|endoftext|>")


def _tokenizer(cut: Any, marks: list[str], normalizer: Any = None) -> Tokenizer:
    """Byte-level BPE, trained on a few sentences."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = cut, decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1600, initial_alphabet=alphabet, min_frequency=1, show_progress=False)
    tokenizer.train_from_iterator([*SENTENCES, _instruction()], trainer)
    tokenizer.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    return tokenizer


@cache
def _instruction() -> str:
    """What a board tells a language model: a tokenizer that never saw it would cut it into more tokens than fit."""
    root = Path(__file__).resolve().parents[2]
    llm, video = load_manifest(root / "models/smollm2-135m"), load_manifest(root / "tests/data/tinypack")
    assert isinstance(llm, LlmManifest)
    assert isinstance(video, VideoManifest)
    return constant_prefix(llm, video.vocabulary)


def _split(pattern: str) -> Any:
    return pre_tokenizers.Sequence(
        [_isolate(pattern), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _isolate(pattern: str) -> Any:
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated")


def _write(
    folder: Path,
    kind: str,
    sizes: dict[str, Any],
    tokenizer: Tokenizer,
    *,
    end: str,
    start: str = "",
    template: str = "",
) -> Path:
    """Random weights of a spread that makes logits differ, in bfloat16 as most are published."""
    torch.manual_seed(7)
    number = tokenizer.token_to_id
    config = CONFIG_MAPPING[kind](
        **{"pad_token_id": None, **sizes}, vocab_size=tokenizer.get_vocab_size(), eos_token_id=number(end),
        bos_token_id=number(start) if start else None, initializer_range=0.08,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, bos_token=start or None)
    if template:
        fast.chat_template = template
    fast.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: [en]\n---\n# A test\n", encoding="utf-8")
    return folder
