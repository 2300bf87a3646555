"""Runs inside the emulated board: loads a model, writes tokens, and prints what it found as one line of JSON."""

from __future__ import annotations

import itertools
import json
import platform
import sys
import time

import llama_cpp

TOKENS = 32
PROMPT = "A red balloon rises over snowy mountains. The camera"


def main() -> None:
    """speak.py FILE.gguf: settings are those of edgereel on a small board."""
    model = llama_cpp.Llama(
        model_path=sys.argv[1], n_ctx=128, n_batch=64, n_ubatch=64, n_threads=1, n_threads_batch=2, flash_attn=True,
        type_k=llama_cpp.GGML_TYPE_Q8_0, type_v=llama_cpp.GGML_TYPE_Q8_0, verbose=False,
    )  # fmt: skip
    start = time.monotonic()
    stream = model.generate(model.tokenize(PROMPT.encode()), temp=0.0)
    tokens = list(itertools.islice(stream, TOKENS))
    found = {
        "machine": platform.machine(),
        "c_library": " ".join(platform.libc_ver()),
        "features": llama_cpp.llama_print_system_info().decode(),
        "tokens": len(tokens),
        "text": model.detokenize(tokens).decode("utf-8", "replace"),
        "seconds": time.monotonic() - start,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
