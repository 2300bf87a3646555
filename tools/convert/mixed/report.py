"""What a quantisation did, for people (report.md) and for programs (report.json), beside the pack that it made."""

from __future__ import annotations

from collections import Counter
from importlib import metadata
from math import isfinite
from pathlib import Path
from typing import Any

from edge import __version__
from edge.manifest import AnyVideoManifest, file_sha256
from tools.convert.mixed.compare import psnr
from tools.convert.mixed.order import Look, Order
from tools.convert.proof import proof, sums, write_both

LIBRARIES = ("onnx", "onnxruntime", "numpy")
REPORT = "report.json"
MB = 1e6
EXACT_DB = 150.0  # what is rounded to nothing but the last bits


def write_report(
    folder: Path, *, order: Order, seen: Look, manifest: AnyVideoManifest | None, facts: dict[str, Any],
    seconds: dict[str, float],
) -> None:  # fmt: skip
    """Write both files."""
    names = manifest.files if manifest else sorted(path.name for path in folder.iterdir())
    report = {
        "pack": order.name, "source": str(order.path), "licence": manifest.licence if manifest else "",
        "types": list(order.types), "most_mb": order.most_mb if isfinite(order.most_mb) else None,
        "least_db": order.least_db if isfinite(order.least_db) else None, "kept_bytes": seen.kept,
        "bytes": facts["points"]["mixed"]["bytes"], **facts,
        "files": {name: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size} for name in names},
        "versions": {"edgereel": __version__, **{name: metadata.version(name) for name in LIBRARIES}}, "seconds": seconds,
    }  # fmt: skip
    write_both(folder, report, page=markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    return "\n".join([
        f"# {report['pack']}", "",
        (f"{report['source']}, {report['points']['as it is']['bytes'] / MB:.2f} MB, stored anew in {report['bytes'] / MB:.2f} MB "
        f"({_target(report)}). {_undone(report)}"), "",
        "## Quality against size, time and memory", "",
        *table(report), "",
        ("PSNR is of the part that is least like itself in fp32, on inputs that nothing was chosen with; the clip's is that of "
        "whole frames. Seconds are those of one run of every part, of one thread's processor. MiB is the anonymous "
        "memory of the parts that are open together, opened as a board opens them."), "",
        "## Part by part", "",
        "| part | stored as | MB | PSNR | worst input | SQNR | seconds | MiB |", "|---|---|---|---|---|---|---|---|",
        *(_row(part, point, facts["parts"][part])
          for part in report["weighed"] for point, facts in report["points"].items()), "",
        "## What was chosen", "",
        "| part | layers | operator | stored as | dB that each kind alone leaves |", "|---|---|---|---|---|",
        *_chosen(report), "",
        "## What other sizes would give", "",
        "| MB | PSNR of the worst part, as errors that add up would have it |", "|---|---|",
        *(f"| {size:.2f} | {_db(quality)} |" for size, quality in report["curve"]), "",
        *proof(report, files=sums(report)),
    ])  # fmt: skip


def table(report: dict[str, Any]) -> list[str]:
    """Every way to store the whole, a line each."""
    lines = ["| stored as | MB | PSNR | clip | seconds | MiB |", "|---|---|---|---|---|---|"]
    for point, facts in report["points"].items():
        parts = facts["parts"].values()
        lines.append(
            f"| {point} | {facts['bytes'] / MB:.2f} | {_db(min(one['psnr_db'] for one in parts))} | {_db(facts['clip_db'])} | "
            f"{sum(one['seconds'] for one in parts):.4f} | {facts['mib']:.0f} |"
        )
    return lines


def _target(report: dict[str, Any]) -> str:
    size, quality = report["most_mb"], report["least_db"]
    wanted = [f"{size:g} MB at the most" if size else "", f"a PSNR of {quality:g} dB at the least" if quality else ""]
    return f"asked for: {' and '.join(filter(None, wanted))}, of {', '.join(report['types'])}"


def _undone(report: dict[str, Any]) -> str:
    """Plainly, where there was no true source."""
    found = [part for part, undone in report["undone"].items() if undone]
    if not found:
        return "The source was in fp32."
    return (
        f"**The source was not in fp32**: {', '.join(found)} had been rounded before, and what is called fp32 here is that made "
        "float again. What was lost then counts as nothing, and INT8 as dearly as the rounding of activations alone."
    )


def _row(part: str, point: str, one: dict[str, Any]) -> str:
    return (
        f"| {part} | {point} | {one['bytes'] / MB:.3f} | {_db(one['psnr_db'])} | {_db(one['worst_psnr_db'])} | "
        f"{_db(one['sqnr_db'])} | {one['seconds']:.4f} | {one['mib']:.0f} |"
    )


def _chosen(report: dict[str, Any]) -> list[str]:
    lines = []
    for part, facts in report["weighed"].items():
        kinds = report["points"]["mixed"]["parts"][part]["kinds"]
        for group, options in facts["groups"].items():
            costs = ", ".join(f"{one['kind']} {_db(psnr(one['error']))}" for one in options if one["kind"] != "fp32")
            lines.append(f"| {part} | {group} | {facts['operators'][group]} | {kinds[group]} | {costs} |")
        count = Counter(kinds.values())
        lines.append(f"| **{part}** | {', '.join(f'{number} {kind}' for kind, number in count.items())} | | | |")
    return lines


def _db(value: float | None) -> str:
    if value is None:
        return ""
    return "exact" if value > EXACT_DB else f"{value:.1f} dB"
