"""ONNX sessions with the settings that an always-on small board needs."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection, Mapping
from functools import cache as once
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.errors import EngineError, ModelError
from edge.part import Part, Tensor
from edge.video.prepared import prepared

FIRST_BYTES = 1 << 16  # of the arena; it grows by doubling
log = logging.getLogger(__name__)


def open_session(
    path: Path, part: Part, *, threads: int, cache: Path | None = None, arena: bool = True
) -> tuple[ort.InferenceSession, Path | None]:
    """Open one part of a pack: explicit threads, no spinning, and one arena for all parts of this process.

    The parts run one after another, so what one has given back serves the next: the four of the shipped pack held 138 MiB
    with an arena each, and 39 with one between them. Every run has the same shapes, so it stops growing after the first;
    without an arena all buffers are mapped and given back in every run, and a decoder took 125 instead of 112 ms here
    (`bench/decoder.py`). No memory pattern: that is one block for a whole run, made beside those of the first run.
    Also gives the file that the weights are mapped from.
    Threads need not follow the free cores as a language model's do: with one of two cores busy, two threads made a
    clip in 0.98 s and one in 0.91 s, since a thread takes the next piece of work when it can.
    A network whose every run takes seconds is better off without an arena, which grows by doubling.

    Raises ModelError when the file does not load or its inputs and outputs are not those of the manifest.
    """
    found, weights = _find(path, threads=threads, cache=cache)
    try:
        session = _open(found, threads=threads, optimised=found != path, arena=arena)
    except ModelError:
        if found == path:
            raise
        shutil.rmtree(found.parent, ignore_errors=True)  # it was damaged; the next start makes it anew
        session, weights = _open(path, threads=threads, optimised=False, arena=arena), None
    _check(path, "input", part.inputs.keys(), [item.name for item in session.get_inputs()])
    _check(path, "output", part.outputs.keys(), [item.name for item in session.get_outputs()])
    return session, weights


def run_session(session: ort.InferenceSession, inputs: Mapping[str, NDArray[Any]], *, name: str) -> NDArray[Any]:
    """The first output of a large network, called `name`. Raises EngineError: its memory may not be had."""
    try:
        return np.asarray(session.run(None, dict(inputs))[0])
    except Exception as exc:  # as in `_open`
        raise EngineError(
            f"The part {name} of the pack cannot be run: {str(exc).splitlines()[0][:200]}.",
            hint="Is enough memory free? A smaller frame takes less: convert the pipeline with another --size.",
        ) from exc


def give_back(session: ort.InferenceSession, inputs: Mapping[str, Tensor]) -> None:
    """Run a small network once on zeros, after which the shared arena gives back to the board what nothing uses."""
    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    zeros = {
        name: np.zeros([size if isinstance(size, int) else 1 for size in tensor.shape], tensor.dtype)
        for name, tensor in inputs.items()
    }
    session.run(None, zeros, options)


def _find(path: Path, *, threads: int, cache: Path | None) -> tuple[Path, Path | None]:
    """The network as this processor wants it, or as it is in the pack where there is no cache to write it to."""
    if cache is None:
        return path, None
    try:
        found, weights = prepared(path, cache=cache, options=_options(threads))
    except Exception as exc:  # noqa: BLE001 - as below, and it only saves memory
        log.info("%s is used as it is: %s.", path.name, str(exc).splitlines()[0][:200])
        return path, None
    return found, weights if weights.is_file() else None


def _open(path: Path, *, threads: int, optimised: bool, arena: bool) -> ort.InferenceSession:
    options = _options(threads)
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = not arena
    if arena:
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
    if optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no public base class
        raise ModelError(
            f"{path} does not load: {str(exc).splitlines()[0][:200]}.", hint="`edgereel models verify` checks the pack."
        ) from exc


@once
def _share_arena() -> None:
    """Make the arena that sessions of this process share if they ask for it.

    See https://onnxruntime.ai/docs/get-started/with-c.html, "Share allocator(s) between sessions".
    """
    cpu = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(cpu, ort.OrtArenaCfg({"initial_chunk_size_bytes": FIRST_BYTES}))


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check(path: Path, what: str, wanted: Collection[str], found: list[str]) -> None:
    if set(wanted) != set(found):
        raise ModelError(
            f"{path}: the manifest names the {what}s {sorted(wanted)}, the file has {sorted(found)}.",
            hint="The manifest and the model belong to different versions; pull the pack again.",
        )
