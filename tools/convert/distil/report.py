"""What a distillation did, for people (report.md) and for programs (report.json), beside the pack that it made."""

from __future__ import annotations

import json
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from edge import __version__
from edge.manifest import VideoManifest, file_sha256, load_manifest
from edge.memory_plan import estimate_mib
from edge.mode import Mode
from tools.convert.distil.work import Work
from tools.convert.proof import proof, sums, write_both
from tools.convert.steps import Facts

LIBRARIES = ("accelerate", "torch", "onnx", "onnxruntime", "opencv-python-headless", "numpy")
MIB = 1 << 20


def write_report(folder: Path, *, work: Work, facts: Facts, seconds: dict[str, float]) -> None:
    """Write both files."""
    order, seen = work.order, work.seen
    manifest = cast("VideoManifest", load_manifest(folder))
    report = {
        "pack": manifest.name, "teacher": seen.given.kind, "licence": manifest.licence, "clips": facts["clips"],
        "unseen": facts["unseen"], "left_out": seen.given.left_out, "residue": facts["residue"],
        "values": {name: list(slot.values) for name, slot in manifest.vocabulary.items()},
        "said": {name: dict(counts) for name, counts in seen.often.items()}, "example": _example(manifest),
        "autoencoder": _last(order.work / "decoder.log") or _last(order.work / "encoder.log"),
        "generator": _last(order.work / "student.log"), "parity": json.loads((order.work / "parity.json").read_text()),
        "inputs": {path.name: file_sha256(path) for path in (order.vocabulary, *seen.given.inputs)},
        "versions": {"edgereel": __version__, **{name: metadata.version(name) for name in LIBRARIES}},
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in manifest.files.items()},
        "bytes": sum(file.bytes for file in manifest.files.values()),
        "board_mib": estimate_mib(Mode.DIRECT.row, video=manifest, llm=None), "peak_mib": facts["peak_mib"], "seconds": seconds,
    }  # fmt: skip
    write_both(folder, report, page=markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    reasons = Counter(reason.split(" (")[0] for reason in report["unseen"].values())
    lines = [
        f"# {report['pack']}",
        "",
        (
            f"Learnt from {report['clips']} clips ({report['teacher']}); {report['bytes'] / MIB:.1f} MiB. Licence: "
            f"{report['licence']}. edgereel plans {report['board_mib']:.0f} MiB for a clip, libraries included."
        ),
        "",
        "## What it draws",
        "",
        "| slot | values, with the captions that say them |",
        "|---|---|",
        *(f"| {name} | {_counted(values, report['said'][name])} |" for name, values in report["values"].items()),
        "",
        "## What was left out",
        "",
        *([f"* no subject of the vocabulary in captions: {len(report['left_out'])}"] if report["left_out"] else []),
        *(f"* {reason}: {count}" for reason, count in reasons.most_common()),
        *([] if report["left_out"] or reasons else ["Nothing."]),
        "",
        "## How close",
        "",
        "| part | signal to noise of INT8 against torch, dB: mean, worst |",
        "|---|---|",
        *(
            f"| {name} | {row['sqnr_db_mean']:.1f}, {row['sqnr_db_worst']:.1f} |"
            for name, row in report["parity"].items() if name != "torch"
        ),
        "",
        f"Autoencoder: {_figures(report['autoencoder'])}. Generator: {_figures(report['generator'])}.",
        "",
        *proof(report, files=sums(report), took=f"It took {report['peak_mib']:.0f} MiB of memory at the most."),
    ]  # fmt: skip
    return "\n".join(lines)


def _example(manifest: VideoManifest) -> str:
    """A prompt that the pack knows."""
    slot = manifest.vocabulary["subject"]
    return (slot.values[slot.default].en or slot.values[slot.default].zh or [slot.default])[0]


def _counted(values: list[str], said: dict[str, int]) -> str:
    return ", ".join(f"{value} ({said.get(value, 0)})" for value in values)


def _figures(row: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in row.items()) or "nothing logged"


def _last(log: Path) -> dict[str, float]:
    """The last line of a training log."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return dict(json.loads(lines[-1])) if lines else {}
