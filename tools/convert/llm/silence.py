"""llama.cpp writes a line for every tensor, and warnings that mean nothing here; what fails is told by what it returns."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import llama_cpp
from llama_cpp import _logger


@llama_cpp.llama_log_callback
def _say_nothing(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    return


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing of that for the time of the block; its level alone does not do it, since it counts warnings as errors."""
    llama_cpp.llama_log_set(_say_nothing, ctypes.c_void_p(0))
    try:
        yield
    finally:
        llama_cpp.llama_log_set(_logger.llama_log_callback, ctypes.c_void_p(0))
