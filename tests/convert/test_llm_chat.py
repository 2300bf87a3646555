"""Published chat templates, which llama.cpp keeps beside its converter, are read into the fields of a manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import smollm
from transformers import AutoTokenizer

from edge.errors import ModelError
from edge.manifest import load_manifest
from tools.convert.llm.chat import Chat, read_chat, renderer
from tools.convert.llm.llamacpp import converter_source


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> object:
    return AutoTokenizer.from_pretrained(smollm(tmp_path_factory.mktemp("chat") / "smollm"))


def read(name: str, tokenizer: object) -> Chat:
    text = (converter_source().folder / "models/templates" / f"{name}.jinja").read_text(encoding="utf-8")
    return read_chat(renderer(tokenizer, text), source=text, ends=["<eos>"])


def test_that_of_qwen3_gives_what_was_written_by_hand(tokenizer: object) -> None:
    chat = read("Qwen-Qwen3-0.6B", tokenizer)
    wanted = load_manifest(Path(__file__).resolve().parents[2] / "models/qwen3-0.6b")
    assert (chat.template.system, chat.template.user, chat.template.assistant, chat.template.no_think, chat.thinking) == (
        wanted.template.system, wanted.template.user, wanted.template.assistant, wanted.template.no_think, wanted.thinking
    )  # fmt: skip
    assert chat.template.stop == ["<|im_end|>", "<eos>"]


@pytest.mark.parametrize(
    ("name", "stop", "kind", "opening"),
    [
        ("meta-llama-Llama-3.2-3B-Instruct", "<|eot_id|>", "scratchpad", "Notes: the clip shows"),
        ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "<｜end▁of▁sentence｜>", "native", "<think>\n"),
        ("ByteDance-Seed-OSS", "<seed:eos>", "native", "<seed:think>\n"),
        ("HuggingFaceTB-SmolLM3-3B", "<|im_end|>", "native", "<think>\n"),
    ],
)
def test_others_say_how_they_end_and_think(name: str, stop: str, kind: str, opening: str, tokenizer: object) -> None:
    chat = read(name, tokenizer)
    assert (chat.template.stop[0], chat.thinking.kind, chat.thinking.open) == (stop, kind, opening)
    assert chat.template.user.count("{text}") == chat.template.system.count("{text}") == 1


def test_a_template_without_a_system_role_gets_the_instruction_before_the_first_turn(tokenizer: object) -> None:
    chat = read("google-gemma-2-2b-it", tokenizer)
    assert chat.template.system.endswith("{text}\n\n") and "no system turn" in chat.notes[0]
    assert chat.template.user == "<start_of_turn>user\n{text}<end_of_turn>\n"


@pytest.mark.parametrize("name", ["meetkai-functionary-medium-v3.1", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use"])
def test_one_that_cannot_be_cut_is_refused_with_a_way_out(name: str, tokenizer: object) -> None:
    with pytest.raises(ModelError, match="--chat-template"):
        read(name, tokenizer)
