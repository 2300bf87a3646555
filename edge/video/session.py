"""ONNX sessions with the settings that an always-on small board needs."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.errors import EngineError, ModelError
from edge.part import Part
from edge.video.prepared import prepared

log = logging.getLogger(__name__)


def open_session(
    path: Path, part: Part, *, threads: int, cache: Path | None = None, arena: bool = True
) -> tuple[ort.InferenceSession, Path | None]:
    """Open one part of a pack: explicit threads, no spinning, and an arena. Also gives the file it maps weights from.

    Every run of a part has the same shapes, so the arena stops growing after the first. Without one the buffers of
    every run are mapped and given back anew: a decoder then took 125 instead of 112 ms here, and its peak grew with
    the length of the clip (`bench/decoder.py`).
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
    if optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no public base class
        raise ModelError(
            f"{path} does not load: {str(exc).splitlines()[0][:200]}.", hint="`edgereel models verify` checks the pack."
        ) from exc


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
