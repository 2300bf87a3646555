"""Checkpoint to GGUF through llama.cpp's converter: the process, its progress, and what it said when it failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError
from edge.whole_file import whole_file
from tools.convert.llm.llamacpp import Source

RUNNER = Path(__file__).with_name("run_converter.py")
Progress = Callable[[float], None]
PRE = re.compile(rb"^edgereel-pre (\w+) (\S+)$", re.MULTILINE)
SHARE = re.compile(rb"Writing: +(\d+)%")
ERROR = re.compile(rb"^(?:\w+\.)*\w*(?:Error|Exception)(?:: .*)?$|^ERROR.*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class PreTokenizer:
    """The name that was written, and whether the converter recognised the tokenizer (`how`)."""

    name: str = ""
    how: str = "none"


def convert(
    checkpoint: Path, out: Path, *, source: Source, log: Path, pre: str, kind: str = "f16", vocabulary_only: bool = False,
    progress: Progress = lambda _: None,
) -> PreTokenizer:  # fmt: skip
    """Write `out`, whole or not at all. Everything that the converter says goes to `log`. Raises ModelError."""
    with whole_file(out) as part:
        options = ["--vocab-only"] if vocabulary_only else []
        command = [sys.executable, str(RUNNER), str(source.folder), pre, str(checkpoint), "--outfile", str(part)]
        code = _run([*command, "--outtype", kind, *options], log, progress)
        said = log.read_bytes()
        if code or not part.is_file():
            raise ModelError(
                f"llama.cpp's converter gave up on {checkpoint}: {_reason(said, code)} Nothing of it was kept.",
                hint=f"All that it said is in {log}.",
            )
    found = PRE.search(said)
    return PreTokenizer(name=found[2].decode(), how=found[1].decode()) if found else PreTokenizer()


def _run(command: list[str], log: Path, progress: Progress) -> int:
    # Nothing is fetched: a checkpoint is what is in its folder.
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env) as process,
    ):
        assert process.stdout is not None
        try:
            while piece := process.stdout.read1(4096):  # type: ignore[attr-defined]
                out.write(piece)
                if shares := SHARE.findall(piece):
                    progress(int(shares[-1]) / 100)
        except BaseException:
            process.kill()
            raise
    return process.returncode


def _reason(said: bytes, code: int) -> str:
    """The last error in what it said."""
    if code < 0:
        return f"it was ended by signal {-code} (9 may mean that memory ran out)."
    errors = ERROR.findall(said) or said.strip().splitlines()[-1:]
    text = errors[-1].decode(errors="replace").strip() if errors else f"exit code {code}"
    return text if text.endswith(".") else f"{text}."
