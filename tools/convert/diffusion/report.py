"""What a conversion did, for people (report.md) and for programs (report.json), beside the pack that it made."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__
from edge.diffusers_manifest import PARTS, DiffusersManifest
from edge.memory_plan import estimate_mib
from edge.mode import Mode
from tools.convert.diffusion.order import Look
from tools.convert.diffusion.parity import BAR_DB
from tools.convert.proof import proof, sums, write_both

LIBRARIES = ("diffusers", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "torch", "numpy")
MIB = 1 << 20


def write_report(
    folder: Path, *, seen: Look, manifest: DiffusersManifest, facts: dict[str, Any], seconds: dict[str, float],
    keep_fp32: bool = False,
) -> None:  # fmt: skip
    """Write both files."""
    report = {
        "pack": manifest.name, "stored": "fp32" if keep_fp32 else "INT8", "pipeline": seen.pipeline.kind, "licence": manifest.licence,
        "parameters": {one.kind: one.parameters for one in seen.pipeline.components}, "inputs": facts["inputs"],
        "versions": {"edgereel": __version__, **{name: metadata.version(name) for name in LIBRARIES}},
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in manifest.files.items()},
        "bytes": sum(file.bytes for file in manifest.files.values()), "bytes_expected": sum(seen.needs.parts.values()),
        "parts": facts["parts"], "bar_db": BAR_DB, "scheduler": manifest.scheduler.kind, "steps": manifest.steps,
        "guidance": manifest.guidance, "frames": manifest.frames, "size": [seen.shape.width, seen.shape.height],
        "board_mib": estimate_mib(Mode.DIRECT.row, video=manifest, llm=None), "peak_mib": facts["peak_mib"],
        "peak_mib_expected": seen.needs.memory / MIB, "seconds": seconds,
    }  # fmt: skip
    write_both(folder, report, page=markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    width, height = report["size"]
    drawn = f"{report['frames']} frames" if report["frames"] > 1 else "one picture"
    lines = [
        f"# {report['pack']}",
        "",
        (
            f"{report['pipeline']}, {sum(report['parameters'].values()) / 1e6:.1f} million weights, as {report['stored']}: "
            f"{report['bytes'] / MIB:.1f} MiB. Licence: {report['licence']}. It draws {drawn} of {width}x{height} in "
            f"{' or '.join(map(str, report['steps']))} steps ({report['scheduler']}, guidance {report['guidance']:g})."
        ),
        "",
        "## Parity with torch, and memory on a board",
        "",
        "| part | MiB | PSNR | worst answer | SQNR | layers: static, dynamic, fp32 | memory of its process, MiB |",
        "|---|---|---|---|---|---|---|",
        *(_row(part, report["parts"][part]) for part in PARTS),
        "",
        (
            f"PSNR is the range of torch's answers against the error, on a prompt that nothing was calibrated with; no pack is "
            f"made below {report['bar_db']:g} dB. One part is open at a time, so that edgereel plans "
            f"{report['board_mib']:.0f} MiB for a clip, libraries included."
        ),
        "",
        *proof(
            report, files=sums(report), took=f"The conversion took {report['peak_mib']:.0f} MiB of memory at the most."
        ),
    ]
    return "\n".join(lines)


def _row(name: str, part: dict[str, Any]) -> str:
    parity, layers = part["parity"], part["layers"]
    return (
        f"| {name.replace('_', ' ')} | {part['bytes'] / MIB:.1f} | {parity['psnr_db']:.1f} dB | "
        f"{parity['worst_psnr_db']:.1f} dB | {parity['sqnr_db']:.1f} dB | {layers['static']}, {layers['dynamic']}, "
        f"{layers['fp32']} | {part['board_mib']:.0f} |"
    )
