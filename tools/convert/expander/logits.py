"""What llama.cpp computes for a few prompts, written down so that the torch model can be held against it without llama.cpp.

    python -m tools.convert.expander.logits --base runs/expander/base.gguf --out tests/data/logits.npz

The file holds for each prompt N `N/tokens` and `N/logits` [tokens, SAMPLED] float16, of every 96th word of the vocabulary.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import llama_cpp
import numpy as np
from llama_cpp import Llama
from numpy.typing import NDArray

from tools.convert.expander.recipe import BASE

EVERY = 96
F32_FILE = 0  # llama.h, enum llama_ftype
PROMPTS = (
    "The capital of France is Paris, and the capital of Italy is",
    "<|im_start|>user\nRequest: 祝奶奶生日快乐<|im_end|>\n<|im_start|>assistant\nscene: subject cake, colour pink",
)


def logits(base: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of the file, of the same weights in float32: with quantised ones llama.cpp rounds what flows too."""
    with _in_float32(base) as path:
        llm = Llama(str(path), n_ctx=64, logits_all=True, n_threads=1, verbose=False)
        arrays = dict[str, NDArray[np.generic]]()
        for number, prompt in enumerate(PROMPTS):
            tokens = llm.tokenize(prompt.encode(), add_bos=False, special=True)
            llm.reset()
            llm.eval(tokens)
            arrays[f"{number}/tokens"] = np.array(tokens, np.int64)
            arrays[f"{number}/logits"] = llm.scores[: len(tokens), ::EVERY].astype(np.float16)
        llm.close()
        return arrays


@contextmanager
def _in_float32(base: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f32.gguf"
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype, params.allow_requantize, params.nthread = F32_FILE, True, 1
        if llama_cpp.llama_model_quantize(os.fsencode(base), os.fsencode(path), ctypes.byref(params)):
            raise ValueError(f"llama.cpp cannot convert {base}")
        yield path


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    np.savez_compressed(args.out, **logits(args.base))


if __name__ == "__main__":
    main()
