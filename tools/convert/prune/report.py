"""What a pruning did, for people (report.md) and for programs (report.json), beside the pack that it made."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__
from edge.manifest import VideoManifest, load_manifest
from tools.convert.proof import proof, sums, write_both
from tools.convert.prune.order import Order

LIBRARIES = ("torch", "onnx", "onnxruntime", "numpy")
MIB = 1 << 20


def write_report(
    folder: Path, *, order: Order, manifest: VideoManifest, facts: dict[str, Any], seconds: dict[str, float]
) -> None:
    """Write both files; `manifest` is that of the pack before."""
    new = load_manifest(folder)
    report = {
        "pack": new.name, "of": manifest.name, "licence": new.licence, "share": facts["share"], "linear": order.linear,
        "scenes": order.scenes, "clips_judged": order.clips, "shards": order.shards is not None,
        "inputs": facts["inputs"], "versions": {"edgereel": __version__, **{name: metadata.version(name) for name in LIBRARIES}},
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in new.files.items()},
        "read_db": facts["before"]["read_db"], "cut_db": facts["cut"]["cut_db"], "tuning": facts["tuning"],
        "before": _side(manifest, facts["before"], facts["compared"], facts["judged"], 0),
        "after": _side(new, facts["cut"], facts["compared"], facts["after"], 1),
        "slot_speed": facts["compared"]["slot"]["speed"], "clip_speed": facts["compared"]["clip"]["speed"],
        "x0_db": facts["compared"]["x0_db"], "frames_db": facts["compared"]["frames_db"], "parity": facts["parity"],
        "seconds": seconds,
    }  # fmt: skip
    write_both(folder, report, page=markdown(report))


def _side(
    manifest: VideoManifest, sizes: dict[str, Any], compared: dict[str, Any], judged: dict[str, float], side: int
) -> dict[str, Any]:
    """Everything that stands in the table twice."""
    return {
        "channels": sizes["counts"], "parameters": sizes["parameters"], "gflop": sizes["gflop"],
        "networks_bytes": sum(manifest.files[manifest.parts[name].file].bytes for name in sizes["parameters"]),
        "bytes": sum(file.bytes for file in manifest.files.values()),
        "slot_seconds": compared["slot"]["seconds"][side], "clip_seconds": compared["clip"]["seconds"][side], "judged": judged,
    }  # fmt: skip


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    before, after, tuning = report["before"], report["after"], report["tuning"]
    lines = [
        f"# {report['pack']}",
        "",
        (
            f"{report['of']} with {report['share']:.0%} less to multiply. Licence: {report['licence']}. Chosen by {report['scenes']} "
            f"random scenes, tuned for {tuning['minutes']:.0f} min ({tuning['steps']} steps) by "
            f"{'rendered shards' if report['shards'] else 'what the network said before'}."
        ),
        "",
        f"| | {report['of']} | {report['pack']} | |",
        "|---|---|---|---|",
        *(f"| {name} | {one} | {two} | {change} |" for name, one, two, change in _rows(report)),
        "",
        (
            f"PSNR against {report['of']}: latents {report['x0_db']:.1f} dB, frames {report['frames_db']:.1f} dB. In torch the "
            f"latents were at {report['cut_db']:.1f} dB after the cut and at {tuning['tuned_db']:.1f} dB after the tuning."
        ),
        "",
        "## Channels that stayed",
        "",
        "| set | before | after |",
        "|---|---|---|",
        *(f"| {name} | {count} | {after['channels'][name]} |" for name, count in before["channels"].items()),
        "",
        *proof(report, files=sums(report)),
    ]
    return "\n".join(lines)


def _rows(report: dict[str, Any]) -> list[tuple[str, ...]]:
    before, after = report["before"], report["after"]
    rows: list[tuple[str, ...]] = [
        _row("weights of the denoiser", *(side["parameters"]["denoiser"] / 1e3 for side in (before, after)), "{:,.0f} k"),
        _row(
            "weights of the conditioner", *(side["parameters"]["conditioner"] / 1e3 for side in (before, after)), "{:,.0f} k"
        ),
        _row("GFLOP a slot (denoiser)", before["gflop"], after["gflop"], "{:.2f}"),
        _row("both networks", before["networks_bytes"] / MIB, after["networks_bytes"] / MIB, "{:.2f} MiB"),
        _row("whole pack", before["bytes"] / MIB, after["bytes"] / MIB, "{:.2f} MiB"),
        (
            "denoiser, processor seconds a slot", f"{before['slot_seconds']:.4f}", f"{after['slot_seconds']:.4f}",
            f"{report['slot_speed']:.2f}x as fast",
        ),
        (
            "a clip of a second, processor seconds", f"{before['clip_seconds']:.2f}", f"{after['clip_seconds']:.2f}",
            f"{report['clip_speed']:.2f}x as fast",
        ),
    ]  # fmt: skip
    for name, share in before["judged"].items():
        points = 100 * (after["judged"][name] - share)
        rows.append((f"{name} as asked for", f"{share:.1%}", f"{after['judged'][name]:.1%}", f"{points:+.1f} points"))
    return rows


def _row(name: str, one: float, two: float, form: str) -> tuple[str, ...]:
    return name, form.format(one), form.format(two), f"{two / one - 1:+.0%}"
