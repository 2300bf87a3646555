"""Texts become the tokens that CLIP's own tokenizer makes of them; `tests/data/clip_tokens.json` was asked of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.manifest import load_manifest
from edge.video.diffusion.clip_tokens import ClipTokenizer, cut

DATA = Path(__file__).resolve().parent / "data"
PACK = DATA / "tinydiffusers"
WANTED = json.loads((DATA / "clip_tokens.json").read_text())


@pytest.fixture(scope="module")
def tokenizer() -> ClipTokenizer:
    return ClipTokenizer(PACK / "tokenizer.json", load_manifest(PACK).tokens)


@pytest.mark.parametrize("text", list(WANTED))
def test_a_text_becomes_the_tokens_of_clip(tokenizer: ClipTokenizer, text: str) -> None:
    assert tokenizer.framed(text)[0].tolist() == WANTED[text]


def test_the_frame_is_as_long_as_the_encoder_wants_and_ends_with_its_mark(tokenizer: ClipTokenizer) -> None:
    for text in ("", "boat " * 500):
        framed = tokenizer.framed(text)
        assert framed.shape == (1, 77) and framed.dtype == "int64"
        assert (framed[0, 0], framed[0, -1]) == (772, 773)


def test_words_are_cut_at_letters_numbers_and_signs() -> None:
    assert list(cut("It's  4K—(blue) DON'T")) == ["it", "'s", "4", "k", "—(", "blue", ")", "don", "'t"]


@pytest.mark.parametrize("content", [b"not JSON", b"{}", b'{"model": {"vocab": {}, "end_of_word_suffix": ""}}'])
def test_a_file_of_another_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not CLIP's tokenizer"):
        ClipTokenizer(path, load_manifest(PACK).tokens)
