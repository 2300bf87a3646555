"""ONNX sessions with the settings that an always-on small board needs."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import onnxruntime as ort

from edge.errors import ModelError
from edge.manifest import Part


def open_session(path: Path, part: Part, *, threads: int) -> ort.InferenceSession:
    """Open one part of a pack: explicit threads, no spinning, and an arena.

    Every run of a part has the same shapes, so the arena stops growing after the first. Without one the buffers of
    every run are mapped and given back anew: a decoder then took 125 instead of 112 ms here, and its peak grew with
    the length of the clip (`bench/decoder.py`).

    Raises ModelError when the file does not load or its inputs and outputs are not those of the manifest.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no public base class
        raise ModelError(
            f"{path} does not load: {str(exc).splitlines()[0][:200]}.", hint="`edgereel models verify` checks the pack."
        ) from exc
    _check(path, "input", part.inputs.keys(), [item.name for item in session.get_inputs()])
    _check(path, "output", part.outputs.keys(), [item.name for item in session.get_outputs()])
    return session


def _check(path: Path, what: str, wanted: Collection[str], found: list[str]) -> None:
    if set(wanted) != set(found):
        raise ModelError(
            f"{path}: the manifest names the {what}s {sorted(wanted)}, the file has {sorted(found)}.",
            hint="The manifest and the model belong to different versions; pull the pack again.",
        )
