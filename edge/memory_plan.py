"""Whether a mode fits into memory, asked before anything is opened, and what it really took, remembered for this board.

A plan counts what is held: anonymous memory, which includes the weights of convolutions that onnxruntime copies, and
locked weights. Until a board has run a mode once, its need is worked out from the manifests.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from edge.diffusers_manifest import DiffusersManifest
from edge.errors import OutputError
from edge.manifest import BATCH_TOKENS, CONTEXT_TOKENS, AnyVideoManifest, LlmManifest
from edge.mode import Mode, ModeRow
from edge.whole_file import whole_file

BASE_MIB = 60.0  # the interpreter with the libraries of a clip without a language model
LLM_CODE_MIB = 40.0  # llama.cpp with its vocabulary and graph
BYTES_PER_LOGIT = 4
MIB = 1 << 20
FORGET = 0.98  # of what was learned, each time that less was needed


def estimate_mib(row: ModeRow, *, video: AnyVideoManifest, llm: LlmManifest | None) -> float:
    """What a mode is expected to hold: the language model is closed before the video model opens."""
    if isinstance(video, DiffusersManifest):
        return video.process_mib
    drawing = video.anonymous_mib
    if not row.language_model or llm is None:
        return BASE_MIB + drawing
    keys = llm.kv_kib_per_token * min(CONTEXT_TOKENS, llm.context_tokens) / 1024
    logits = BATCH_TOKENS * llm.vocabulary_size * BYTES_PER_LOGIT / MIB
    expanding = llm.files[llm.file].bytes / MIB + keys + logits
    return BASE_MIB + LLM_CODE_MIB + max(drawing, expanding)


class Needs:
    """How much each mode holds on this board with these packs, in MiB; learned figures live in `folder`."""

    def __init__(self, folder: Path, *, video: AnyVideoManifest, llm: LlmManifest | None, small_board: bool) -> None:
        packs = [pack for pack in (video, llm) if pack is not None]
        which = "\n".join(sorted(file.sha256 for pack in packs for file in pack.files.values()))
        key = hashlib.sha256(f"{which}\n{small_board}".encode()).hexdigest()[:16]
        self._path = folder / "memory" / f"{key}.json"
        self._video, self._llm = video, llm

    def mib(self, mode: Mode) -> float:
        """What `mode` holds: as learned, else as estimated."""
        learned = self._read().get(_kind(mode))
        return estimate_mib(mode.row, video=self._video, llm=self._llm) if learned is None else learned

    def learn(self, mode: Mode, held_mib: float) -> None:
        """Take in what a finished job held at most. A folder that cannot be written costs only the memory of it."""
        learned, kind = self._read(), _kind(mode)
        if learned.get(kind, 0.0) * FORGET <= held_mib <= learned.get(kind, 0.0):
            return
        learned[kind] = round(max(held_mib, FORGET * learned.get(kind, 0.0)), 1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self._path) as part:
                part.write_bytes(msgspec.json.encode(learned))
        except (OSError, OutputError):
            return

    def _read(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, float])
        except (OSError, msgspec.MsgspecError):
            return {}


def best_that_fits(asked: Mode, needs: Needs, *, free_mib: float) -> tuple[Mode, str]:
    """The best mode from `asked` down that needs no more than `free_mib`, and why it is not `asked`; PAUSED if none."""
    reason = ""
    for mode in list(Mode)[asked.rank : Mode.PAUSED.rank]:
        needed = needs.mib(mode)
        if needed <= free_mib:
            return mode, reason
        reason = reason or f"memory: {mode.value} needs {needed:.0f} MiB, {free_mib:.0f} are free"
    return Mode.PAUSED, reason


def _kind(mode: Mode) -> str:
    """Modes that hold the same."""
    return "language model" if mode.row.language_model else "no language model"
