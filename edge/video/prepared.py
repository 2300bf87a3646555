"""Networks as this processor wants them: optimised once on the board, with their packed weights in a file to map.

Why: onnxruntime keeps a network's weights in anonymous memory, up to twice, and optimises the graph at every start.
Written out once, with what it packs for this processor, the same networks open three times faster and hold a third of
the anonymous memory (13 and 5 MiB here). A file made by another processor or version would be ignored in silence, so
both are in its name. What convolutions pack cannot be written out; it stays anonymous.
Settings: https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import onnxruntime as ort

MODEL = "model.onnx"
SMALLEST_BYTES = 1024  # what is smaller stays in the graph
CONFIG = "session."


def prepared(path: Path, *, cache: Path, options: ort.SessionOptions, root: Path = Path("/")) -> tuple[Path, Path]:
    """The network to open in the place of `path`, and the file with its weights; `options` are those to make it with.

    Raises OSError where the cache cannot be written, and what onnxruntime raises.
    """
    folder = cache / "sessions" / f"{path.parent.name}-{path.stem}-{_key(path, root=root)}"
    if not (folder / MODEL).is_file():
        _make(path, folder, options)
    return folder / MODEL, folder / f"{path.stem}.bin"


def _make(path: Path, folder: Path, options: ort.SessionOptions) -> None:
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    options.optimized_model_filepath = os.fspath(part / MODEL)
    for name, value in (
        ("optimized_model_external_initializers_file_name", f"{path.stem}.bin"),
        ("optimized_model_external_initializers_min_size_in_bytes", str(SMALLEST_BYTES)),
        ("save_external_prepacked_constant_initializers", "1"),
    ):
        options.add_session_config_entry(CONFIG + name, value)
    ort.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    for file in part.iterdir():
        with file.open("rb+") as written:
            os.fsync(written.fileno())
    for old in folder.parent.glob(f"{path.parent.name}-{path.stem}-*"):
        if old != part:
            shutil.rmtree(old, ignore_errors=True)
    part.replace(folder)


def _key(path: Path, *, root: Path) -> str:
    """Tells apart files, versions of onnxruntime, and kinds of processor."""
    stat = path.stat()
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    processor = sorted({line for line in lines if line.startswith(("flags", "Features", "CPU part", "model name"))})
    seen = [path.resolve(), stat.st_size, stat.st_mtime_ns, stat.st_ino, ort.__version__, *processor]
    return hashlib.sha256("\n".join(map(str, seen)).encode()).hexdigest()[:16]
