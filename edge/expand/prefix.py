"""The saved state of a language model after the constant part of its prompt: seconds of reading saved at each start.

Why not the library's own caches: they also copy every logit of the prompt, several times the size of the state.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from edge.manifest import file_sha256

SEQUENCE = 0


class PrefixFile:
    """A state file in the cache folder, named after the pack and everything that the state depends on.

    A file that is damaged, foreign or unreadable counts as absent and is written anew; a cache folder that cannot be
    written costs only time.
    """

    def __init__(self, cache: Path, *, pack: str, salt: str) -> None:
        self._folder = cache / "prompts"
        self._pack = pack
        self._salt = salt

    def path(self, tokens: Sequence[int]) -> Path:
        """Where the state after these tokens is kept."""
        key = hashlib.sha256(f"{self._salt} {list(tokens)}".encode()).hexdigest()
        return self._folder / f"{self._pack}-{key[:20]}.state"

    def restore(self, ctx: Any, tokens: Sequence[int]) -> bool:
        """Load the state into sequence 0 of `ctx`; False when there is no good file."""
        path = self.path(tokens)
        try:
            if file_sha256(path) != _proof(path).read_text().strip():
                return False
        except OSError:
            return False
        found = (llama_cpp.llama_token * len(tokens))()
        count = ctypes.c_size_t(0)
        size = llama_cpp.llama_state_seq_load_file(
            ctx, os.fsencode(path), SEQUENCE, found, len(tokens), ctypes.byref(count)
        )
        return bool(size) and list(found[: count.value]) == list(tokens)

    def save(self, ctx: Any, tokens: Sequence[int]) -> None:
        """Write the state of sequence 0 of `ctx`, and remove the older states of this pack."""
        path = self.path(tokens)
        part = path.with_suffix(f".{os.getpid()}.part")
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.glob(f"{self._pack}-*"):
                old.unlink(missing_ok=True)
            if llama_cpp.llama_state_seq_save_file(ctx, os.fsencode(part), SEQUENCE, array, len(tokens)):
                digest = file_sha256(part)
                part.replace(path)
                _proof(path).write_text(digest)
            part.unlink(missing_ok=True)
        except OSError:
            return


def _proof(path: Path) -> Path:
    return path.with_suffix(".sha256")
