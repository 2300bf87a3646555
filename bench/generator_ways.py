"""Ways to run the generator's networks, each called in a process of its own: edgereel's, onnxruntime's and OpenVINO's."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Feed = Mapping[str, Any]
Run = Callable[[Feed], Any]
Inputs = dict[str, dict[str, tuple[list[int], str]]]  # part -> input -> shape and dtype


def ours(folder: str, inputs: Inputs, runs: int, threads: int, cache: str) -> dict[str, Any]:
    """As the product opens them, from its cache of prepared networks."""
    from edge.manifest import load_manifest
    from edge.video.session import open_session

    parts = load_manifest(Path(folder)).parts  # type: ignore[union-attr]

    def opened(name: str) -> Run:
        path = Path(folder) / parts[name].file
        session, _ = open_session(path, parts[name], threads=threads, cache=Path(cache) if cache else None)
        return lambda feed: session.run(None, feed)

    return _measured(opened, inputs, runs)


def onnxruntime(folder: str, inputs: Inputs, runs: int, threads: int, spin: bool) -> dict[str, Any]:  # noqa: FBT001 - it comes as JSON
    """As its documentation opens them; 0 threads is its default."""
    import onnxruntime as ort

    ort.set_default_logger_severity(3)

    def opened(name: str) -> Run:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        if not spin:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = ort.InferenceSession(f"{folder}/{name}.onnx", options, providers=["CPUExecutionProvider"])
        return lambda feed: session.run(None, feed)

    return _measured(opened, inputs, runs)


def openvino(folder: str, inputs: Inputs, runs: int) -> dict[str, Any]:
    """As its documentation opens them, for the shortest time of one run."""
    import openvino as ov

    core = ov.Core()

    def opened(name: str) -> Run:
        compiled = core.compile_model(f"{folder}/{name}.onnx", "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        return request.infer

    return _measured(opened, inputs, runs)


def compare(folder: str, twins: str, inputs: Inputs) -> dict[str, Any]:
    """How far the twins' results are from the shipped ones', as a share of their spread."""
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    told = {}
    for name in inputs:
        pair = [
            ort.InferenceSession(f"{one}/{name}.onnx", providers=["CPUExecutionProvider"]) for one in (folder, twins)
        ]
        feed = feeds(inputs)[name]
        one, other = (np.asarray(session.run(None, feed)[0], np.float64) for session in pair)
        told[name] = float(np.abs(one - other).mean() / (one.std() + 1e-9))
    return told


def feeds(inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Random inputs; numbers of values are zero."""
    rng = np.random.default_rng(0)
    return {
        part: {name: rng.normal(size=shape).astype(dtype) if dtype.startswith("float") else np.zeros(shape, dtype)
               for name, (shape, dtype) in wanted.items()}
        for part, wanted in inputs.items()
    }  # fmt: skip


def _measured(opened: Callable[[str], Run], inputs: Inputs, runs: int) -> dict[str, Any]:
    """Milliseconds of every run of each part, and the anonymous memory that grew: by opening, and after the runs."""
    given = feeds(inputs)
    for made in given.values():
        for array in made.values():
            array.sum()  # its pages are there
    before = _anonymous_mib()
    began = time.perf_counter()
    parts = {name: opened(name) for name in inputs}
    open_s = time.perf_counter() - began
    opened_mib = _anonymous_mib() - before
    for name, run in parts.items():
        run(given[name])  # warm
    took: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(runs):
        for name, run in parts.items():
            at = time.perf_counter()
            run(given[name])
            took[name].append(1000 * (time.perf_counter() - at))
    return {"ms": took, "open_s": open_s, "opened_mib": opened_mib, "run_mib": _anonymous_mib() - before}


def _anonymous_mib() -> float:
    """Of this process, after what was freed has gone back."""
    ctypes.CDLL(None).malloc_trim(0)
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) / 1024
