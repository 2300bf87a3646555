"""Runs llama.cpp's converter, in a process of its own: python run_converter.py SOURCE PRE ARGUMENTS...

PRE is the pre-tokenizer to write where the converter does not recognise the tokenizer, or `=NAME` to write in any case.
The converter tells pre-tokenizers by a hash of token numbers, which no tokenizer of one's own can have, and has no
option for it. Whether the name was right is proven afterwards (vocabulary.py). The code that a checkpoint may bring
along is never run.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(source: Path, pre: str, arguments: list[str]) -> None:
    """Set the converter up and let it run."""
    sys.path[:0] = [str(source), str(source / "gguf-py")]
    _trust_no_code()
    import convert_hf_to_gguf  # type: ignore[import-not-found]  # noqa: PLC0415
    from conversion import TextModel  # type: ignore[import-not-found]  # noqa: PLC0415

    original = TextModel.get_vocab_base_pre

    def pre_tokenizer(self: Any, tokenizer: Any) -> str:
        try:
            name, how = (pre[1:], "given") if pre.startswith("=") else (original(self, tokenizer), "recognised")
        except NotImplementedError:  # how llama.cpp says that it has no hash of this tokenizer: `pre` is tried
            name, how = pre, "unknown"
        print(f"edgereel-pre {how} {name}", flush=True)
        return str(name)

    TextModel.get_vocab_base_pre = pre_tokenizer
    sys.argv = ["convert_hf_to_gguf.py", *arguments]
    convert_hf_to_gguf.main()


def _trust_no_code() -> None:
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415

    for kind in (AutoConfig, AutoTokenizer):
        kind.from_pretrained = _never_trusting(kind.from_pretrained)


def _never_trusting(load: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(load)
    def call(*args: Any, **options: Any) -> Any:
        return load(*args, **{**options, "trust_remote_code": False})

    return call


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
